"""One run at a time, while a replica cannot know whether one of its requests kills it.

In a pool the control plane sees which runs were in hand at a death. A replica that runs alone has nobody to
tell it, so it starts with the newest request, alone, then the next, until one answer has landed: then the
poison is not among what it runs, and all go at once.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from heapq import heapify, heappop, heappush

from linkpool.replica.requests import Position, Request


class Caution:
    """Lets runs through. `lifted`: all at once, from the start."""

    def __init__(self, *, lifted: bool) -> None:
        self._lifted, self._busy = lifted, False
        self._waiting: list[tuple[Position, int, asyncio.Future[None]]] = []
        self._asked = 0

    @asynccontextmanager
    async def alone(self, request: Request) -> AsyncIterator[None]:
        """Inside, once no other run is; of those who wait the newest request goes first."""
        if not self._lifted:
            await self._turn(request)
        try:
            yield
        finally:
            self._busy = False
            self._next()

    def lift(self) -> None:
        """An answer landed: nothing needs to wait any more."""
        self._lifted = True
        self._next()

    async def _turn(self, request: Request) -> None:
        block, index = request.position
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asked += 1
        heappush(self._waiting, ((-block, -index), self._asked, turn))
        self._next()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # let in and cancelled in the same moment
                self._busy = False
            self._waiting = [one for one in self._waiting if one[2] is not turn]
            heapify(self._waiting)
            self._next()
            raise

    def _next(self) -> None:
        while self._waiting and (self._lifted or not self._busy):
            *_, turn = heappop(self._waiting)
            if not turn.done():
                self._busy = True
                turn.set_result(None)
