"""Everything that only the leader does, for the length of one term.

Built anew for every term, so that nothing survives from an earlier one; left by cancellation, in reverse.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from linkpool.chain.keys import Key
from linkpool.chain.rpc import Rpc
from linkpool.engines.protocol import Engine
from linkpool.fleet.adapters.adapters import PROBE_EVERY
from linkpool.fleet.adapters.build import build_adapters
from linkpool.fleet.agents.claims import Claims
from linkpool.fleet.agents.door import Desk, Door
from linkpool.fleet.agents.hub import SWEEP, Hub
from linkpool.fleet.agents.roster import Seat
from linkpool.fleet.alarms import Alarms
from linkpool.fleet.catalog.offers import Offers
from linkpool.fleet.catalog.told import Catalogs
from linkpool.fleet.clock import Clock
from linkpool.fleet.indexer.blocks import BlockReader
from linkpool.fleet.indexer.check import CHECK_SECONDS, Checker
from linkpool.fleet.indexer.indexer import Followed, Indexer
from linkpool.fleet.journal import Journal
from linkpool.fleet.lease import Term
from linkpool.fleet.nodes.facts import NodeFactory
from linkpool.fleet.nodes.life import Nodes
from linkpool.fleet.nodes.prospects import Prospects
from linkpool.fleet.nodes.wishes import Wishes
from linkpool.fleet.outbox import Outbox
from linkpool.fleet.pool import Pool
from linkpool.fleet.rollouts.build import build_rollouts
from linkpool.fleet.rollouts.waves import LOOK_EVERY
from linkpool.fleet.running.flapping import Flapping
from linkpool.fleet.running.groups import REPLICAS, Groups, Launch
from linkpool.fleet.running.recovery import Recovery
from linkpool.fleet.running.strays import EVERY as STRAYS_EVERY
from linkpool.fleet.running.strays import Strays
from linkpool.fleet.running.tasks import REFRESH, Tasks
from linkpool.fleet.scaling.build import build_growth
from linkpool.fleet.scaling.view import Terms as NodeTerms
from linkpool.fleet.secrets.keys import Keyring
from linkpool.fleet.treasury.build import Means, build_money
from linkpool.jobs.services import Http
from linkpool.store import groups, nodes
from linkpool.store.database import Database
from linkpool.store.tables import Colour, NodeState
from linkpool.supervise import forever
from linkpool.units import Juels, Wei, link

DEFAULT_CAPACITY = link(100_000)
GAS_EVERY = 10.0
"""Seconds between two looks at the balances of held slots."""
OUTBOX_EVERY = 1.0
PRESUMED = (NodeState.SERVING, NodeState.DRAINING)
"""Nodes whose running replicas a new leader takes for alive."""


@dataclass(frozen=True)
class Ground:
    """What outlives a term: built once by the composition root. max_fee: wei per gas; link_price: wei."""

    database: Database
    clock: Clock
    journal: Journal
    keys: Keyring
    rpc: Rpc
    pool: Pool
    followed: Followed
    factory: NodeFactory
    launch: Launch
    means: Means
    max_fee: Wei
    link_price: str | None
    door: Door
    knock: asyncio.Event
    http: Http
    """Asks adapters how they are."""
    capacity: Juels = DEFAULT_CAPACITY
    """Juels of active stake that a node takes when none is asked for."""

    @property
    def wishes(self) -> Wishes:
        """What may be asked of the fleet."""
        return Wishes(self.database, self.factory, self.clock, self.knock, self.capacity)

    @property
    def node_terms(self) -> NodeTerms:
        """What a new node is: the stake it takes, and the gas money its first senders are given."""
        return NodeTerms(self.capacity, REPLICAS * self.means.terms.marks.high)


class Leader:
    """One term's loops; `run` returns only by cancellation."""

    def __init__(self, ground: Ground, engine: Engine, term: Term) -> None:
        self._ground = ground
        self._term = term
        self._engine = engine
        self._tasks = Tasks(engine)
        self.alarms = Alarms(ground.database, ground.clock, ground.journal, term.epoch)
        self.hub = Hub(
            term=term,
            tasks=self._tasks,
            clock=ground.clock,
            journal=ground.journal,
            link_price=ground.link_price,
        )
        self._claims = Claims(
            ground.database,
            ground.keys,
            self._tasks,
            ground.clock,
            epoch=term.epoch,
            last_heard=self.hub.heard_at,
        )
        self.outbox = self._outbox_of(ground.keys.treasury())
        """The treasury's transactions."""
        self.manager = self._outbox_of(ground.keys.manager())
        """The manager's: offers, drains, retirements."""
        self.money = build_money(
            ground.means,
            rpc=ground.rpc,
            database=ground.database,
            keys=ground.keys,
            clock=ground.clock,
            journal=ground.journal,
            tasks=self._tasks,
            alarms=self.alarms,
            epoch=term.epoch,
            pool=ground.pool.facts.pool,
            outbox=self.outbox,
            outbox_of=self._outbox_of,
            on_link=self.hub.price,
        )
        self.treasury = self.money.treasury
        self._offers = Offers(
            database=ground.database,
            rpc=ground.rpc,
            pool=ground.pool,
            manager=self.manager,
            hub=self.hub,
            alarms=self.alarms,
            journal=ground.journal,
            clock=ground.clock,
            epoch=term.epoch,
            hold=lambda: self.treasury.hold,
        )
        self._flapping = Flapping(self._tasks, self.alarms, ground.clock)
        self._strays = Strays(database=ground.database, engine=engine, tasks=self._tasks, alarms=self.alarms)
        self._recovery = Recovery(
            engine=engine,
            tasks=self._tasks,
            hub=self.hub,
            journal=ground.journal,
            clock=ground.clock,
            replicas=REPLICAS,
        )
        followed = ground.followed
        reader = BlockReader(ground.rpc, followed.pool, followed.first_block)
        self._indexer = Indexer(ground.database, reader, term.epoch)
        self._checker = Checker(ground.database, ground.rpc, followed, term.epoch)
        self._groups = Groups(
            database=ground.database,
            keys=ground.keys,
            engine=engine,
            tasks=self._tasks,
            clock=ground.clock,
            epoch=term.epoch,
            launch=ground.launch,
        )
        self._adapters = build_adapters(
            http=ground.http,
            database=ground.database,
            keys=ground.keys,
            engine=engine,
            groups=self._groups,
            tasks=self._tasks,
            hub=self.hub,
            alarms=self.alarms,
            journal=ground.journal,
            clock=ground.clock,
            epoch=term.epoch,
        )
        self._catalogs = Catalogs(ground.database, ground.keys, self.hub, self._adapters.places, term.epoch)
        self._tasks.on_change(self._catalogs.tell)
        self._rollouts = build_rollouts(
            database=ground.database,
            engine=engine,
            groups=self._groups,
            tasks=self._tasks,
            hub=self.hub,
            alarms=self.alarms,
            journal=ground.journal,
            clock=ground.clock,
            term=term,
            funded=self._funded,
        )
        self._nodes = Nodes(
            database=ground.database,
            factory=ground.factory,
            groups=self._groups,
            treasury=self.treasury,
            pool=ground.pool,
            prospects=Prospects(ground.pool, ground.clock),
            tasks=self._tasks,
            hub=self.hub,
            journal=ground.journal,
            clock=ground.clock,
            epoch=term.epoch,
        )
        self._growth = build_growth(
            database=ground.database,
            pool=ground.pool,
            rpc=ground.rpc,
            groups=self._groups,
            manager=self.manager,
            wishes=ground.wishes,
            terms=ground.node_terms,
            room=engine.room,
            alarms=self.alarms,
            journal=ground.journal,
            clock=ground.clock,
            epoch=term.epoch,
        )

    def _outbox_of(self, key: str) -> Outbox:
        ground = self._ground
        return Outbox(
            ground.rpc,
            ground.database,
            Key(key),
            term=self._term,
            clock=ground.clock,
            journal=ground.journal,
            chain_id=ground.pool.facts.chain_id,
            max_fee=ground.max_fee,
        )

    async def run(self) -> None:
        """Lead until cancelled: first look at what is, then open the door."""
        ground = self._ground
        try:
            await self._tasks.until_known()
            await self._presume()
            await self.treasury.begin()
            await self._adapters.begin()
            await self._catalogs.step()
            ground.door.open(
                Desk(
                    epoch=self._term.epoch,
                    hub=self.hub,
                    claims=self._claims,
                    facts=ground.factory.facts,
                    tasks=self._tasks,
                    balances=self.treasury.balances,
                    room=self._engine.room,
                    adapters=self._adapters,
                )
            )
            async with asyncio.TaskGroup() as loops:
                for name, step, pause in (
                    ("engine events", self._tasks.follow, 0.25),
                    ("engine tasks", self._tasks.refresh, REFRESH),
                    ("silence", self._sweep, SWEEP),
                    ("nodes", self._walk, 1.0),
                    ("rollouts", self._rollouts.step, LOOK_EVERY),
                    ("gas", self._gas, 0.25),
                    ("outbox", self.outbox.step, OUTBOX_EVERY),
                    ("manager's outbox", self.manager.step, OUTBOX_EVERY),
                    ("catalog", self._catalogs.step, 0.25),
                    ("offers", self._offers.step, 1.0),
                    ("adapters", self._adapters.step, 1.0),
                    ("adapters' health", self._adapters.probe, PROBE_EVERY),
                    ("adapters' recovery", self._adapters.recover, 1.0),
                    ("recovery", self._recover, 1.0),
                    ("strays", self._strays.step, STRAYS_EVERY),
                    ("journal", self._write_journal, 0.05),
                    ("index", self._indexer.turn, 0.0),
                    ("index check", self._checker.step, CHECK_SECONDS),
                    *self.money.loops,
                    *self._growth,
                ):
                    loops.create_task(forever(name, step, pause), name=name)
        finally:
            ground.door.close()

    async def _presume(self) -> None:
        """Who held a slot when the last leader ended, and still runs, counts as alive for now."""
        async with self._ground.database.read() as session:
            rows = {row.index: row for row in await nodes.every(session)}
            slots = await nodes.slots(session)
            colours = {row.name: Colour(row.colour) for row in await groups.all_living(session)}
        for slot in slots:
            task = self._tasks.get(slot.task) if slot.task else None
            node = rows[slot.node]
            if task is not None and task.group in colours and node.state in PRESUMED:
                self.hub.presume(node, Seat(task.id, slot.sender, colours[task.group], True, 0.0))

    async def _sweep(self) -> None:
        self.hub.sweep()

    async def _walk(self) -> None:
        await self._nodes.run(self._ground.knock)

    async def _gas(self) -> None:
        """Top up the manager and the senders of held slots; at once when a replica comes in.

        Whoever holds a slot that was just frozen is replaced: the next one gets another slot.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(GAS_EVERY):
                await self.hub.entered.wait()
        self.hub.entered.clear()
        async with self._ground.database.read() as session:
            slots = await nodes.slots(session)
        held = {slot.sender: slot.task for slot in slots if slot.task and self._tasks.get(slot.task)}
        for sender in await self.treasury.step(list(held)):
            if (task := held.get(sender)) is not None:
                await self._engine.replace(task, "its sender is frozen")

    async def _funded(self, senders: Sequence[str]) -> bool:
        """Whether these have gas enough; if not as far as is known, it is seen to now."""
        low, known = self._ground.means.terms.marks.low, self.treasury.balances
        return all(known.get(sender, 0) >= low for sender in senders) or await self.treasury.top_up(senders)

    async def _recover(self) -> None:
        async with self._ground.database.read() as session:
            living = await groups.all_living(session)
            oracles = {row.index: row.oracle for row in await nodes.every(session)}
        await self._recovery.step({row.name: row.node for row in living if row.node is not None})
        owners = {row.name: oracles.get(row.node or 0) or row.bridge or "a new node" for row in living}
        await self._flapping.step({row.name: f"{owners[row.name]} {row.colour}" for row in living})

    async def _write_journal(self) -> None:
        await self._ground.journal.flush(self._term.epoch)
