"""Chain time between blocks: the heads' timestamps plus the loop's clock.

Every head is a sample of (its timestamp - loop time at which it came). The median of the last few is the
offset, so that one late head, or one with an odd timestamp, moves nothing; a lasting change is followed
after three heads. Of two the higher counts, because the first head seen may have been there for a while.
"""

import asyncio
from collections import deque
from statistics import median, median_high

from linkpool.chain.types import Head
from linkpool.errors import Temporary

SAMPLES = 5
SPACINGS = 16
FIRST_GUESS = 12.0


class NoTime(Temporary):
    """No head has been seen yet, so the chain's time is unknown."""


class ChainClock:
    """What time it is on the chain, in seconds, and how long its blocks take."""

    def __init__(self) -> None:
        self._offsets: deque[float] = deque(maxlen=SAMPLES)
        self._spacings: deque[float] = deque(maxlen=SPACINGS)
        self._last: Head | None = None

    def saw(self, head: Head) -> None:
        """Take a new head at the moment it came. Heads no later than the last one are no samples."""
        last, self._last = self._last, head
        if last is not None:
            blocks = head.number - last.number
            if blocks <= 0:
                return
            self._spacings.append(max(head.timestamp - last.timestamp, 0) / blocks)
        self._offsets.append(head.timestamp - asyncio.get_running_loop().time())

    def learn_pace(self, older: Head, newer: Head) -> None:
        """Take the pace of the chain from two heads of its past, before live ones tell it."""
        if newer.number > older.number and not self._spacings:
            self._spacings.append((newer.timestamp - older.timestamp) / (newer.number - older.number))

    @property
    def paced(self) -> bool:
        """The block time is known, not guessed."""
        return bool(self._spacings)

    @property
    def known(self) -> bool:
        """A head has been seen."""
        return bool(self._offsets)

    def now(self) -> float:
        """Seconds of chain time. Raises NoTime before the first head."""
        if not self._offsets:
            raise NoTime("the chain's time is unknown: no head has been seen yet")
        return asyncio.get_running_loop().time() + median_high(self._offsets)

    @property
    def block_time(self) -> float:
        """Seconds from one block to the next: the median of the last few, 12 before any is known."""
        return median(self._spacings) if self._spacings else FIRST_GUESS
