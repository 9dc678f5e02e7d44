"""A control plane without network: one node of two tasks in a fake engine, replicas on lines in memory."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import SecretStr

from linkpool.engines.protocol import Group, Release
from linkpool.fleet.agents.claims import Claims
from linkpool.fleet.agents.door import Desk, Door
from linkpool.fleet.agents.hub import Hub
from linkpool.fleet.agents.proof import Proofs
from linkpool.fleet.lease import Term
from linkpool.fleet.office import Office
from linkpool.fleet.running.tasks import Tasks
from linkpool.fleet.secrets.keys import Keyring
from linkpool.store import groups, nodes, releases, tokens
from linkpool.store.database import Database
from linkpool.store.groups import Owner
from linkpool.store.tables import Colour, NodeRow
from linkpool.wire.agent import Heartbeat, Hello, NodeFacts, State, Welcome
from tests.support.fake_engine import FakeEngine
from tests.support.line import Line
from tests.support.manual_clock import ManualClock
from tests.support.office import pass_time, take_office

KEYS = Keyring(bytes(range(32)))
SENDERS = [f"0x{number:040x}" for number in range(1, 7)]
GROUP = "n1-blue-1"


async def facts(node: NodeRow) -> NodeFacts:
    return NodeFacts(chain_id=1, link="0xl", pool="0xp", wallet="0xw", oracle="0xo")


@dataclass
class House:
    """One control plane with a node of two tasks; `lead` begins a term."""

    database: Database
    engine: FakeEngine = field(default_factory=FakeEngine)
    clock: ManualClock = field(default_factory=ManualClock)
    visits: list[asyncio.Task[None]] = field(default_factory=list)
    door: Door = field(init=False)
    hub: Hub = field(init=False)
    tasks: Tasks = field(init=False)
    office: Office = field(init=False)
    term: Term = field(init=False)

    def __post_init__(self) -> None:
        self.door = Door(Proofs(self.database).refusal)

    async def build(self) -> None:
        async with self.database.write() as session:
            node = await nodes.want(session, 1, 0.0)
            await nodes.set_addresses(
                session, node.index, wallet="0xw", oracle="0xo", senders=SENDERS, now=0.0
            )
            await releases.put(session, "r", command=["x"], image=None, settings={}, now=0.0)
            await groups.add(
                session,
                GROUP,
                Owner(node=node.index),
                serial=1,
                colour=Colour.BLUE,
                release="r",
                token_hash=tokens.digest("token"),
                now=0.0,
            )
        await self.engine.ensure(Group("test", GROUP, Release("r", ("x",)), {}, "token"))

    async def lead(self) -> None:
        """A new term; an old one's lines are closed."""
        self.door.close()
        self.office = await take_office(self.database, self.clock)
        self.term = self.office.term
        self.tasks = Tasks(self.engine)
        await self.tasks.refresh()
        self.hub = Hub(self.office, tasks=self.tasks, link_price="7")
        claims = Claims(
            self.office, KEYS, self.tasks, proofs=Proofs(self.database), last_heard=self.hub.heard_at
        )
        self.door.open(Desk(self.office.epoch, self.hub, claims, facts, self.tasks, {}))

    def knock(self, task: str, **changes: Any) -> Line:
        """A replica dials and says hello."""
        line = Line()
        self.visits.append(asyncio.create_task(self.door.serve(line)))
        hello = {"group": GROUP, "task": task, "token": SecretStr("token")} | changes
        line.say(Hello(**hello))
        return line

    async def enter(self, task: str, **changes: Any) -> tuple[Line, Welcome]:
        """A replica that comes in and serves."""
        line = self.knock(task, **changes)
        welcome = await line.hear_kind("welcome")
        assert isinstance(welcome, Welcome)
        line.say(Heartbeat(state=State.SERVING, ready=True))
        return line, welcome

    def first_two(self) -> list[str]:
        return list(self.engine.running)[:2]

    async def pass_time(self, seconds: float) -> None:
        """The clock moves and the leader, which renews its lease all along, looks around."""
        pass_time(self.term, self.clock, seconds)
        self.hub.sweep()
        await asyncio.sleep(0)


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    made = House(database)
    await made.build()
    await made.lead()
    yield made
    made.door.close()
    for visit in made.visits:
        visit.cancel()
    await asyncio.gather(*made.visits, return_exceptions=True)
