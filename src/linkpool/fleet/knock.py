"""How loops rest while there is nothing to do: they look seldom, and at once when somebody knocks."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress


class Knock:
    """Somebody asked for something through this process; what others wrote is seen at the next look."""

    def __init__(self) -> None:
        self._count = 0
        self._next = asyncio.Event()

    def set(self) -> None:
        """Wake whoever rests."""
        self._count += 1
        self._next.set()
        self._next = asyncio.Event()

    def unhurried(
        self, step: Callable[[], Awaitable[bool | None]], seconds: float
    ) -> Callable[[], Awaitable[None]]:
        """`step` says whether it has work in hand; without any it is made at a knock, or after so long."""
        heard, idle = self._count, False

        async def turn() -> None:
            nonlocal heard, idle
            if idle and heard == self._count:
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await self._next.wait()
            heard, idle = self._count, False
            idle = not await step()

        return turn
