"""The making of a node, killed at every single step: whatever happened, it ends in the same good state."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from linkpool.chain.fees import FIRST_SHARE
from linkpool.chain.keys import Key
from linkpool.contracts.view import Summary
from linkpool.engines.protocol import EngineUnreachable
from linkpool.fleet.knock import Knock
from linkpool.fleet.nodes.facts import NodeFactory
from linkpool.fleet.nodes.life import Nodes
from linkpool.fleet.nodes.prospects import Prospects
from linkpool.fleet.nodes.wishes import Wishes
from linkpool.fleet.outbox import Outbox
from linkpool.fleet.pool import NodeOnChain, PoolFacts
from linkpool.fleet.running.groups import Groups, Launch
from linkpool.fleet.running.tasks import Tasks
from linkpool.fleet.secrets.keys import Keyring
from linkpool.fleet.treasury.terms import Limits, Marks, Terms
from linkpool.fleet.treasury.treasury import Treasury
from linkpool.store import events, nodes, operations, releases
from linkpool.store.database import Database
from linkpool.store.tables import NodeState, OperationState
from linkpool.units import WHOLE, Juels, Wei
from linkpool.wire.agent import Invite, Member
from tests.support.fake_chain import FakeChain
from tests.support.fake_endpoint import FakeEndpoint, Faults
from tests.support.fake_engine import FakeEngine
from tests.support.fuse import Crash, Fault, FaultyEngine, Fuse, FusedDatabase, FusedEngine, FusedRpc
from tests.support.manual_clock import ManualClock
from tests.support.office import take_office
from tests.support.pool_summary import pool_summary

HIGH = WHOLE // 5
KEYS = Keyring(bytes(range(32)))
FEE = Wei(int(10 * 10**9 / FIRST_SHARE))


class World:
    """What no crash touches: chain, engine, database file, and replicas that do their part."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder / 'control.db'}"
        self.chain = FakeChain(base_fee=10**9)
        self.rpc = FakeEndpoint(self.chain, faults=Faults(latency=0))
        self.engine = FakeEngine()
        self.clock = ManualClock()
        self.chain.fund(Key(KEYS.treasury()).address, 100 * WHOLE)
        self.contents: dict[int, set[tuple[str, int, bytes]]] = {}

    def turn(self) -> None:
        """A block, and a look at what was sent for it."""
        for tx in self.chain.mempool.values():
            self.contents.setdefault(tx.nonce, set()).add((tx.to, tx.value, tx.data))
        self.chain.mine()

    # what the contracts say: a node is there once a replica of it runs and its sender has gas

    facts = PoolFacts(31337, "0xlink", "0xpool")
    manager = Key(KEYS.manager()).address

    def oracle_of(self, wallet: str) -> str:
        return "0x" + hashlib.sha256(wallet.encode()).hexdigest()[:40]

    def invite(
        self, *, wallet: str, senders: Sequence[str], capacity: Juels, deadline: int, nonce: int
    ) -> Invite:
        raise NotImplementedError("no replica asks for one here")

    async def registered(self, oracle: str) -> bool:
        sender = Key(KEYS.sender(1, 0)).address
        return bool(self.engine.running) and self.chain.state.balances.get(sender, 0) > 0

    async def nodes(self) -> dict[str, NodeOnChain]:
        return {}

    async def summary(self) -> Summary:
        return pool_summary(self.manager)

    # what the hub says: every task that runs is alive, and sees what is on chain

    def says_registered(self, node: int) -> bool:
        return bool(self.engine.running)

    def roster(self, node: int) -> tuple[Member, ...]:
        return tuple(Member(task=task, sender="0x", primary=True) for task in self.engine.running)


