"""What happened, for people and pages: noted at once, written in batches, followed by number."""

import asyncio
from collections import deque
from typing import Any

from linkpool.fleet.clock import Clock
from linkpool.store import events
from linkpool.store.database import Database


class Journal:
    """Notes from code that may not wait; `flush` writes them as the leader of `epoch`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._notes: deque[tuple[str, str | None, dict[str, Any], float]] = deque()
        self._noted = asyncio.Event()
        self._written = asyncio.Condition()

    def note(self, kind: str, node: str | None, **data: Any) -> None:
        """Remember an event. node: the oracle's address."""
        self._notes.append((kind, node, data, self._clock.now()))
        self._noted.set()

    async def flush(self, epoch: int) -> None:
        """Wait for notes and write them. Raises LeaseLost, StoreUnreachable: then they are kept."""
        await self._noted.wait()
        self._noted.clear()
        batch = list(self._notes)
        try:
            async with self._database.lead(epoch) as session:
                for kind, node, data, at in batch:  # rows added in one flush are numbered in this order
                    events.add(session, kind, node, data, at)
        except BaseException:
            self._noted.set()
            raise
        for _ in batch:
            self._notes.popleft()
        await self.wake()

    async def wake(self) -> None:
        """Tell the followers of this process that there is something new to read."""
        async with self._written:
            self._written.notify_all()

    async def wait(self, seconds: float) -> None:
        """Return when something was written here, or after a while: another process may have written."""
        try:
            async with asyncio.timeout(seconds), self._written:
                await self._written.wait()
        except TimeoutError:
            return
