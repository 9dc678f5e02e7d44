"""The catalog's loops in memory: a chain that knows offers, an engine, adapters' programs, replicas that take
what they are told, and a clock, none of which a crash touches.

`Plane` is one control plane from its first call to its last, every call through a fuse. A turn is a second:
a block, and a step of each loop.
"""

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from eth_abi.abi import decode

from linkpool.chain import rpc
from linkpool.chain.keys import Key
from linkpool.contracts.pool import Offer
from linkpool.contracts.pool import Pool as PoolContract
from linkpool.engines.protocol import Task
from linkpool.fleet.adapters.build import build_adapters
from linkpool.fleet.alarms import Alarms
from linkpool.fleet.catalog.apply import CatalogDesk, Step
from linkpool.fleet.catalog.offers import Offers
from linkpool.fleet.catalog.told import Catalogs
from linkpool.fleet.outbox import Outbox
from linkpool.fleet.pool import PoolFacts
from linkpool.fleet.running.groups import Groups, Launch
from linkpool.fleet.running.tasks import Tasks
from linkpool.fleet.secrets.keys import Keyring
from linkpool.jobs.services import HttpReply, HttpRequest, Unreachable
from linkpool.jobs.spec import parse_job
from linkpool.store.database import Database
from linkpool.units import WHOLE, Wei
from linkpool.wire.agent import Catalog
from tests.support.fake_chain import Call, FakeChain, Revert
from tests.support.fake_endpoint import FakeEndpoint, Faults
from tests.support.fake_engine import FakeEngine
from tests.support.fuse import Fuse, FusedDatabase, FusedEngine, FusedRpc
from tests.support.manual_clock import ManualClock
from tests.support.office import pass_time, take_office

KEYS = Keyring(bytes(range(32)))
MANAGER = Key(KEYS.manager()).address
POOL = "0x" + "70" * 20
SELECTOR = PoolContract(POOL).set_offer(Offer(bytes(32), 0, 0, 0, open=False)).data[:4]
OFFER = "(bytes32,uint256,uint256,uint256,bool)"
TURN = 1.0
BLOCK = 60
"""Seconds of the chain in a turn."""


def _set_offer(call: Call) -> bytes:
    """The pool's contract, as far as the manager goes here."""
    if call.sender != MANAGER or call.data[:4] != SELECTOR:
        raise Revert("Only the manager")
    (offer,) = decode([OFFER], call.data[4:])
    call.storage[offer[0]] = offer
    return b""


@dataclass
class World:
    """What stays. Replicas take every catalog they hear of, unless they are `stubborn`."""

    folder: Path
    chain: FakeChain = field(default_factory=lambda: FakeChain(base_fee=10**9))
    engine: FakeEngine = field(default_factory=FakeEngine)
    clock: ManualClock = field(default_factory=ManualClock)
    told: Catalog | None = None
    said: Catalog | None = None
    """What was told last, taken or not."""
    replicas: int = 2
    stubborn: bool = False
    broken: set[str] = field(default_factory=set)
    """Releases whose tasks never answer."""
    sick: set[str] = field(default_factory=set)
    """Tasks that do not answer."""
    asked: list[HttpRequest] = field(default_factory=list)
    open_at: dict[bytes, int] = field(default_factory=dict)
    """When each job id was last seen open, in seconds of the chain."""
    answered: set[str] = field(default_factory=set)
    strict: bool = True
    """Adapters are held to answer all the time."""
    facts: PoolFacts = field(default_factory=lambda: PoolFacts(31337, "0x" + "11" * 20, POOL))

    def __post_init__(self) -> None:
        self.rpc = FakeEndpoint(self.chain, faults=Faults(latency=0))
        self.chain.contracts[POOL] = _set_offer
        self.chain.fund(MANAGER, 100 * WHOLE)

    def again(self, folder: Path) -> "World":
        """The same world once more, to be broken in another way."""
        shutil.copytree(self.folder, folder)
        return replace(deepcopy(self), folder=folder)

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'control.db'}"

    def watch(self) -> None:
        """What holds at every moment, whatever crashed: replicas have every job that may be asked for, and
        are told of a task that answers, for every adapter that ever did.
        """
        now = self.chain.head.timestamp
        for job, offer in self.chain.state.storage.get(POOL, {}).items():
            if offer[4]:
                self.open_at[job] = now
        texts = self.told.jobs if self.told else ()
        served = {spec_id for text in texts for spec_id in parse_job(text).spec_ids}
        for job, at in self.open_at.items():
            assert job in served or now > at + 300, f"{job!r} may be asked for, and nobody serves it"
        for bridge in self.told.bridges if self.told else ():
            answering = [url for url in bridge.urls if self._answers(url)]
            if answering:
                self.answered.add(bridge.name)
            if self.strict and bridge.name in self.answered:
                assert answering, f"nobody answers {bridge}"

    # the pool's contracts

    async def offers(self, jobs: Sequence[bytes]) -> Sequence[Offer]:
        known = self.chain.state.storage.get(POOL, {})
        return [Offer(*known.get(job, (job, 0, 0, 0, False))) for job in jobs]

    async def is_open(self, ids: Sequence[bytes]) -> list[bool]:
        return [offer.open for offer in await self.offers(ids)]

    # the hub

    judging = True

    def acknowledged(self) -> int | None:
        if self.replicas == 0:
            return None
        return self.told.revision if self.told else 0

    def set_catalog(self, catalog: Catalog) -> None:
        self.said = catalog
        if not self.stubborn and (self.told is None or catalog.stamp > self.told.stamp):
            self.told = catalog

    def yield_(self) -> None:
        """The stubborn replicas take what they were told."""
        self.stubborn, self.told = False, self.said

    # the adapters' programs

    async def send(self, request: HttpRequest) -> HttpReply:
        self.asked.append(request)
        if self._answers(request.url):
            return HttpReply(200, b'{"data": {"result": 1}}')
        raise Unreachable(f"{request.url} cannot be reached")

    def _answers(self, url: str) -> bool:
        for task in self.engine.running.values():
            if url.startswith(f"http://{task.address}/"):
                return task.id not in self.sick and task.release not in self.broken
        return False

    def places(self, bridge: str) -> list[str]:
        """Where replicas ask for a bridge."""
        bridges = self.told.bridges if self.told else ()
        return [url for each in bridges if each.name == bridge for url in each.urls]


