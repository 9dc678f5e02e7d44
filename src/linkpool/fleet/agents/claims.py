"""Letting a replica in: is it ours, and which slot does it hold?

A key is handed out only to a task that the engine itself reports, in a group that stands in the database,
against the group's token. A slot stays with its task for as long as the engine knows the task, whatever
happened to the control plane in between; a slot whose task is gone is free; if none is free, the one
whose holder was silent longest is used again, because a shared key costs gas and never a payment.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import structlog

from linkpool.fleet.agents.proof import prove
from linkpool.fleet.office import Office
from linkpool.fleet.running.tasks import Tasks
from linkpool.fleet.secrets.keys import Keyring
from linkpool.store import accounts, nodes
from linkpool.store.nodes import KnownSlot
from linkpool.store.tables import Colour, NodeRow, Standing
from linkpool.units import Slot
from linkpool.wire.agent import Hello, Refused

log = structlog.get_logger(__name__)

_NO_SENDER = "no sender of this node may answer yet: its keys are being made, or fresh ones authorized"
AT_ONCE = 5
"""Replicas looked up at the same time: a fleet that comes at once leaves other loops their connections."""


@dataclass(frozen=True)
class Claim:
    """A replica that may serve, with the slot it holds."""

    node: NodeRow
    colour: Colour
    slot: Slot
    sender: str
    key: str


class Claims:
    """Checks and binds, one at a time, as the leader of `epoch`."""

    def __init__(
        self, office: Office, keys: Keyring, tasks: Tasks, *, last_heard: Callable[[str], float | None]
    ) -> None:
        """`last_heard` gives the Unix second at which a task was last heard in this term, if it was."""
        self._office = office
        self._keys = keys
        self._tasks = tasks
        self._last_heard = last_heard
        self._admitting = asyncio.Semaphore(AT_ONCE)
        self._binding = asyncio.Lock()

    async def admit(self, hello: Hello, over: Callable[[], bool]) -> Claim | Refused | None:
        """The replica's slot, or why not; None when the term was over before its turn came, as `over` says.
        Raises StoreUnreachable, LeaseLost, EngineUnreachable.
        """
        async with self._admitting:
            return None if over() else await self._admit(hello)

    async def _admit(self, hello: Hello) -> Claim | Refused:
        async with self._office.read() as session:
            proven = await prove(session, hello)
            if isinstance(proven, Refused):
                return proven
            group, node = proven.group, proven.node
            slots = await nodes.slots(session, node.index)
        if not await self._runs(hello):
            return Refused(reason=f"the engine does not report task {hello.task} in group {hello.group}")
        slot = _own(slots, hello.task) or await self._bind(node.index, hello)
        if slot is None:
            return Refused(reason=_NO_SENDER)
        key = self._keys.sender(node.index, Slot(slot.number))
        return Claim(node, Colour(group.colour), Slot(slot.number), slot.sender, key)

    async def _runs(self, hello: Hello) -> bool:
        task = self._tasks.get(hello.task)
        if task is None:  # it may be younger than our last look
            await self._tasks.refresh()
            task = self._tasks.get(hello.task)
        return task is not None and task.group == hello.group

    async def _bind(self, node: int, hello: Hello) -> KnownSlot | None:
        async with self._binding, self._office.lead() as session:
            rows = [row for row in await nodes.slots(session, node) if row.standing == Standing.GOOD]
            if not rows:
                return None
            chosen = self._choose(rows, hello, await accounts.frozen(session))
            if chosen.task != hello.task:
                if chosen.task is not None and self._tasks.get(chosen.task):
                    log.warning("slot is used again", node=node, slot=chosen.number, silent=chosen.task)
                await nodes.bind(session, node, chosen.number, hello.task, self._office.clock.now())
        return chosen

    def _choose(self, rows: Sequence[KnownSlot], hello: Hello, frozen: Collection[str]) -> KnownSlot:
        """Its own slot, a free one, the longest silent one; one whose sender is frozen only if all are."""

        def free(row: KnownSlot) -> bool:
            return row.task is None or self._tasks.get(row.task) is None

        if (own := _own(rows, hello.task)) is not None:
            return own
        rows = [row for row in rows if row.sender not in frozen] or rows
        open_rows = [row for row in rows if free(row)]
        for row in open_rows:
            if row.number == hello.slot:
                return row
        return open_rows[0] if open_rows else min(rows, key=self._heard)

    def _heard(self, row: KnownSlot) -> float:
        heard = self._last_heard(row.task) if row.task else None
        return heard if heard is not None else (row.heard_at or 0.0)


def _own(rows: Sequence[KnownSlot], task: str) -> KnownSlot | None:
    """The slot that a task holds already."""
    return next((row for row in rows if row.task == task and row.standing == Standing.GOOD), None)
