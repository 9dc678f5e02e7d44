"""Everything that only the leader does, for the length of one term.

Built anew for every term, so that nothing survives from an earlier one; left by cancellation, in reverse.
"""

import asyncio
from collections.abc import Iterator

from linkpool.chain.keys import Key
from linkpool.engines.protocol import Engine
from linkpool.fleet.adapters.adapters import PROBE_EVERY
from linkpool.fleet.adapters.build import build_adapters
from linkpool.fleet.agents.claims import Claims
from linkpool.fleet.agents.door import Desk
from linkpool.fleet.agents.hub import SWEEP, Hub
from linkpool.fleet.agents.presume import presume
from linkpool.fleet.agents.proof import Proofs
from linkpool.fleet.catalog.offers import Offers
from linkpool.fleet.catalog.told import Catalogs
from linkpool.fleet.ground import Ground
from linkpool.fleet.indexer.blocks import BlockReader
from linkpool.fleet.indexer.check import CHECK_SECONDS, Checker
from linkpool.fleet.indexer.indexer import Indexer
from linkpool.fleet.lease import Term
from linkpool.fleet.nodes.life import LOOK_EVERY as NODES_EVERY
from linkpool.fleet.nodes.life import Nodes
from linkpool.fleet.nodes.prospects import Prospects
from linkpool.fleet.office import Office
from linkpool.fleet.outbox import Outbox
from linkpool.fleet.rollouts.build import build_rollouts
from linkpool.fleet.rollouts.waves import LOOK_EVERY
from linkpool.fleet.running.flapping import Flapping
from linkpool.fleet.running.groups import REPLICAS, Groups
from linkpool.fleet.running.healing import Healing
from linkpool.fleet.running.recovery import Recovery
from linkpool.fleet.running.strays import EVERY as STRAYS_EVERY
from linkpool.fleet.running.strays import Strays
from linkpool.fleet.running.tasks import REFRESH, Tasks
from linkpool.fleet.scaling.build import build_growth
from linkpool.fleet.treasury.build import build_money
from linkpool.fleet.treasury.held import HeldGas
from linkpool.supervise import Loop, forever

IDLE = 2.0
"""Seconds between two looks of a loop without work in hand, unless somebody knocks."""
OUTBOX_EVERY = 1.0


