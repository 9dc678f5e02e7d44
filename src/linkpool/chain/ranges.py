"""All logs of any range of blocks, in pieces that neither the endpoint nor this process finds large.

What an endpoint refuses is halved. What it gives is read in answers of about as many logs each, however many
there are in a block: as JSON a log takes many times its memory, and a process keeps most of what its busiest
moment took.
"""

from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from linkpool.chain.rpc import Behind, Garbage, RangeRefused, Refusal, Rpc, TimedOut
from linkpool.chain.types import Head, Log, hexed, parse_log, parse_logs

CHUNK = 2_000
"""Blocks asked for at once, at most."""

MANY = 500
"""Logs wanted in one answer."""

ADDRESSES = 1_000
"""Contracts in one filter: what Geth and Nethermind take unless their operators say otherwise."""

LEAP = 8
"""How much longer a piece may be than the one before: what brought few logs says little of what comes."""

GROW_AFTER = 10
"""Pieces that must go well before a larger one is tried again."""


@dataclass(frozen=True)
class Wanted:
    """Which logs are followed: of these contracts, with one of these as topic 0 (none at all: any)."""

    addresses: tuple[str, ...]
    topics: tuple[bytes, ...]

    def filter(self, **span: str) -> dict[str, Any]:
        """The JSON filter, with `fromBlock`, `toBlock` or `blockHash` as given."""
        where: dict[str, Any] = {"address": list(self.addresses), **span}
        if self.topics:
            where["topics"] = [[hexed(topic) for topic in self.topics]]
        return where

    @cached_property
    def _contracts(self) -> frozenset[str]:
        return frozenset(self.addresses)

    def check(self, log: Log) -> Log:
        """The log itself. Raises Garbage for one that was not asked for."""
        first = log.topics[0] if log.topics else b""
        if log.address not in self._contracts or (self.topics and first not in self.topics):
            raise Garbage(f"a log that was not asked for: {log.address} {first.hex()}")
        return log

    def parse(self, logs: Any) -> list[Log]:
        """The answer of eth_getLogs. Raises Garbage."""
        return [self.check(log) for log in parse_logs(logs)]

    def parse_one(self, log: Any) -> Log:
        """A pushed log. Raises Garbage."""
        return self.check(parse_log(log))


@dataclass(frozen=True)
class Piece:
    """The logs of the blocks `low`..`high`."""

    low: int
    high: int
    logs: Collection[Log]


def _unknown(_number: int) -> int:
    return 0


async def read_range(
    rpc: Rpc,
    wanted: Wanted,
    low: int,
    high: int,
    *,
    first: int = CHUNK,
    known: Callable[[int], int] = _unknown,
) -> AsyncIterator[Piece]:
    """The logs of blocks `low`..`high` in pieces, in order, that cover the range exactly.

    A piece has as many blocks as bring `MANY` logs if they are like those of the last one and hold what is
    `known` (how many logs, by block number); the first has at most `first`. One that is refused or too slow
    is halved; longer ones are tried again after some that went well.
    Raises EndpointTrouble; RangeRefused or TimedOut when even a single block is too much.
    """
    size, most, well = first, CHUNK, 0
    while low <= high:
        end = _reach(low, min(low + min(size, most) - 1, high), known)
        try:
            logs = await _read(rpc, wanted, fromBlock=hex(low), toBlock=hex(end))
        except (RangeRefused, TimedOut):
            if end == low:
                raise
            most, well = (end - low + 1) // 2, 0
            continue
        yield Piece(low, end, logs)
        blocks = end - low + 1
        size = max(min(blocks * MANY // max(len(logs), 1), blocks * LEAP), 1)
        low, well = end + 1, well + 1
        if well >= GROW_AFTER:
            most, well = min(2 * most, CHUNK), 0


def _reach(low: int, high: int, known: Callable[[int], int]) -> int:
    """The last block up to `high` with which it is not more than `MANY` logs from `low` on."""
    total = known(low)
    for number in range(low + 1, high + 1):
        total += known(number)
        if total > MANY:
            return number - 1
    return high


async def read_block(rpc: Rpc, wanted: Wanted, head: Head) -> Piece:
    """The logs of one block, by its hash. Raises Behind when the endpoint does not have that block."""
    try:
        return Piece(head.number, head.number, await _read(rpc, wanted, blockHash=hexed(head.hash)))
    except RangeRefused as refused:
        raise Behind(f"logs of block {head.number}: {refused}") from refused


async def _read(rpc: Rpc, wanted: Wanted, **span: str) -> list[Log]:
    try:
        return wanted.parse(await rpc.call("eth_getLogs", wanted.filter(**span)))
    except (
        Refusal
    ) as refusal:  # words we do not know: only smaller pieces can tell whether size was the reason
        raise RangeRefused(str(refusal)) from refusal
