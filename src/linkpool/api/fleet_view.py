"""Nodes as the API shows them: the database, the engine, the chain and the agent socket side by side."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set

import structlog

from linkpool.chain.rpc import EndpointTrouble
from linkpool.engines.protocol import Phase, Task
from linkpool.fleet.agents.door import Desk, Door
from linkpool.fleet.clock import Clock
from linkpool.fleet.pool import NodeOnChain, Pool
from linkpool.store import groups, nodes
from linkpool.store.database import Database
from linkpool.store.nodes import KnownSlot
from linkpool.store.tables import GroupRow, NodeRow, NodeState, OperationRow
from linkpool.wire.agent import State
from linkpool.wire.api import NodeView, OperationView, ReplicaView, moment

log = structlog.get_logger(__name__)

CHAIN_FRESH = 1.0
"""Seconds for which a reading of the contracts is shown again."""
AT_ONCE = 200
"""Nodes after which others have their turn: of 1,000 it takes a tenth of a second."""
_REGISTERED = (NodeState.REGISTERED, NodeState.SERVING, NodeState.DRAINING, NodeState.RETIRED)


class FleetView:
    """Reads; changes nothing."""

    def __init__(self, database: Database, pool: Pool, door: Door, clock: Clock) -> None:
        self._database = database
        self._pool = pool
        self._door = door
        self._clock = clock
        self._on_chain: Mapping[str, NodeOnChain] = {}
        self._read_at: float | None = None

    async def nodes(self, only: str | None = None) -> list[NodeView]:
        """All nodes, or the one of that id; of an unreachable chain the last known part is shown."""
        async with self._database.read() as session:
            rows = [row for row in await nodes.every(session) if only in (None, row.oracle)]
            if only is None:
                slots, living = await nodes.every_slot(session), await groups.all_living(session)
            else:  # what the page of a node asks for must not cost a walk over all slots
                of = [row.index for row in rows]
                slots = await nodes.slots(session, *of) if of else []
                living = [group for one in of for group in await groups.living_of_node(session, one)]
        registered = {row.oracle for row in rows if row.state in _REGISTERED and row.oracle}
        on_chain = await self._chain(registered)
        held = {slot.task: slot for slot in slots if slot.task is not None}
        of_node: defaultdict[int | None, list[GroupRow]] = defaultdict(list)
        for group in living:
            of_node[group.node].append(group)
        shown = []
        for row in rows:
            shown.append(self._node(row, held, of_node[row.index], on_chain.get(row.oracle or "")))
            if len(shown) % AT_ONCE == 0:
                await asyncio.sleep(0)
        return shown

    async def operation(self, row: OperationRow) -> OperationView:
        """An operation and its node."""
        async with self._database.read() as session:
            node = None if row.node is None else (await nodes.get(session, row.node)).oracle
        return OperationView(
            id=row.id,
            kind=row.kind,
            node=node,
            state=row.state,
            detail=row.detail,
            made_at=moment(row.made_at),
            changed_at=moment(row.changed_at),
        )

    async def _chain(self, needed: Set[str]) -> Mapping[str, NodeOnChain]:
        now = self._clock.monotonic()
        fresh = self._read_at is not None and now - self._read_at < CHAIN_FRESH
        if needed and not (fresh and needed <= self._on_chain.keys()):
            try:
                self._on_chain = await self._pool.nodes()
                self._read_at = now
            except EndpointTrouble as error:
                log.warning("the chain is out of reach: what was known of it is shown", error=str(error))
        return self._on_chain

    def _node(
        self,
        row: NodeRow,
        held: Mapping[str, KnownSlot],
        living: Iterable[GroupRow],
        on_chain: NodeOnChain | None,
    ) -> NodeView:
        desk = self._door.desk
        replicas = []
        if desk is not None:
            tasks = [(task, group) for group in living for task in desk.tasks.every_of(group.name)]
            tasks.sort(key=lambda pair: (pair[0].started_at, pair[0].id))
            roster = {member.task for member in desk.hub.roster(row.index)}
            replicas = [
                _replica(desk, task, group, held.get(task.id), task.id in roster) for task, group in tasks
            ]
        return NodeView(
            id=row.oracle,
            index=row.index,
            wallet=row.wallet,
            state=row.state,
            capacity=str(on_chain.capacity) if on_chain else row.capacity,
            stake=str(on_chain.stake) if on_chain else None,
            earned=str(on_chain.earned) if on_chain else None,
            accepting=on_chain is not None and on_chain.accepting,
            primary=row.primary,
            made_at=moment(row.made_at),
            changed_at=moment(row.changed_at),
            replicas=replicas,
        )


def _replica(desk: Desk, task: Task, group: GroupRow, slot: KnownSlot | None, in_roster: bool) -> ReplicaView:
    session = desk.hub.session(task.id)
    beat = session.beat if session else None
    number, sender = (slot.number, slot.sender) if slot else (None, None)
    if session:  # it knows better than the row, which was read a moment ago
        number, sender = session.slot, session.sender
    balance = desk.balances.get(sender) if sender else None
    state = session.state.value if session else State.STARTING.value
    return ReplicaView(
        task=task.id,
        colour=group.colour,
        release=group.release,
        slot=number,
        sender=sender,
        state=Phase.STOPPING.value if task.phase is Phase.STOPPING else state,
        ready=beat.ready if beat else False,
        in_roster=in_roster,
        head=beat.head if beat else None,
        catalog=beat.catalog if beat else 0,
        open=beat.open if beat else 0,
        answered=beat.answered if beat else 0,
        balance=None if balance is None else str(balance),
        pid=task.pid,
        health=session.health if session else None,
        heard_seconds_ago=round(desk.hub.heard_ago(task.id), 3) if session else None,
    )
