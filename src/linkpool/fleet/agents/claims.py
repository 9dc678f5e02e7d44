"""Letting a replica in: is it ours, and which slot does it hold?

A key is handed out only to a task that the engine itself reports, in a group that stands in the database,
against the group's token. A slot stays with its task for as long as the engine knows the task, whatever
happened to the control plane in between; a slot whose task is gone is free; if none is free, the one
whose holder was silent longest is used again, because a shared key costs gas and never a payment.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import structlog

from linkpool.fleet.agents.proof import Proofs
from linkpool.fleet.office import Office
from linkpool.fleet.running.tasks import Tasks
from linkpool.fleet.secrets.keys import Keyring
from linkpool.fleet.together import Together
from linkpool.store import accounts, nodes
from linkpool.store.nodes import KnownSlot
from linkpool.store.tables import Colour, NodeRow, Standing
from linkpool.units import Slot
from linkpool.wire.agent import Hello, Refused

log = structlog.get_logger(__name__)

_NO_SENDER = "no sender of this node may answer yet: its keys are being made, or fresh ones authorized"


@dataclass(frozen=True)
class Claim:
    """A replica that may serve, with the slot it holds."""

    node: NodeRow
    colour: Colour
    slot: Slot
    sender: str
    key: str


@dataclass(frozen=True)
class _Wish:
    """A task of a node that needs a slot; slot: the one it had, as it says."""

    node: int
    task: str
    slot: int | None


class Claims:
    """Checks and binds, as the leader of `epoch`; those who come at the same time, in one transaction."""

    def __init__(
        self,
        office: Office,
        keys: Keyring,
        tasks: Tasks,
        *,
        proofs: Proofs,
        last_heard: Callable[[str], float | None],
    ) -> None:
        """`last_heard` gives the Unix second at which a task was last heard in this term, if it was."""
        self._office = office
        self._keys = keys
        self._tasks = tasks
        self._proofs = proofs
        self._last_heard = last_heard
        self._slots = Together(self._bind)

    async def admit(self, hello: Hello) -> Claim | Refused:
        """The replica's slot, or why not. Raises StoreUnreachable, LeaseLost, EngineUnreachable."""
        proven = await self._proofs.of(hello)
        if isinstance(proven, Refused):
            return proven
        if not await self._runs(hello):
            return Refused(reason=f"the engine does not report task {hello.task} in group {hello.group}")
        slot = await self._slots.ask(_Wish(proven.node.index, hello.task, hello.slot))
        if slot is None:
            return Refused(reason=_NO_SENDER)
        number = Slot(slot.number)
        key = self._keys.sender(slot.node, number)
        return Claim(proven.node, Colour(proven.group.colour), number, slot.sender, key)

    async def _runs(self, hello: Hello) -> bool:
        task = self._tasks.get(hello.task)
        if task is None:  # it may be younger than our last look
            await self._tasks.refresh()
            task = self._tasks.get(hello.task)
        return task is not None and task.group == hello.group

    async def _bind(self, wishes: Sequence[_Wish]) -> Sequence[KnownSlot | None]:
        """A slot for each, or none where the node has no sender that may answer."""
        async with self._office.lead() as session:
            rows = await nodes.slots(session, *{wish.node for wish in wishes})
            slots = {(row.node, row.number): row for row in rows if row.standing == Standing.GOOD}
            frozen, now = await accounts.frozen(session), self._office.clock.now()
            chosen: list[KnownSlot | None] = []
            given: dict[str, tuple[int, int]] = {}
            for wish in wishes:
                of_node = [row for row in slots.values() if row.node == wish.node]
                slot = self._choose(of_node, wish, frozen) if of_node else None
                if slot is not None and slot.task != wish.task:
                    if slot.task is not None and self._tasks.get(slot.task):
                        log.warning("slot is used again", node=slot.node, slot=slot.number, silent=slot.task)
                    slot = slot._replace(task=wish.task, heard_at=now)
                    given[wish.task] = place = slot.node, slot.number
                    slots[place] = slot
                chosen.append(slot)
            if given:
                await nodes.bind(session, given, now)
        return chosen

    def _choose(self, rows: Sequence[KnownSlot], wish: _Wish, frozen: Collection[str]) -> KnownSlot:
        """Its own slot, a free one, the longest silent one; one whose sender is frozen only if all are."""

        def free(row: KnownSlot) -> bool:
            return row.task is None or self._tasks.get(row.task) is None

        if (own := next((row for row in rows if row.task == wish.task), None)) is not None:
            return own
        rows = [row for row in rows if row.sender not in frozen] or rows
        open_rows = [row for row in rows if free(row)]
        for row in open_rows:
            if row.number == wish.slot:
                return row
        return open_rows[0] if open_rows else min(rows, key=self._heard)

    def _heard(self, row: KnownSlot) -> float:
        heard = self._last_heard(row.task) if row.task else None
        return heard if heard is not None else (row.heard_at or 0.0)
