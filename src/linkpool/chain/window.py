"""What we believe the chain's logs are, near its tip. Pure: it reads nothing and waits for nothing.

Three things come in, in any order, doubled, late or not at all: heads, pushed logs, and ranges that were
read. A pushed log is believed when nothing contradicts it. Whatever does not fit (a head that does not
extend the tip, a log of another block than the one known at its height, a log taken back) is not reasoned
about: it makes *doubt*, and a doubt is ended by reading the range again. So a read is the truth, a push is
only fast, and wrong order cannot do harm.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from linkpool.chain.rpc import Garbage
from linkpool.chain.types import Head, Log


@dataclass(frozen=True)
class Change:
    """What a read changed: logs that are new, in the chain's order, and logs that are gone, last first."""

    seen: tuple[Log, ...] = ()
    gone: tuple[Log, ...] = ()


class Window:
    """The logs of the blocks from `floor` on, by block; at most about `depth` blocks below the tip."""

    def __init__(self, floor: int, depth: int) -> None:
        self.floor = floor
        self.tip: Head | None = None
        self._depth = depth
        self._hashes: dict[int, bytes] = {}
        self._logs: dict[int, dict[int, Log]] = {}

    @property
    def next_read(self) -> int:
        """Where a read must start to leave no doubt: below any re-org that is followed."""
        return self.floor if self.tip is None else max(self.floor, self.tip.number - self._depth + 1)

    def hash_at(self, number: int) -> bytes | None:
        """Hash of the block at that height, where a head told it."""
        return self._hashes.get(number)

    def count(self, number: int) -> int:
        """How many logs of the block at that height are believed."""
        return len(self._logs.get(number, ()))

    def logs(self) -> list[Log]:
        """All logs believed, in the chain's order."""
        return [
            self._logs[number][index] for number in sorted(self._logs) for index in sorted(self._logs[number])
        ]

    def held(self, log: Log) -> Log:
        """The same log as it is held here already, or else the log itself."""
        own = self._logs.get(log.block_number, {}).get(log.log_index)
        return own if own is not None and own == log else log

    def is_old_news(self, head: Head) -> bool:
        """The head is a block of the chain we know, so that it says nothing new."""
        return self.hash_at(head.number) == head.hash

    def extend(self, head: Head) -> bool:
        """Take a head that extends the tip and contradicts no log. False: nothing changed, there is doubt."""
        tip = self.tip
        if tip is None or head.number != tip.number + 1 or head.parent_hash != tip.hash:
            return False
        if self._block_hash(head.number) not in (None, head.hash):
            return False
        self._advance(head)
        return True

    def push(self, log: Log, *, removed: bool = False) -> bool | None:
        """Take a pushed log. True: it is new and believed. False: nothing new. None: there is doubt."""
        number, held = log.block_number, self._logs.get(log.block_number, {})
        if number < self.floor:
            return False
        if held.get(log.log_index) == log:
            return None if removed else False
        if removed:
            return False
        known = self._hashes.get(number)
        ahead = self.tip is not None and number > self.tip.number
        if (known is None and not ahead) or log.block_hash != (known or log.block_hash):
            return None
        if self._block_hash(number) not in (None, log.block_hash):
            return None
        self._logs.setdefault(number, {})[log.log_index] = log
        return True

    def replace(self, low: int, high: int, logs: Iterable[Log]) -> Change:
        """The logs of the blocks `low`..`high` are exactly these. Raises Garbage when they cannot be."""
        told = self._told(low, high, logs)
        seen, gone = [], []
        for number in sorted({*(n for n in self._logs if low <= n <= high), *told}):
            before, now = self._logs.get(number, {}), told.get(number, {})
            seen += [now[index] for index in sorted(now) if before.get(index) != now[index]]
            gone += [before[index] for index in sorted(before) if now.get(index) != before[index]]
            # Whoever was told of a log holds it: the same log read again is not kept a second time.
            self._put(number, {index: self.held(log) for index, log in now.items()})
        return Change(tuple(seen), tuple(reversed(gone)))

    def settle(self, head: Head) -> Change:
        """End a read that reached up to `head`: it is the tip now, and what was believed above it is gone."""
        above = sorted(number for number in self._logs if number > head.number)
        gone = [log for number in above for _, log in sorted(self._logs.pop(number).items())]
        self._hashes = {head.number - 1: head.parent_hash}
        self._advance(head)
        return Change((), tuple(reversed(gone)))

    def union(self, low: int, high: int, logs: Iterable[Log]) -> tuple[list[Log], list[Log]]:
        """Another endpoint's logs of `low`..`high`, read on the same chain (same hash at `high`).

        Blocks of one hash have one set of logs, so whoever names fewer is incomplete. Returns the logs that
        only it named (believed from now on), and those that only we had. Raises Garbage.
        """
        told = self._told(low, high, logs)
        found, lacking = [], []
        for number in sorted({*(n for n in self._logs if low <= n <= high), *told}):
            ours, theirs = self._logs.get(number, {}), told.get(number, {})
            found += [theirs[index] for index in sorted(theirs) if index not in ours]
            lacking += [ours[index] for index in sorted(ours) if index not in theirs]
            self._put(number, {**theirs, **ours})
        return found, lacking

    def _told(self, low: int, high: int, logs: Iterable[Log]) -> dict[int, dict[int, Log]]:
        told: dict[int, dict[int, Log]] = {}
        for log in logs:
            block = told.setdefault(log.block_number, {})
            if not low <= log.block_number <= high:
                raise Garbage(f"asked for blocks {low}..{high}, got a log of block {log.block_number}")
            if any(other.block_hash != log.block_hash for other in block.values()):
                raise Garbage(f"logs of two blocks at height {log.block_number} in one answer")
            block[log.log_index] = log
        return told

    def _put(self, number: int, block: dict[int, Log]) -> None:
        if block:
            self._logs[number] = block
        else:
            self._logs.pop(number, None)

    def _block_hash(self, number: int) -> bytes | None:
        return next((log.block_hash for log in self._logs.get(number, {}).values()), None)

    def _advance(self, head: Head) -> None:
        self.tip = head
        self._hashes[head.number] = head.hash
        self.floor = max(self.floor, head.number - self._depth + 1)
        for held in (self._hashes, self._logs):
            for number in [n for n in held if n < self.floor]:
                del held[number]
