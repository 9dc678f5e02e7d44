"""Whose logs the fleet wants: contracts that somebody subscribes to, or asked for within the last hour."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable

from linkpool.chain.rpc import RateLimited

KEEP_SECONDS = 3600.0
MAX_CONTRACTS = 5_000


class TooMany(RateLimited):
    """More contracts than one relay follows."""


class Interest:
    """A set of contracts, in lower case. What nobody asks for any more leaves it."""

    def __init__(self, most: int = MAX_CONTRACTS) -> None:
        self._most = most
        self._asked: dict[str, float] = {}
        self._pins: Counter[str] = Counter()
        self._now: frozenset[str] = frozenset()

    @property
    def now(self) -> frozenset[str]:
        """All of them."""
        return self._now

    def want(self, addresses: Collection[str]) -> None:
        """Somebody asks for these. Raises TooMany, with nothing changed."""
        if not self._now.issuperset(addresses):
            union = self._now.union(addresses)
            if len(union) > self._most:
                raise TooMany(f"more than {self._most} contracts are followed here: ask another endpoint")
            self._now = union
        self._asked.update(dict.fromkeys(addresses, asyncio.get_running_loop().time()))

    def pin(self, addresses: Collection[str]) -> None:
        """Somebody subscribes to these, until `unpin`. Raises TooMany, with nothing changed."""
        self.want(addresses)
        self._pins.update(addresses)

    def unpin(self, addresses: Iterable[str]) -> None:
        """A subscription to these has ended."""
        self._pins.subtract(addresses)
        self._pins = +self._pins

    def forget(self) -> None:
        """Let go of what nobody asked for in the last hour."""
        since = asyncio.get_running_loop().time() - KEEP_SECONDS
        self._asked = {one: at for one, at in self._asked.items() if at >= since or one in self._pins}
        if len(self._asked) < len(self._now):
            self._now = frozenset(self._asked)
