"""One run at a time, while a replica cannot know whether one of its requests kills it.

In a pool the control plane sees which runs were in hand at a death. A replica that runs alone has nobody to
tell it, so it starts with one request, alone, then the next, until one answer has landed: then all go at
once. The line is in another order at every start, drawn from the number of the block: wherever poisons
stand among the requests, each of the others is first at some start, and is answered.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from heapq import heapify, heappop, heappush

from linkpool.replica.requests import Request

PATIENCE = 30.0
"""Seconds after which the next may go though the one before is neither answered nor dead."""


class Caution:
    """Lets runs through. `lifted`: all at once, from the start. `block`: the newest one when first asked."""

    def __init__(self, *, lifted: bool, block: Callable[[], int] = lambda: 0) -> None:
        self.lifted = lifted
        self._inside: asyncio.Future[None] | None = None
        self._block, self._drawn = block, b""
        self._waiting: list[tuple[bytes, int, asyncio.Future[None]]] = []
        self._asked = 0

    @asynccontextmanager
    async def alone(self, request: Request) -> AsyncIterator[None]:
        """Inside, once no other is; of those who wait the first in line goes first."""
        turn = None if self.lifted else await self._turn(request)
        try:
            yield
        finally:
            if turn is not None:
                self._leave(turn)

    def place(self, request: Request) -> bytes:
        """Where it stands in line, lowest first."""
        self._drawn = self._drawn or self._block().to_bytes(8)
        return sha256(self._drawn + request.identity).digest()

    def lift(self) -> None:
        """An answer landed: nothing needs to wait any more."""
        self.lifted = True
        self._next()

    async def _turn(self, request: Request) -> "asyncio.Future[None]":
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asked += 1
        heappush(self._waiting, (self.place(request), self._asked, turn))
        self._next()
        try:
            await turn
        except asyncio.CancelledError:
            self._waiting = [one for one in self._waiting if one[2] is not turn]
            heapify(self._waiting)
            self._leave(turn)
            raise
        return turn

    def _leave(self, turn: "asyncio.Future[None]") -> None:
        if self._inside is turn:
            self._inside = None
        self._next()

    def _next(self) -> None:
        while self._waiting and (self.lifted or self._inside is None):
            *_, turn = heappop(self._waiting)
            if not turn.done():
                self._inside = turn
                turn.set_result(None)
                asyncio.get_running_loop().call_later(PATIENCE, self._leave, turn)
