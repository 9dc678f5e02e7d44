"""Time, handed in: what the clock on the wall says, and what only ever goes forward."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Both in seconds. Decisions use `monotonic`; `now` (Unix) is for people and deadlines on chain."""

    def now(self) -> float: ...

    def monotonic(self) -> float: ...


class SystemClock:
    """The machine's clock, and the running loop's."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()
