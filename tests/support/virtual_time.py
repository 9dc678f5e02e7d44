"""An asyncio loop whose clock jumps: hours of chain time in milliseconds, and the same every time.

`run(main())` is `asyncio.run` on such a loop. When nothing is ready, time moves to the next timer; when
there is no timer either, everything waits for something that cannot come, which is a `Deadlock`. No
real sockets work here: code under it must reach the network only through objects that a test injects.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Deadlock(AssertionError):
    """Nothing is ready and no timer is set: the code under test waits for ever."""


class _JumpingSelector(selectors.SelectSelector):
    """Never sleeps: moves the loop's clock by what it was asked to sleep."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Deadlock("nothing is ready and no timer is set")
        self.now += max(timeout, 0.0)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """`time()` starts at `start` and moves only when everything waits."""

    def __init__(self, start: float = 1000.0) -> None:
        self._jumping = _JumpingSelector()
        self._start = start
        super().__init__(self._jumping)
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self._start + self._jumping.now


def run(main: Coroutine[Any, Any, T], *, limit: float = 100_000.0) -> T:
    """Run `main` to its end in virtual time; TimeoutError after `limit` virtual seconds."""

    async def limited() -> T:
        async with asyncio.timeout(limit):
            return await main

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(limited())
