"""Nodes at rest, retired or failed: nothing of them runs, and the chain is watched for what would wake them.

Their groups go, after their removal is recorded; their keys stay derivable, and the treasury sweeps what gas
is left. The invite of a failed node is made void, and should it have been used all the same, the node goes
the way of any other: closed, then retired. A retired one that the pool's owner reopens is started again.
"""

from collections.abc import Sequence

import structlog

from linkpool.chain.rpc import Reverted
from linkpool.contracts.pool import Pool as PoolContract
from linkpool.contracts.pool import Status
from linkpool.fleet.nodes.lapse import Sends
from linkpool.fleet.nodes.retire import GAS
from linkpool.fleet.office import Office
from linkpool.fleet.pool import NodeOnChain, Pool
from linkpool.fleet.running.groups import Groups
from linkpool.store import events, groups, nodes, outbox, retirements
from linkpool.store.groups import Owner
from linkpool.store.tables import AT_REST, Colour, NodeRow, NodeState

log = structlog.get_logger(__name__)

WATCH_EVERY = 60.0
"""Seconds between two looks at the contracts."""


class Rest:
    """Sees to it that nodes at rest stay so, as the leader of `epoch`."""

    def __init__(self, office: Office, *, groups: Groups, pool: Pool, manager: Sends) -> None:
        self._office = office
        self._groups = groups
        self._pool = pool
        self._manager = manager
        self._still: set[int] = set()
        """Nodes whose groups were removed in this term."""
        self._void: set[int] = set()
        """Failed nodes whose invites are known to be void."""
        self._watched_at = float("-inf")

    async def step(self) -> None:
        """One look. Raises EngineUnreachable, EngineRefused, EndpointTrouble, StoreUnreachable, LeaseLost."""
        async with self._office.read() as session:
            rows = await nodes.in_states(session, AT_REST)
            living = {row.node for row in await groups.all_living(session)} if rows else set()
        for row in rows:
            if row.index not in self._still or row.index in living:
                for colour in Colour:
                    await self._groups.remove(Owner(node=row.index), colour)
                self._still.add(row.index)
        if rows and self._office.clock.monotonic() - self._watched_at >= WATCH_EVERY:
            await self._watch(rows)
            self._watched_at = self._office.clock.monotonic()

    async def _watch(self, rows: Sequence[NodeRow]) -> None:
        on_chain = await self._pool.nodes()
        for row in rows:
            chain = on_chain.get(row.oracle or "")
            if row.state == NodeState.FAILED:
                await self._watch_failed(row, chain)
            elif chain is not None and chain.status is Status.ACTIVE:
                await self._wake(row, NodeState.REGISTERED, "the pool's owner reopened it")
            elif chain is not None and chain.status is Status.DRAINING:
                await self._wake(row, NodeState.DRAINING, "a re-org took its retirement back")

    async def _watch_failed(self, row: NodeRow, chain: NodeOnChain | None) -> None:
        if chain is None:
            await self._make_void(row)
        elif chain.status is not Status.RETIRED:
            await self._wake(row, NodeState.DRAINING, "its invite was used after all: it is retired")

    async def _make_void(self, row: NodeRow) -> None:
        """Its replicas may have been told an invite, which is good for days."""
        purpose = f"revoke:{row.index}"
        if row.index in self._void:
            return
        async with self._office.read() as session:
            owner = Owner(node=row.index)
            told = [colour for colour in Colour if await groups.newest(session, owner, colour)]
            done = await outbox.landed(session, purpose)
        if told and not done:
            call = PoolContract(self._pool.facts.pool).revoke_invite(row.index)
            try:
                await self._manager.send(purpose, call.to, data=call.request["data"], gas=GAS)
            except Reverted as error:  # our key is the manager's no more: all its invites are void
                log.info("invite cannot be revoked", node=row.oracle, why=str(error))
                done = True
        if done or not told:
            self._void.add(row.index)

    async def _wake(self, row: NodeRow, state: NodeState, why: str) -> None:
        now = self._office.clock.now()
        async with self._office.lead() as session:
            if not await nodes.move_on(session, row.index, row.state, state, now):
                return
            if state is NodeState.DRAINING:
                await retirements.begin(session, row.index, now)
            data = {"index": row.index, "why": why}
            events.add(session, f"node_{state.value}", row.oracle, data, now)
        self._still.discard(row.index)
        log.warning("node is at rest no more", node=row.oracle, state=state.value, why=why)
        await self._office.journal.wake()
