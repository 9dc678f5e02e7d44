"""A node's life, from wanted to serving: see where it is, take the next step, look again.

    wanted -> keys_made -> funded -> started -> registered -> serving
       `---------`-----------`---------`-> failed: it cannot become one any more (`fleet.prospects`)

Each step may be taken twice, and a state is written only after what it names is true. Replicas are started as
soon as the keys are made, while the gas is on its way: the first one submits the invite when it has come.
"""

from collections.abc import Awaitable, Callable

import structlog

from linkpool.errors import LinkPoolError, Permanent
from linkpool.fleet.agents.hub import Hub
from linkpool.fleet.nodes.facts import NodeFactory
from linkpool.fleet.nodes.prospects import Prospects
from linkpool.fleet.nodes.wishes import MAKE
from linkpool.fleet.office import Office
from linkpool.fleet.pool import Pool
from linkpool.fleet.running.groups import REPLICAS, Groups
from linkpool.fleet.running.tasks import Tasks
from linkpool.fleet.treasury.treasury import Treasury
from linkpool.store import events, nodes, operations
from linkpool.store.tables import UNREGISTERED, Colour, NodeRow, NodeState, OperationState

log = structlog.get_logger(__name__)

LOOK_EVERY = 0.25
"""Seconds between two looks while a node is on its way."""
_ON_THE_WAY = UNREGISTERED | {NodeState.REGISTERED}
_PROGRESS = {
    NodeState.FUNDED: "its senders have gas; its replicas are on their way",
    NodeState.STARTED: "its replicas run; the first one registers it",
    NodeState.REGISTERED: "it is in the pool; its replicas get ready to serve",
}


class Nodes:
    """Moves every node one step at a time, as the leader of `epoch`."""

    def __init__(
        self,
        office: Office,
        *,
        factory: NodeFactory,
        groups: Groups,
        treasury: Treasury,
        pool: Pool,
        prospects: Prospects,
        tasks: Tasks,
        hub: Hub,
    ) -> None:
        self._office = office
        self._factory = factory
        self._groups = groups
        self._treasury = treasury
        self._pool = pool
        self._prospects = prospects
        self._tasks = tasks
        self._hub = hub
        self._waiting: dict[int, str] = {}
        self._overdue: set[int] = set()
        self._steps: dict[NodeState, Callable[[NodeRow], Awaitable[NodeState | None]]] = {
            NodeState.WANTED: self._make_keys,
            NodeState.KEYS_MADE: self._fund,
            NodeState.FUNDED: self._start,
            NodeState.STARTED: self._registered,
            NodeState.REGISTERED: self._serve,
            NodeState.SERVING: self._keep,
            NodeState.DRAINING: self._keep,
            NodeState.RETIRED: self._leave,
            NodeState.FAILED: self._leave,
        }

    async def step(self) -> bool:
        """One look at every node; true while any is not serving yet. Raises StoreUnreachable."""
        async with self._office.read() as session:
            rows = await nodes.every(session)
        for row in rows:
            try:
                await self._look(row)
            except LinkPoolError as error:  # the others go on; this one is tried again at the next look
                await self._explain(row, str(error))
        return any(row.state in _ON_THE_WAY for row in rows)

    async def _look(self, row: NodeRow) -> None:
        """Take it as far as it goes; give it up when it can go no further for good."""
        why = await self._prospects.hopeless(row, self._waiting.get(row.index))
        if why is None:
            try:
                await self._advance(row)
                self._waiting.pop(row.index, None)
            except Permanent as error:
                if row.state not in UNREGISTERED:
                    raise
                why = str(error)
        if why is not None:
            await self._give_up(row.index, why)
        elif late := self._prospects.overdue(row):
            await self._fail_making(row.index, late)

    async def _advance(self, row: NodeRow) -> None:
        """As far as it goes in one look."""
        while (state := await self._steps[NodeState(row.state)](row)) is not None:
            if state is not NodeState.KEYS_MADE:  # those are written together with the addresses
                await self._write(row, state)
            async with self._office.read() as session:
                row = await nodes.get(session, row.index)

    async def _make_keys(self, row: NodeRow) -> NodeState:
        await self._factory.make_keys(row.index)
        return NodeState.KEYS_MADE

    async def _fund(self, row: NodeRow) -> NodeState | None:
        await self._groups.keep(row.index, Colour(row.primary))
        async with self._office.read() as session:
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

    async def _leave(self, row: NodeRow) -> None:
        """At rest: `fleet.rest` sees to it that nothing of it runs."""

    async def _explain(self, row: NodeRow, why: str) -> None:
        """Say once why a node waits: in the log, and to whoever looks at its operation."""
        if self._waiting.get(row.index) == why:
            return
        log.warning("node waits", node=row.oracle or row.index, state=row.state, why=why)
        async with self._office.lead() as session:
            await operations.explain(session, row.index, MAKE, detail=why, now=self._office.clock.now())
        self._waiting[row.index] = why

    async def _fail_making(self, node: int, why: str) -> None:
        """Whoever asked for it shall not wait any longer."""
        if node in self._overdue:
            return
        async with self._office.lead() as session:
            await operations.finish_for(
                session, node, MAKE, state=OperationState.FAILED, detail=why, now=self._office.clock.now()
            )
        self._overdue.add(node)

    async def _give_up(self, node: int, why: str) -> None:
        """It will not become a node: its keys stay derivable, its number is never used again."""
        now = self._office.clock.now()
        async with self._office.lead() as session:
            row = await nodes.get(session, node)
            if row.state not in UNREGISTERED:
                return
            await nodes.move_on(session, node, row.state, NodeState.FAILED, now)
            await operations.finish_for(session, node, MAKE, state=OperationState.FAILED, detail=why, now=now)
            events.add(session, "node_failed", row.oracle, {"index": node, "why": why}, now)
        self._waiting.pop(node, None)
        log.error("node is given up", node=row.oracle or node, why=why)
        await self._office.journal.wake()

    async def _write(self, row: NodeRow, state: NodeState) -> None:
        now = self._office.clock.now()
        async with self._office.lead() as session:
            if not await nodes.move_on(session, row.index, row.state, state, now):
                return  # somebody asked for something else in the meantime
            events.add(session, f"node_{state.value}", row.oracle, {"index": row.index}, now)
            if state in _PROGRESS:
                await operations.explain(session, row.index, MAKE, detail=_PROGRESS[state], now=now)
            if state is NodeState.SERVING:
                done = OperationState.DONE
                await operations.finish_for(
                    session, row.index, MAKE, state=done, detail="both replicas serve", now=now
                )
        log.info("node moves on", node=row.oracle, state=state.value)
        await self._office.journal.wake()