class Leader:
    """One term's loops; `run` returns only by cancellation."""

    def __init__(self, ground: Ground, engine: Engine, term: Term) -> None:
        self._ground = ground
        self._engine = engine
        self._office = office = Office(term, ground.database, ground.clock, ground.journal)
        self._tasks = tasks = Tasks(engine)
        self._hub = hub = Hub(office, tasks=tasks, link_price=ground.link_price)
        self._groups = groups = Groups(
            office, keys=ground.keys, engine=engine, tasks=tasks, launch=ground.launch
        )
        self._treasurer = self._outbox_of(ground.keys.treasury())
        self._manager = self._outbox_of(ground.keys.manager())
        """Offers, drains, retirements."""
        self._money = build_money(
            ground.means,
            office,
            rpc=ground.rpc,
            keys=ground.keys,
            tasks=tasks,
            pool=ground.pool.facts.pool,
            outbox=self._treasurer,
            outbox_of=self._outbox_of,
            on_link=hub.price,
        )
        self._adapters = build_adapters(
            office, http=ground.http, keys=ground.keys, engine=engine, groups=groups, tasks=tasks, hub=hub
        )
        self._catalogs = Catalogs(office, ground.keys, hub, self._adapters.places)
        tasks.on_change(self._catalogs.tell)
        self._loops = [
            *self._of_replicas(),
            *self._of_nodes(),
            *self._of_the_catalog(),
            *self._of_the_chain(),
            *self._money.loops,
        ]

    def _outbox_of(self, key: str) -> Outbox:
        ground = self._ground
        chain_id = ground.pool.facts.chain_id
        return Outbox(self._office, ground.rpc, Key(key), chain_id=chain_id, max_fee=ground.max_fee)

    def _of_replicas(self) -> Iterator[Loop]:
        """Tasks of the engine and replicas on the line, compared."""
        office, engine, tasks = self._office, self._engine, self._tasks
        recovery = Recovery(office, engine=engine, tasks=tasks, hub=self._hub, replicas=REPLICAS)
        healing = Healing(office, self._groups, recovery, Flapping(tasks, office.alarms, office.clock))
        strays = Strays(office, engine=engine, tasks=tasks)
        yield Loop("engine events", tasks.follow, 0.25)
        yield Loop("engine tasks", tasks.refresh, REFRESH)
        yield Loop("silence", self._sweep, SWEEP)
        yield Loop("recovery", healing.step, 1.0)
        yield Loop("strays", strays.step, STRAYS_EVERY)

    def _of_nodes(self) -> Iterator[Loop]:
        """A node's life, upgrades, gas, and how many nodes there are."""
        ground, office, tasks, hub = self._ground, self._office, self._tasks, self._hub
        unhurried = ground.knock.unhurried
        gas = HeldGas(
            office,
            treasury=self._money.treasury,
            engine=self._engine,
            tasks=tasks,
            entered=hub.entered,
            low=ground.means.terms.marks.low,
        )
        rollouts = build_rollouts(
            office, engine=self._engine, groups=self._groups, tasks=tasks, hub=hub, funded=gas.funded
        )
        nodes = Nodes(
            office,
            factory=ground.factory,
            groups=self._groups,
            treasury=self._money.treasury,
            pool=ground.pool,
            prospects=Prospects(ground.pool, ground.clock),
            tasks=tasks,
            hub=hub,
        )
        yield Loop("nodes", unhurried(nodes.step, IDLE), NODES_EVERY)
        yield Loop("rollouts", unhurried(rollouts.step, IDLE), LOOK_EVERY)
        yield Loop("gas", gas.step, 0.25)
        yield from build_growth(
            office,
            ground.knock,
            pool=ground.pool,
            rpc=ground.rpc,
            groups=self._groups,
            manager=self._manager,
            wishes=ground.wishes,
            terms=ground.node_terms,
            engine=self._engine,
            tasks=tasks,
            keys=ground.keys,
        )

    def _of_the_catalog(self) -> Iterator[Loop]:
        """What nodes serve: jobs, offers on chain, adapters."""
        ground, adapters, treasury = self._ground, self._adapters, self._money.treasury
        unhurried = ground.knock.unhurried
        offers = Offers(
            self._office,
            rpc=ground.rpc,
            pool=ground.pool,
            manager=self._manager,
            hub=self._hub,
            hold=lambda: treasury.hold,
        )
        yield Loop("catalog", unhurried(self._catalogs.step, IDLE), 0.25)
        yield Loop("adapters' places", self._tell, 0.25)
        yield Loop("offers", unhurried(offers.step, IDLE), 1.0)
        yield Loop("adapters", unhurried(adapters.step, IDLE), 1.0)
        yield Loop("adapters' health", adapters.probe, PROBE_EVERY)
        yield Loop("adapters' recovery", adapters.recover, 1.0)

    def _of_the_chain(self) -> Iterator[Loop]:
        """What is sent to it, what is read of it, and the journal of both."""
        ground, office = self._ground, self._office
        followed = ground.followed
        indexer = Indexer(office, BlockReader(ground.rpc, followed.pool, followed.first_block))
        checker = Checker(office, ground.rpc, followed)
        yield Loop("outbox", self._treasurer.step, OUTBOX_EVERY)
        yield Loop("manager's outbox", self._manager.step, OUTBOX_EVERY)
        yield Loop("index", indexer.turn, 0.1)
        yield Loop("index check", checker.step, CHECK_SECONDS)
        yield Loop("journal", self._write_journal, 0.05)

    async def run(self) -> None:
        """Lead until cancelled: first look at what is, then open the door."""
        door = self._ground.door
        try:
            await self._tasks.until_known()
            await presume(self._office, self._hub, self._tasks)
            await self._money.treasury.begin()
            await self._adapters.begin()
            await self._catalogs.step()
            door.open(self._desk())
            async with asyncio.TaskGroup() as running:
                for loop in self._loops:
                    running.create_task(forever(*loop), name=loop.name)
        finally:
            door.close()

    def _desk(self) -> Desk:
        ground = self._ground
        return Desk(
            epoch=self._office.epoch,
            hub=self._hub,
            claims=Claims(
                self._office,
                ground.keys,
                self._tasks,
                proofs=Proofs(ground.database),
                last_heard=self._hub.heard_at,
            ),
            facts=ground.factory.facts,
            tasks=self._tasks,
            balances=self._money.treasury.balances,
            room=self._engine.room,
            adapters=self._adapters,
        )

    async def _tell(self) -> None:
        self._catalogs.tell()

    async def _sweep(self) -> None:
        self._hub.sweep()

    async def _write_journal(self) -> None:
        await self._ground.journal.flush(self._office.epoch)