class Incarnation:
    """One control plane process, from its first call to the world to its last."""

    def __init__(self, world: World, fuse: Fuse, fault: Fault | None = None) -> None:
        self.world = world
        self.database = FusedDatabase(world.url, fuse)
        self.rpc = FusedRpc(world.rpc, fuse)
        self.engine = FusedEngine(FaultyEngine(world.engine, fault or Fault()), fuse)

    async def make_a_node(self) -> None:
        """All that one call and one leader do, until the node serves. Raises Crash."""
        world, clock = self.world, self.world.clock
        await self.database.migrate()
        factory = NodeFactory(self.database, KEYS, world, clock)
        async with self.database.write() as session:
            await releases.put(session, "r", command=["x"], image=None, settings={}, now=clock.now())
        wishes = Wishes(self.database, factory, clock, Knock(), Juels(WHOLE))
        await wishes.make(key="token:once")
        office = await take_office(self.database, clock)
        outbox = Outbox(office, self.rpc, Key(KEYS.treasury()), chain_id=31337, max_fee=FEE)
        tasks = Tasks(self.engine)
        while not tasks.known:
            with suppress(EngineUnreachable):
                await tasks.refresh()
        groups = Groups(office, keys=KEYS, engine=self.engine, tasks=tasks, launch=Launch("test", "r", {}))
        marks = Marks(Wei(HIGH // 4), Wei(HIGH))
        walker = Nodes(
            office,
            factory=factory,
            groups=groups,
            treasury=Treasury(
                office,
                rpc=self.rpc,
                outbox=outbox,
                manager=Key(KEYS.manager()).address,
                terms=Terms(marks, Limits.of(marks), Wei(0)),
                engine="fake",
            ),
            pool=world,
            prospects=Prospects(world, clock),
            tasks=tasks,
            hub=world,
        )
        for _ in range(10):
            if not await walker.step():
                return
            await outbox.step()
            world.turn()
        raise AssertionError("the node does not serve after ten blocks")


async def check(world: World) -> None:
    """One node, one wallet, two tasks, each sender paid once, no nonce used for two things."""
    database = Database(world.url)
    async with database.read() as session:
        rows = await nodes.every(session)
        slots = await nodes.every_slot(session)
        operation = await operations.by_key(session, "token:once")
        kinds = [event.kind for event in await events.after(session, 0)]
    await database.close()
    assert [(row.index, row.state) for row in rows] == [(1, NodeState.SERVING)]
    assert rows[0].wallet == Key(KEYS.wallet(1)).address
    assert len(slots) == 6
    assert operation is not None
    assert operation.state == OperationState.DONE
    assert set(world.engine.groups) == {"n1-blue-1"}
    assert len(world.engine.running) == 2
    assert world.engine.groups["n1-blue-1"].token == KEYS.group_token("n1-blue-1")
    balances = [world.chain.state.balances.get(slot.sender, 0) for slot in slots]
    assert balances == [HIGH, HIGH, 0, 0, 0, 0]
    assert all(len(contents) == 1 for contents in world.contents.values())
    node_events = [kind for kind in kinds if kind.startswith("node_")]
    assert node_events == [
        "node_made", "node_funded", "node_started", "node_registered", "node_serving",
    ]  # fmt: skip


async def test_killed_at_every_step_a_node_is_still_made_once(tmp_path: Path) -> None:
    whole = Fuse()
    (tmp_path / "whole").mkdir()
    world = World(tmp_path / "whole")
    undisturbed = Incarnation(world, whole)
    await undisturbed.make_a_node()
    await undisturbed.database.close()
    await check(world)
    assert whole.steps > 25
    for number in range(1, whole.steps + 1):
        for fuse in (Fuse(before=number), Fuse(after=number)):
            folder = tmp_path / f"{number}-{fuse._after is not None}"
            folder.mkdir()
            world = World(folder)
            first = Incarnation(world, fuse)
            with suppress(Crash):
                await first.make_a_node()
            assert fuse.blown, f"step {number} of {whole.steps} was never reached: {fuse.steps}"
            await first.database.close()
            second = Incarnation(world, Fuse())
            await second.make_a_node()
            await second.database.close()
            await check(world)


async def test_whatever_call_of_the_engine_goes_wrong_a_node_is_made_once(in_memory: Path) -> None:
    async def make(name: str, fault: Fault) -> None:
        (in_memory / name).mkdir()
        world = World(in_memory / name)
        plane = Incarnation(world, Fuse(), fault)
        await plane.make_a_node()
        await plane.database.close()
        await check(world)

    whole = Fault()
    await make("whole", whole)
    assert "ensure" in whole.calls
    for number, call in enumerate(whole.calls, 1):
        for done in (False,) if call == "tasks" else (False, True):
            await make(f"{number}-{done}", Fault(call=number, done=done))