class _Sends(FusedRpc):
    """Only what is sent is a step: a crash around a read is one around the write before it."""

    async def call(self, method: str, *params: Any) -> Any:
        if method == "eth_sendRawTransaction":
            return await super().call(method, *params)
        return await self._rpc.call(method, *params)

    async def batch(self, calls: Sequence[rpc.Call]) -> list[Any]:
        return await self._rpc.batch(calls)


class _Changes(FusedEngine):
    """The same for an engine."""

    async def tasks(self) -> list[Task]:
        return await self._engine.tasks()


class Plane:
    """One control plane that leads until it crashes."""

    def __init__(self, world: World, fuse: Fuse | None = None) -> None:
        fuse = fuse or Fuse()
        self.world = world
        self.database = FusedDatabase(world.url, fuse)
        self._rpc = _Sends(world.rpc, fuse)
        self._engine = _Changes(world.engine, fuse)
        self.desk = CatalogDesk(self.database, KEYS, world.clock)
        self.alarms: Alarms

    async def lead(self) -> None:
        """Begin a term."""
        world, clock, database = self.world, self.world.clock, self.database
        await database.migrate()
        self._office = office = await take_office(database, clock)
        self.alarms = office.alarms
        self.outbox = Outbox(office, self._rpc, Key(KEYS.manager()), chain_id=31337, max_fee=Wei(100 * 10**9))
        self.tasks = Tasks(self._engine)
        await self.tasks.refresh()
        groups = Groups(
            office, keys=KEYS, engine=self._engine, tasks=self.tasks, launch=Launch("test", "r", {})
        )
        self.adapters = build_adapters(
            office, http=world, keys=KEYS, engine=self._engine, groups=groups, tasks=self.tasks, hub=world
        )
        self.catalogs = Catalogs(office, KEYS, world, self.adapters.places)
        self.tasks.on_change(self.catalogs.tell)
        self.offers = Offers(office, rpc=self._rpc, pool=world, manager=self.outbox, hub=world)
        await self.adapters.begin()
        await self.catalogs.step()

    async def turn(self, count: int = 1) -> None:
        """Time passes, and every loop takes a step."""
        for _ in range(count):
            pass_time(self._office.term, self.world.clock, TURN)
            self.world.chain.mine(timestamp=self.world.chain.head.timestamp + BLOCK)
            await self.tasks.refresh()
            await self.adapters.probe()
            for loop in (self.adapters, self.catalogs, self.offers, self.outbox):
                await loop.step()
            await self.adapters.recover()
            self.world.watch()

    async def change(self, step: Step) -> None:
        """As an operator asks."""
        await self.desk.change(step)

    async def close(self) -> None:
        await Database.close(self.database)


@asynccontextmanager
async def leading(world: World) -> AsyncIterator[Plane]:
    """A control plane that leads, and is closed at the end."""
    plane = Plane(world)
    await plane.lead()
    try:
        yield plane
    finally:
        await plane.close()
