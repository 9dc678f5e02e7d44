"""Two endpoints, one chain: do they name the same logs?

A subscription that has stopped raises no error, and a node may lack logs of blocks that it has. Both show
when the logs of some blocks are read from a second endpoint. Blocks of one hash have one set of logs, so as
soon as both endpoints have the same block at the end of the range, whoever names fewer is at fault.
"""

from dataclasses import dataclass

from linkpool.chain.history import read_head
from linkpool.chain.ranges import Wanted, read_range
from linkpool.chain.rpc import Endpoint
from linkpool.chain.types import Log
from linkpool.chain.window import Window

OVERLAP = 3
"""Blocks compared again that were compared the last time."""


@dataclass(frozen=True)
class Reconciled:
    """Up to this block two endpoints agreed on the logs, at this time of the loop's clock."""

    block: int
    at: float


@dataclass(frozen=True)
class Comparison:
    """Up to block `high`: logs that only the other endpoint named, logs that it lacks, and its head."""

    high: int
    found: tuple[Log, ...]
    lacking: tuple[Log, ...]
    other_head: int


async def compare(other: Endpoint, wanted: Wanted, window: Window, last: int, high: int) -> Comparison | None:
    """Read the blocks from `last` to `high` from `other` and take what it knows into the window.

    None when the two are not on the same chain just now (a re-org, or `other` is far behind): nothing was
    taken. Raises EndpointTrouble.
    """
    head = await read_head(other)
    high = min(high, head.number)
    low = max(window.floor, min(last, high) - OVERLAP)
    joint = window.hash_at(head.number) == head.hash  # mostly: then everything below is the same as well
    anchor = head if joint else await read_head(other, high)
    pieces, told = 0, list[Log]()
    async for piece in read_range(other, wanted, low, high, known=window.count):
        pieces += 1
        told += map(window.held, piece.logs)
    if pieces > 1 and (await read_head(other, anchor.number)).hash != anchor.hash:
        return None  # it went to another chain between two answers
    if window.hash_at(anchor.number) != anchor.hash or low < window.floor:
        return None
    found, lacking = window.union(low, high, told)
    return Comparison(high, tuple(found), tuple(lacking), head.number)
