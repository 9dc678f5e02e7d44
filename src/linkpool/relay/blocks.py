"""The newest blocks of the chain, each with its logs: what the relay answers from. Pure.

Blocks hang together by hash, so what stands here is one chain and no mixture. A block knows of which
contracts it has all logs (`covers`): a question about others cannot be answered from it before they are read.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from linkpool.chain.types import Head, parse_head

Json = dict[str, Any]

_BULKY = frozenset({"transactions", "uncles", "withdrawals"})
"""Members of a block object that no header has; the relay keeps headers."""


@dataclass(eq=False)
class Block:
    """One block. `logs` by log index, as JSON; `covers` in lower case."""

    header: Json
    head: Head
    logs: dict[int, Json] = field(default_factory=dict)
    covers: frozenset[str] = frozenset()

    def ordered(self) -> list[Json]:
        """Its logs, in order."""
        return [self.logs[index] for index in sorted(self.logs)]


def make_block(told: Any) -> Block:
    """A block of which no logs are known, from a header or block object. Raises Garbage."""
    head = parse_head(told)
    return Block({name: value for name, value in told.items() if name not in _BULKY}, head)


class Blocks:
    """A chain of at most `depth` blocks that ends at the tip."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self._line: list[Block] = []
        self._by_hash: dict[bytes, Block] = {}

    def __len__(self) -> int:
        return len(self._line)

    @property
    def tip(self) -> Block | None:
        """The newest block; none before the first."""
        return self._line[-1] if self._line else None

    @property
    def floor(self) -> Block | None:
        """The oldest block that is kept."""
        return self._line[0] if self._line else None

    def at(self, number: int) -> Block | None:
        """The block at that height, if it is kept."""
        if not self._line or not self._line[0].head.number <= number <= self._line[-1].head.number:
            return None
        return self._line[number - self._line[0].head.number]

    def by_hash(self, block_hash: bytes) -> Block | None:
        """The block of that hash, if it is kept: one that a re-org took out is not."""
        return self._by_hash.get(block_hash)

    def between(self, low: int, high: int) -> list[Block]:
        """The kept blocks from `low` to `high`, in order."""
        if not self._line:
            return []
        first = self._line[0].head.number
        return self._line[max(low - first, 0) : max(high - first + 1, 0)]

    def switch(self, blocks: Sequence[Block]) -> list[Block]:
        """Take blocks that hang together; the last one is the tip now. Returns those it replaced, last first.

        When the first one's parent is not kept, the chain went on without us: nothing older is kept, and
        nothing is known to be replaced.
        """
        parent = self._by_hash.get(blocks[0].head.parent_hash)
        stays = parent.head.number - self._line[0].head.number + 1 if parent else 0
        gone = self._line[stays:]
        line = [*self._line[:stays], *blocks][-self.depth :]
        self._line, self._by_hash = line, {block.head.hash: block for block in line}
        return gone[::-1] if parent else []

    def deepen(self, block: Block) -> None:
        """Take the parent of the oldest block; nothing happens when it is not that, or there is no room."""
        if self._line and len(self._line) < self.depth and block.head.hash == self._line[0].head.parent_hash:
            self._line.insert(0, block)
            self._by_hash[block.head.hash] = block


def lacking(blocks: Iterable[Block], addresses: Collection[str]) -> list[Block]:
    """Those of `blocks` that do not cover all these contracts."""
    return [block for block in blocks if not block.covers.issuperset(addresses)]
