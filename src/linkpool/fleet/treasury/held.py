"""Gas for the senders that replicas hold: topped up in time; when a replica comes in at once, and in a large
fleet within ten seconds.

Whoever holds a slot that was just frozen is replaced: the next one gets another slot.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from linkpool.engines.protocol import Engine
from linkpool.fleet.office import Office
from linkpool.fleet.running.tasks import Tasks
from linkpool.fleet.treasury.treasury import Treasury
from linkpool.store import nodes
from linkpool.units import Wei

EVERY = 10.0
"""Seconds between two looks at the balances of held slots, unless a replica comes in."""
SHARE = 0.1
"""Of the time, at most, goes into looks: while thousands come in, each would begin the next."""


class HeldGas:
    """`entered` is set when a replica came in; low: the wei below which a sender is short of gas."""

    def __init__(
        self,
        office: Office,
        *,
        treasury: Treasury,
        engine: Engine,
        tasks: Tasks,
        entered: asyncio.Event,
        low: Wei,
    ) -> None:
        self._office = office
        self._treasury = treasury
        self._engine = engine
        self._tasks = tasks
        self._entered = entered
        self._low = low
        self._rest = 0.0
        """Seconds to wait at least before the next look."""

    async def step(self) -> None:
        """Wait until it is time, then top up the manager and the senders of held slots."""
        await asyncio.sleep(self._rest)
        with suppress(TimeoutError):
            async with asyncio.timeout(EVERY - self._rest):
                await self._entered.wait()
        self._entered.clear()
        began = self._office.clock.monotonic()
        try:
            await self._look()
        finally:
            took = self._office.clock.monotonic() - began
            self._rest = min(took * (1 - SHARE) / SHARE, EVERY)

    async def _look(self) -> None:
        async with self._office.read() as session:
            slots = await nodes.every_slot(session)
        held = {slot.sender: slot.task for slot in slots if slot.task and self._tasks.get(slot.task)}
        for sender in await self._treasury.step(list(held)):
            if (task := held.get(sender)) is not None:
                await self._engine.replace(task, "its sender is frozen")

    async def funded(self, senders: Sequence[str]) -> bool:
        """Whether these have gas enough; if not as far as is known, it is seen to now."""
        known = self._treasury.balances
        if all(known.get(sender, 0) >= self._low for sender in senders):
            return True
        return await self._treasury.top_up(senders)
