"""The HTTP application on a real database, without chain, engine or network: what a route does by itself."""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from fastapi import FastAPI

from linkpool.api.app import Defaults, build_app
from linkpool.api.limits import Rate
from linkpool.contracts.view import Summary
from linkpool.fleet.agents.door import Door
from linkpool.fleet.agents.proof import Proofs
from linkpool.fleet.ground import Ground
from linkpool.fleet.indexer.indexer import Followed
from linkpool.fleet.journal import Journal
from linkpool.fleet.knock import Knock
from linkpool.fleet.nodes.facts import NodeFactory
from linkpool.fleet.pool import NodeOnChain, PoolFacts
from linkpool.fleet.running.groups import Launch
from linkpool.fleet.secrets.keys import Keyring
from linkpool.fleet.treasury.build import Means
from linkpool.fleet.treasury.terms import Limits, Marks, Terms
from linkpool.store import tokens
from linkpool.store.database import Database
from linkpool.units import WHOLE, Juels, Wei
from linkpool.wire.agent import Invite
from tests.support.databases import with_tables
from tests.support.fake_chain import FakeChain
from tests.support.fake_endpoint import FakeEndpoint
from tests.support.jobs import Sources
from tests.support.manual_clock import ManualClock

TOKENS = {scope: f"{scope}-token-{'x' * 20}" for scope in ("read", "operate", "admin", "expired")}


class PaperPool:
    """The contracts, as far as a route asks: no node is registered yet."""

    facts = PoolFacts(31337, "0xlink", "0xpool")
    manager = "0x" + "11" * 20

    def oracle_of(self, wallet: str) -> str:
        return "0x" + hashlib.sha256(wallet.encode()).hexdigest()[:40]

    def invite(
        self, *, wallet: str, senders: Sequence[str], capacity: Juels, deadline: int, nonce: int
    ) -> Invite:
        raise NotImplementedError("nobody leads here")

    async def registered(self, oracle: str) -> bool:
        return False

    async def nodes(self) -> Mapping[str, NodeOnChain]:
        return {}

    async def summary(self) -> Summary:
        return Summary(*["0x" + "11" * 20] * 7, *[0] * 2, 1_000, *[0] * 9)


@dataclass
class ApiHouse:
    """One application; `client` has no token, `headers` give one."""

    app: FastAPI
    client: httpx.AsyncClient
    database: Database
    clock: ManualClock

    @staticmethod
    def headers(scope: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {TOKENS[scope]}"}


def ground(database: Database, clock: ManualClock) -> Ground:
    """Everything an application stands on."""
    keys = Keyring(bytes(range(32)))
    pool = PaperPool()
    return Ground(
        database=database,
        clock=clock,
        journal=Journal(database, clock),
        keys=keys,
        rpc=FakeEndpoint(FakeChain()),
        pool=pool,
        followed=Followed("0xpool", "0xview", 0),
        factory=NodeFactory(database, keys, pool, clock),
        launch=Launch("test", "r", {}),
        means=Means(Terms(Marks(Wei(1), Wei(2)), Limits(Wei(20), Wei(40), Wei(200)), Wei(2))),
        max_fee=Wei(1),
        link_price=None,
        door=Door(Proofs(database).refusal),
        knock=Knock(),
        http=Sources(),
    )


async def prepare(database: Database, clock: ManualClock) -> None:
    """A token of each scope."""
    async with database.write() as session:
        for scope, token in TOKENS.items():
            expires_at = clock.now() - 1 if scope == "expired" else None
            scopes = ["admin" if scope == "expired" else scope]
            await tokens.ensure(session, scope, token, scopes=scopes, now=0.0, expires_at=expires_at)


@asynccontextmanager
async def api_house(folder: Path, rate: Rate | None = None) -> AsyncIterator[ApiHouse]:
    """Build one; it is closed at the end."""
    database = await with_tables(folder / "api.db")
    async with house_on(database, rate) as house:
        yield house
    await database.close()


@asynccontextmanager
async def house_on(database: Database, rate: Rate | None = None) -> AsyncIterator[ApiHouse]:
    """Build one on a database with all tables."""
    clock = ManualClock()
    await prepare(database, clock)
    generous = rate or Rate(per_second=1e6, burst=10**6)
    app = build_app(ground(database, clock), Defaults(rate=generous))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://house") as client:
        yield ApiHouse(app, client, database, clock)


CAPACITY = str(100_000 * WHOLE)
