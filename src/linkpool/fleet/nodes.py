"""A node's life, from wanted to serving: see where it is, take the next step, look again.

    wanted -> keys_made -> funded -> started -> registered -> serving

Each step may be taken twice, and a state is written only after what it names is true. Replicas are started as
soon as the keys are made, while the gas is on its way: the first one submits the invite when it has come.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from linkpool.errors import LinkPoolError
from linkpool.fleet.clock import Clock
from linkpool.fleet.facts import NodeFactory
from linkpool.fleet.groups import REPLICAS, Groups
from linkpool.fleet.hub import Hub
from linkpool.fleet.journal import Journal
from linkpool.fleet.pool import Pool
from linkpool.fleet.tasks import Tasks
from linkpool.fleet.treasury import Treasury
from linkpool.store import events, nodes, operations
from linkpool.store.database import Database
from linkpool.store.tables import Colour, NodeRow, NodeState, OperationState

log = structlog.get_logger(__name__)

OPERATION = "make_node"
LOOK_EVERY = 0.25
"""Seconds between two looks while a node is on its way."""
IDLE = 2.0
"""Seconds between two looks when none is, unless somebody knocks."""


class Nodes:
    """Moves every node one step at a time, as the leader of `epoch`."""

    def __init__(
        self,
        *,
        database: Database,
        factory: NodeFactory,
        groups: Groups,
        treasury: Treasury,
        pool: Pool,
        tasks: Tasks,
        hub: Hub,
        journal: Journal,
        clock: Clock,
        epoch: int,
    ) -> None:
        self._database = database
        self._factory = factory
        self._groups = groups
        self._treasury = treasury
        self._pool = pool
        self._tasks = tasks
        self._hub = hub
        self._journal = journal
        self._clock = clock
        self._epoch = epoch
        self._waiting: dict[int, str] = {}
        self._steps: dict[NodeState, Callable[[NodeRow], Awaitable[NodeState | None]]] = {
            NodeState.WANTED: self._make_keys,
            NodeState.KEYS_MADE: self._fund,
            NodeState.FUNDED: self._start,
            NodeState.STARTED: self._registered,
            NodeState.REGISTERED: self._serve,
            NodeState.SERVING: self._keep,
        }

    async def run(self, knock: asyncio.Event) -> None:
        """For ever; `knock` is set when a node was asked for."""
        while True:
            knock.clear()
            on_the_way = await self.step()
            try:
                async with asyncio.timeout(LOOK_EVERY if on_the_way else IDLE):
                    await knock.wait()
            except TimeoutError:
                continue

    async def step(self) -> bool:
        """One look at every node; true while any is not serving yet. Raises StoreUnreachable."""
        async with self._database.read() as session:
            rows = await nodes.every(session)
        for row in rows:
            try:
                await self._advance(row)
                self._waiting.pop(row.index, None)
            except LinkPoolError as error:  # the others go on; this one is tried again at the next look
                await self._explain(row, str(error))
        return any(row.state != NodeState.SERVING for row in rows)

    async def _advance(self, row: NodeRow) -> None:
        """As far as it goes in one look."""
        while (state := await self._steps[NodeState(row.state)](row)) is not None:
            if state is not NodeState.KEYS_MADE:  # those are written together with the addresses
                await self._write(row, state)
            async with self._database.read() as session:
                row = await nodes.get(session, row.index)

    async def _make_keys(self, row: NodeRow) -> NodeState:
        await self._factory.make_keys(row.index)
        return NodeState.KEYS_MADE

    async def _fund(self, row: NodeRow) -> NodeState | None:
        await self._groups.keep(row.index, Colour(row.primary))
        async with self._database.read() as session:
            senders = [slot.sender for slot in await nodes.slots(session, row.index)]
        return NodeState.FUNDED if await self._treasury.top_up(senders[:REPLICAS]) else None

    async def _start(self, row: NodeRow) -> NodeState | None:
        group = await self._groups.keep(row.index, Colour(row.primary))
        return NodeState.STARTED if self._tasks.of(group) else None

    async def _registered(self, row: NodeRow) -> NodeState | None:
        await self._groups.keep(row.index, Colour(row.primary))
        if row.oracle is None or not self._hub.says_registered(row.index):
            return None  # its replicas look at every block anyhow: the chain is asked once
        return NodeState.REGISTERED if await self._pool.registered(row.oracle) else None

    async def _serve(self, row: NodeRow) -> NodeState | None:
        await self._groups.keep(row.index, Colour(row.primary))
        return NodeState.SERVING if len(self._hub.roster(row.index)) >= REPLICAS else None

    async def _keep(self, row: NodeRow) -> None:
        await self._groups.keep(row.index, Colour(row.primary))

    async def _explain(self, row: NodeRow, why: str) -> None:
        """Say once why a node waits: in the log, and to whoever looks at its operation."""
        if self._waiting.get(row.index) == why:
            return
        log.warning("node waits", node=row.oracle or row.index, state=row.state, why=why)
        async with self._database.lead(self._epoch) as session:
            await operations.explain(session, row.index, OPERATION, detail=why, now=self._clock.now())
        self._waiting[row.index] = why

    async def _write(self, row: NodeRow, state: NodeState) -> None:
        now = self._clock.now()
        async with self._database.lead(self._epoch) as session:
            await nodes.set_state(session, row.index, state, now)
            events.add(session, f"node_{state.value}", row.oracle, {"index": row.index}, now)
            if state is NodeState.SERVING:
                done = OperationState.DONE
                await operations.finish_for(
                    session, row.index, OPERATION, state=done, detail="both replicas serve", now=now
                )
        log.info("node moves on", node=row.oracle, state=state.value)
        await self._journal.wake()
