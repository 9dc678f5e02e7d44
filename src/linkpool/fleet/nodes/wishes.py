"""What may be asked of the fleet: a node more, a node less, a sender less. Written down; the leader hears.

People ask through the API, auto-scaling asks here directly: both ways are the same. Any control plane may
write a wish, leading or not; each is an operation, found again by the caller's own key.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.errors import Permanent
from linkpool.fleet.clock import Clock
from linkpool.fleet.knock import Knock
from linkpool.fleet.nodes.facts import NodeFactory
from linkpool.store import events, nodes, operations, retirements
from linkpool.store.database import Database
from linkpool.store.tables import (
    AT_REST,
    OUT,
    UNREGISTERED,
    NodeState,
    OperationRow,
    OperationState,
    Standing,
)
from linkpool.units import Juels

MAKE = "make_node"
RETIRE = "retire_node"
REVOKE = "revoke_sender"


class KeyUsed(Permanent):
    """The caller's key stands for something else that was asked before."""


class NoSuchNode(Permanent):
    """There is no node with that id."""


class NoSuchSender(Permanent):
    """The node has no sender of that address."""


class NotNow(Permanent):
    """The node is in a state in which this cannot be asked of it."""


@dataclass(frozen=True)
class Wishes:
    """knock: wakes the leader of this process; capacity: juels of a node when none is asked for."""

    database: Database
    factory: NodeFactory
    clock: Clock
    knock: Knock
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

    async def revoke(self, oracle: str, sender: str, key: str | None = None) -> OperationRow:
        """A sender less: removed on chain for good, and a fresh one in its place. Twice is once.

        Raises NoSuchNode, NoSuchSender, NotNow, KeyUsed, StoreUnreachable.
        """

        async def write(session: AsyncSession, fingerprint: str) -> OperationRow:
            return await self._revoke(session, oracle, sender, key, fingerprint)

        operation = await once(self.database, key, _revocation(oracle, sender), write)
        self.knock.set()
        return operation

    async def _revoke(
        self, session: AsyncSession, oracle: str, sender: str, key: str | None, fingerprint: str
    ) -> OperationRow:
        node = await nodes.by_oracle(session, oracle)
        if node is None:
            raise NoSuchNode(f"no node {oracle}; `linkpool node list` shows them")
        slot = await nodes.slot_of(session, node.index, sender)
        if slot is None:
            raise NoSuchSender(f"node {oracle} has no sender {sender}; `linkpool treasury show` has them")
        if node.state in UNREGISTERED | AT_REST:
            raise NotNow(f"node {oracle} is {node.state}: its senders cannot answer anything")
        before = await operations.newest_for(session, REVOKE, fingerprint)
        if before is not None:
            return before
        now = self.clock.now()
        operation = await operations.start(
            session, REVOKE, node=node.index, key=key, fingerprint=fingerprint, now=now
        )
        if slot.standing == Standing.REVOKED:  # others did it on chain
            operation.state, operation.detail = OperationState.DONE, "it was removed on chain before"
        if slot.standing not in OUT:
            slot.standing = Standing.REVOKING
        events.add(session, "sender_revoked", oracle, {"sender": sender, "slot": slot.number}, now)
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
    fingerprint = _fingerprint(asked)
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


def revocation(oracle: str, sender: str) -> str:
    """The fingerprint of having a node's sender removed."""
    return _fingerprint(_revocation(oracle, sender))


def _revocation(oracle: str, sender: str) -> str:
    return f"{REVOKE} {oracle} {sender}"


def _fingerprint(asked: str) -> str:
    return hashlib.sha256(asked.encode()).hexdigest()
