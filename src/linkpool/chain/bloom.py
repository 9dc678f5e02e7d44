"""Blocks that say they hold logs of ours: the bloom filter in a header knows more than a silent subscription.

A header's `logsBloom` never denies a log that is there, and affirms a few that are not. So a block whose
filter names our contract and one of our topics *promises* logs; when none was pushed a while later, that
block is read. A false promise costs one call. A filter that is empty, as some chains leave it, promises
nothing; one that is more than half full, as in most blocks of Ethereum itself, promises too much to be asked.
"""

from collections.abc import Iterable
from functools import lru_cache

from eth_hash.auto import keccak

from linkpool.chain.ranges import Wanted
from linkpool.chain.types import Head, unhex

MOST_BITS = 1024
"""Of 2048. So full, one in 16 blocks without logs of ours promises one; with 1,400 bits, one in three."""


@lru_cache(maxsize=256)
def bits(item: bytes) -> int:
    """The three bits that an address or a topic sets (Yellow Paper, M3:2048), in a number of 2048 bits."""
    digest = keccak(item)
    places = (int.from_bytes(digest[start : start + 2]) & 2047 for start in (0, 2, 4))
    return sum({1 << place for place in places})


def _any(bloom: int, items: Iterable[bytes]) -> bool:
    return any(bloom & bits(item) == bits(item) for item in items)


class Promises:
    """Blocks that promised logs, and until when these may take to come. Times are the loop's, in seconds."""

    def __init__(self, wanted: Wanted, patience: float) -> None:
        self._addresses = [unhex(address) for address in wanted.addresses]
        self._topics, self._patience = wanted.topics, patience
        self._open: list[tuple[float, Head]] = []

    def note(self, head: Head, now: float) -> None:
        """A new block."""
        bloom = head.bloom or 0
        if bloom.bit_count() > MOST_BITS:
            return
        if _any(bloom, self._addresses) and (not self._topics or _any(bloom, self._topics)):
            self._open.append((now + self._patience, head))

    @property
    def next(self) -> float | None:
        """When the oldest promise should have been kept; none without one."""
        return self._open[0][0] if self._open else None

    def take(self) -> Head:
        """The block of the oldest promise, which is forgotten."""
        return self._open.pop(0)[1]

    def clear(self) -> None:
        """All blocks so far were read."""
        self._open.clear()
