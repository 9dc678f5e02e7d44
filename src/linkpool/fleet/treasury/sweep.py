"""Coin that no replica needs any more goes back to the treasury.

That is what lies on the senders of nodes that are retired or failed for good, on revoked senders, and on
slots that nobody held for a day. The sender itself signs: it keeps exactly what its transfer may cost at
most, so what is left in the end is the part of that which the block did not take ("dust").
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import structlog

from linkpool.chain.balances import balances
from linkpool.chain.fees import FeeSource, Market
from linkpool.chain.history import read_head
from linkpool.chain.rpc import Rpc
from linkpool.fleet.office import Office
from linkpool.fleet.outbox import Outbox, TooDear
from linkpool.fleet.running.tasks import Tasks
from linkpool.fleet.secrets.keys import Keyring
from linkpool.fleet.treasury.look import TRANSFER_GAS
from linkpool.store import accounts, nodes
from linkpool.store.nodes import KnownSlot
from linkpool.store.tables import AT_REST, OUT, NodeRow
from linkpool.units import Slot, Wei, show

log = structlog.get_logger(__name__)

WORTH = 20
"""A sweep brings at least so many times what it can cost."""
IDLE_SECONDS = 86_400.0
"""After which a slot of a living node counts as left for good."""
AT_ONCE = 16
NOTE_EVERY = 600.0
"""Seconds between two notes of who holds a slot: a day without a holder is counted from the last."""


def left(
    rows: Mapping[int, NodeRow], slots: Iterable[KnownSlot], runs: Callable[[str], bool], now: float
) -> list[KnownSlot]:
    """The slots that nobody will use soon. now: Unix seconds."""

    def idle(slot: KnownSlot) -> bool:
        return now - max(slot.heard_at or 0.0, slot.claimed_at or 0.0, rows[slot.node].made_at) > IDLE_SECONDS

    free = [slot for slot in slots if slot.task is None or not runs(slot.task)]
    return [slot for slot in free if rows[slot.node].state in AT_REST or slot.standing in OUT or idle(slot)]


def allowance(market: Market) -> Wei:
    """Wei per gas that a sweep may come to: half more than what takes a doubling of the base fee."""
    return Wei(3 * ((market.base_fee or 0) * 2 + market.tip) // 2)


class Sweep:
    """Signs with the senders' own keys. outbox_of: an outbox for a key."""

    def __init__(
        self,
        office: Office,
        *,
        rpc: Rpc,
        keys: Keyring,
        tasks: Tasks,
        treasury: str,
        outbox_of: Callable[[str], Outbox],
    ) -> None:
        self._rpc = rpc
        self._office = office
        self._keys = keys
        self._tasks = tasks
        self._treasury = treasury
        self._outbox_of = outbox_of
        self._fees = FeeSource(rpc)
        self._outboxes: dict[str, Outbox] = {}
        self._noted = -NOTE_EVERY
        self._empty: set[str] = set()
        """Senders without anything worth sweeping when they were looked at in this term."""

    async def settle(self) -> None:
        """See to the sweeps under way, a former leader's too.

        Raises EndpointTrouble, StoreUnreachable, LeaseLost.
        """
        async with self._office.read() as session:
            paying = {row.sender for row in await accounts.under_way(session)} - {self._treasury}
            slots = {slot.sender: slot for slot in await nodes.every_slot(session)} if paying else {}
            open_ = paying & slots.keys()
        for sender in open_:
            self._outbox(slots[sender])
        for outbox in list(self._outboxes.values()):
            await outbox.step()

    async def step(self) -> None:
        """Begin sweeps that are worth it. Raises EndpointTrouble, Refusal, StoreUnreachable, LeaseLost."""
        async with self._office.read() as session:
            rows = {row.index: row for row in await nodes.every(session)}
            slots = await nodes.every_slot(session)
        await self._note([slot.task for slot in slots if slot.task and self._runs(slot.task)])
        candidates = left(rows, slots, self._runs, self._office.clock.now())
        self._empty &= {slot.sender for slot in candidates}
        fresh = [slot for slot in candidates if slot.sender not in self._empty]
        if not fresh:
            return
        head = await read_head(self._rpc)
        cap = allowance(await self._fees.market(head))
        found = await balances(self._rpc, [slot.sender for slot in fresh], head.number)
        self._empty |= {sender for sender, wei in found.items() if wei < (WORTH + 1) * TRANSFER_GAS * cap}
        worth = [slot for slot in fresh if slot.sender not in self._empty]
        for slot in worth[:AT_ONCE]:
            await self._sweep(slot, found[slot.sender], cap, rows[slot.node].oracle)

    def _runs(self, task: str) -> bool:
        return self._tasks.get(task) is not None

    async def _note(self, holders: Sequence[str]) -> None:
        """Remember that they hold their slots now, for the time when they do no more."""
        now = self._office.clock.monotonic()
        if now - self._noted >= NOTE_EVERY:
            async with self._office.lead() as session:
                await nodes.held(session, holders, self._office.clock.now())
            self._noted = now

    async def _sweep(self, slot: KnownSlot, balance: int, cap: Wei, node: str | None) -> None:
        kept = TRANSFER_GAS * cap
        try:
            begun = await self._outbox(slot).send(
                f"sweep:{slot.sender}", self._treasury, value=balance - kept, gas=TRANSFER_GAS, cap=cap
            )
        except TooDear as error:
            log.info("sweep waits", sender=slot.sender, why=str(error))
            return
        if begun:
            self._office.journal.note(
                "swept", node, sender=slot.sender, value=str(balance - kept), dust_at_most=str(kept)
            )
            log.info("sweep", sender=slot.sender, value=show(balance - kept), dust_at_most=show(kept, 9))

    def _outbox(self, slot: KnownSlot) -> Outbox:
        if slot.sender not in self._outboxes:
            key = self._keys.sender(slot.node, Slot(slot.number))
            self._outboxes[slot.sender] = self._outbox_of(key)
        return self._outboxes[slot.sender]
