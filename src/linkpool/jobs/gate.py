"""A limit on how many may be inside at once, shared fairly between callers.

Places that become free go round among the callers who wait, not to whoever has queued the most: one job
with a thousand runs delays another job's first run by one turn.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator


class Gate:
    """At most `limit` inside."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._inside = 0
        self._queues: dict[str, deque[asyncio.Future[None]]] = {}

    @contextlib.asynccontextmanager
    async def place(self, caller: str) -> AsyncIterator[None]:
        """Inside, once it is this caller's turn."""
        await self._enter(caller)
        try:
            yield
        finally:
            self._inside -= 1
            self._admit()

    async def _enter(self, caller: str) -> None:
        if self._inside < self._limit:
            self._inside += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(caller, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # admitted and cancelled in the same moment
                self._inside -= 1
            self._admit()
            raise

    def _admit(self) -> None:
        """Let the next in, one caller after the other."""
        while self._inside < self._limit and self._queues:
            caller, queue = next(iter(self._queues.items()))
            turn = queue.popleft()
            del self._queues[caller]
            if queue:
                self._queues[caller] = queue  # to the end of the round
            if not turn.done():
                self._inside += 1
                turn.set_result(None)
