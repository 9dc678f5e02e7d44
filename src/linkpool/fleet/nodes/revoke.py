"""Senders whose keys somebody else may have: removed on chain, never held again, fresh ones in their places.

    good --asked--> revoking: held by nobody, its holder is replaced --the chain says so--> revoked
    coming: a key never used before, which the manager authorizes --the chain says so--> good

Each look compares the slots that are on their way with the chain, and sends the one transaction that is
missing; so it may be cut off anywhere. A sender that guardian or manager removed on chain by themselves is
found in the index and goes the same way, as does one of which a restored database knows nothing.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress

import structlog

from linkpool.chain.keys import Key
from linkpool.chain.rpc import Rpc
from linkpool.contracts.abi import Call
from linkpool.contracts.oracle import Oracle
from linkpool.contracts.pool import Pool as PoolContract
from linkpool.engines.protocol import EngineRefused
from linkpool.errors import LinkPoolError, Permanent
from linkpool.fleet.alarms import Kind
from linkpool.fleet.nodes.lapse import Sends
from linkpool.fleet.nodes.wishes import REVOKE, revocation
from linkpool.fleet.office import Office
from linkpool.fleet.running.tasks import Tasks
from linkpool.fleet.secrets.keys import SLOTS, Keyring
from linkpool.store import chain_history, events, nodes, operations
from linkpool.store.alarm_tables import Severity
from linkpool.store.nodes import KnownSlot
from linkpool.store.tables import AT_REST, OUT, UNREGISTERED, NodeRow, OperationState, Standing
from linkpool.units import Slot

log = structlog.get_logger(__name__)

GAS = 200_000
"""Of `remove_sender` and `add_sender`: twice what the dearer of them takes."""
INDEX_EVERY = 60.0
"""Seconds between two looks for what others removed."""

Replace = Callable[[str, str], Awaitable[None]]
"""Has the engine replace a task, and says why."""


class Revocations:
    """Takes every slot that is on its way one step further, as the leader of a term."""

    def __init__(
        self,
        office: Office,
        *,
        rpc: Rpc,
        pool: str,
        keys: Keyring,
        manager: Sends,
        tasks: Tasks,
        replace: Replace,
    ) -> None:
        """pool: the StakingPool's address; manager: the outbox of the manager's key."""
        self._office = office
        self._rpc = rpc
        self._calls = PoolContract(pool)
        self._keys = keys
        self._manager = manager
        self._tasks = tasks
        self._replace = replace
        self._replaced: set[str] = set()
        """Tasks that were told to go in this term."""
        self._said: dict[str, str] = {}
        self._indexed_at = float("-inf")

    async def step(self) -> bool:
        """One look at every slot; true while any is on its way. Raises StoreUnreachable, LeaseLost."""
        now = self._office.clock.monotonic()
        if now - self._indexed_at >= INDEX_EVERY:
            await self._find_removed()
            self._indexed_at = now
        async with self._office.read() as session:
            moving = await nodes.moving_slots(session)
            rows = {row.index: row for row in await nodes.every(session)} if moving else {}
        troubles: dict[str, str] = {}
        for slot in moving:
            try:
                await self._advance(rows[slot.node], slot)
            except LinkPoolError as error:
                await self._explain(rows[slot.node], slot, str(error))
                if isinstance(error, Permanent):
                    troubles[slot.sender] = _trouble(rows[slot.node], slot, str(error))
        await self._office.alarms.only(Kind.REVOCATION_WAITS, troubles, Severity.CRITICAL)
        return bool(moving)

    async def _advance(self, node: NodeRow, slot: KnownSlot) -> None:
        if node.oracle is None or node.state in UNREGISTERED:
            return
        if slot.standing == Standing.COMING:
            if node.state not in AT_REST:
                await self._authorize(node, slot, node.oracle)
            return
        await self._relieve(slot)
        if await self._may_answer(node.oracle, slot):
            call = self._calls.remove_sender(node.oracle, slot.sender)
            await self._explain(node, slot, "its removal is on the way to the chain")
            await self._send("remove_sender", slot, call)
            return
        await self._fill_up(node)
        if slot.task is not None and self._tasks.get(slot.task):
            await self._explain(node, slot, "removed on chain; its replica is being replaced")
        else:
            await self._done(node, slot)

    async def _relieve(self, slot: KnownSlot) -> None:
        """Who holds it goes, and the next copy gets another slot."""
        if slot.task is not None and slot.task not in self._replaced and self._tasks.get(slot.task):
            with suppress(EngineRefused):  # it is gone by itself
                await self._replace(slot.task, "its sender is revoked")
            self._replaced.add(slot.task)

    async def _fill_up(self, node: NodeRow) -> None:
        """Keep as many senders as a node is made with: a fresh key for each that is out."""
        async with self._office.lead() as session:
            slots = await nodes.slots(session, node.index)
            missing = SLOTS - sum(one.standing not in OUT for one in slots)
            first = max(one.number for one in slots) + 1
            for number in range(first, first + missing):
                sender = Key(self._keys.sender(node.index, Slot(number))).address
                await nodes.add_slot(session, node.index, number, sender)

    async def _authorize(self, node: NodeRow, slot: KnownSlot, oracle: str) -> None:
        if not await self._may_answer(oracle, slot):
            await self._send("add_sender", slot, self._calls.add_sender(oracle, slot.sender))
            return
        now = self._office.clock.now()
        async with self._office.lead() as session:
            await nodes.stand(session, slot, Standing.GOOD)
            data = {"sender": slot.sender, "slot": slot.number}
            events.add(session, "sender_added", oracle, data, now)
        log.info("sender authorized", node=oracle, slot=slot.number, sender=slot.sender)
        await self._office.journal.wake()

    async def _may_answer(self, oracle: str, slot: KnownSlot) -> bool:
        return await Oracle(oracle).is_authorized_sender(slot.sender).ask(self._rpc)

    async def _send(self, what: str, slot: KnownSlot, call: Call[None]) -> None:
        await self._manager.send(f"{what}:{slot.sender}", call.to, data=call.request["data"], gas=GAS)

    async def _done(self, node: NodeRow, slot: KnownSlot) -> None:
        now, detail = self._office.clock.now(), "removed on chain, and held by nobody"
        async with self._office.lead() as session:
            await nodes.stand(session, slot, Standing.REVOKED)
            asked = await operations.newest_for(session, REVOKE, revocation(node.oracle or "", slot.sender))
            if asked is not None and asked.state == OperationState.RUNNING:
                await operations.tell(session, asked.id, state=OperationState.DONE, detail=detail, now=now)
            data = {"sender": slot.sender, "slot": slot.number}
            events.add(session, "sender_removed", node.oracle, data, now)
        self._said.pop(slot.sender, None)
        log.warning("sender removed", node=node.oracle, slot=slot.number, sender=slot.sender)
        await self._office.journal.wake()

    async def _explain(self, node: NodeRow, slot: KnownSlot, what: str) -> None:
        """Say once how far it is, to whoever looks at its operation."""
        if self._said.get(slot.sender) == what:
            return
        async with self._office.lead() as session:
            asked = await operations.newest_for(session, REVOKE, revocation(node.oracle or "", slot.sender))
            if asked is not None and asked.state == OperationState.RUNNING:
                running, now = OperationState.RUNNING, self._office.clock.now()
                await operations.tell(session, asked.id, state=running, detail=what, now=now)
        self._said[slot.sender] = what

    async def _find_removed(self) -> None:
        """What the chain says was removed, and this database holds for good."""
        async with self._office.read() as session:
            removed = await chain_history.removed_senders(session)
            slots = await nodes.every_slot(session) if removed else []
        found = _still_in(slots, removed)
        if not found:
            return
        async with self._office.lead() as session:
            for slot in found:
                await nodes.stand(session, slot, Standing.REVOKING)
        for slot in found:
            log.warning("a sender was removed on chain", node=slot.node, sender=slot.sender)


def _still_in(slots: Sequence[KnownSlot], removed: Collection[str]) -> list[KnownSlot]:
    return [slot for slot in slots if slot.sender in removed and slot.standing not in OUT]


def _trouble(node: NodeRow, slot: KnownSlot, why: str) -> str:
    if slot.standing == Standing.COMING:
        return f"node {node.oracle} has a sender less: {slot.sender} cannot be authorized: {why}"
    return (
        f"sender {slot.sender} of node {node.oracle} still may answer: {why}; have the pool's guardian or "
        f"manager call remove_sender({node.oracle}, {slot.sender})"
    )
