"""What may be asked of the fleet: a node more, a node less. Written down, and the leader is woken.

People ask through the API, auto-scaling asks here directly: both ways are the same. Any control plane may
write a wish, leading or not; each is an operation, found again by the caller's own key.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.errors import Permanent
from linkpool.fleet.clock import Clock
from linkpool.fleet.nodes.facts import NodeFactory
from linkpool.store import events, nodes, operations, retirements
from linkpool.store.database import Database
from linkpool.store.tables import AT_REST, UNREGISTERED, NodeState, OperationRow, OperationState
from linkpool.units import Juels

MAKE = "make_node"
RETIRE = "retire_node"


class KeyUsed(Permanent):
    """The caller's key stands for something else that was asked before."""


class NoSuchNode(Permanent):
    """There is no node with that id."""


class NotNow(Permanent):
    """The node is in a state in which this cannot be asked of it."""


@dataclass(frozen=True)
class Wishes:
    """knock: wakes the leader of this process; capacity: juels of a node when none is asked for."""

    database: Database
    factory: NodeFactory
    clock: Clock
    knock: asyncio.Event
    capacity: Juels

    async def make(self, capacity: int | None = None, key: str | None = None) -> OperationRow:
        """A node more; the operation, a former one for a key that was used before.

        capacity: juels of active stake. Raises KeyUsed, StoreUnreachable.
        """
        juels = self.capacity if capacity is None else capacity

        async def write(session: AsyncSession, fingerprint: str) -> OperationRow:
            now = self.clock.now()
            node = await nodes.want(session, juels, now)
            return await operations.start(
                session, MAKE, node=node.index, key=key, fingerprint=fingerprint, now=now
            )

        operation = await once(self.database, key, f"{MAKE} {capacity}", write)
        assert operation.node is not None  # noqa: S101 - written above, always with a node
        await self.factory.make_keys(operation.node)
        self.knock.set()
        return operation

    async def retire(self, oracle: str, key: str | None = None) -> OperationRow:
        """A node less: it takes nothing new from now on, and goes when nothing is open. Twice is once.

        One that is not registered yet is given up. Raises NoSuchNode, NotNow, KeyUsed, StoreUnreachable.
        """

        async def write(session: AsyncSession, fingerprint: str) -> OperationRow:
            return await self._retire(session, oracle, key, fingerprint)

        operation = await once(self.database, key, f"{RETIRE} {oracle}", write)
        self.knock.set()
        return operation

    async def _retire(
        self, session: AsyncSession, oracle: str, key: str | None, fingerprint: str
    ) -> OperationRow:
        node = await nodes.by_oracle(session, oracle)
        if node is None:
            raise NoSuchNode(f"no node {oracle}; `linkpool node list` shows them")
        before = await operations.newest_of(session, node.index, RETIRE)
        if before is not None and node.state in AT_REST | {NodeState.DRAINING}:
            return before
        if node.state in AT_REST:
            raise NotNow(f"node {oracle} is {node.state}: nothing of it runs")
        now = self.clock.now()
        operation = await operations.start(
            session, RETIRE, node=node.index, key=key, fingerprint=fingerprint, now=now
        )
        if node.state in UNREGISTERED:
            node.state = NodeState.FAILED
            for kind, state in ((MAKE, OperationState.FAILED), (RETIRE, OperationState.DONE)):
                await operations.finish_for(
                    session,
                    node.index,
                    kind,
                    state=state,
                    detail="given up before it was registered",
                    now=now,
                )
        else:
            node.state = NodeState.DRAINING
            await retirements.begin(session, node.index, now)
            failed, why = OperationState.FAILED, "retired before it served"
            await operations.finish_for(session, node.index, MAKE, state=failed, detail=why, now=now)
        node.changed_at = now
        events.add(session, f"node_{node.state}", oracle, {"index": node.index}, now)
        return operation


async def once(
    database: Database,
    key: str | None,
    asked: str,
    write: Callable[[AsyncSession, str], Awaitable[OperationRow]],
) -> OperationRow:
    """Write what was asked, unless that key was used before: then its operation.

    `write` gets the session and the fingerprint to keep. Raises KeyUsed, StoreUnreachable.
    """
    fingerprint = hashlib.sha256(asked.encode()).hexdigest()
    try:
        async with database.write() as session:
            operation = await operations.by_key(session, key) if key else None
            if operation is None:
                operation = await write(session, fingerprint)
    except IntegrityError:
        if key is None:
            raise
        return await once(database, key, asked, write)  # the same key, at the same time, elsewhere
    if operation.fingerprint != fingerprint:
        raise KeyUsed("this Idempotency-Key was used for another request")
    return operation
