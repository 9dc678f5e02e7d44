"""The pool's logs, block by block, in a chain that may change while it is read.

Blocks near the head are read by their hashes, and each must name the one before as its parent: whatever
endpoint answers, the logs are those of these very blocks. Blocks too deep to change are read by ranges. A
node that registers in what was read is read too.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import structlog

from linkpool.chain.history import read_head
from linkpool.chain.ranges import ADDRESSES, CHUNK, Wanted, read_range
from linkpool.chain.rpc import Behind, Garbage, Refusal, Rpc
from linkpool.chain.types import Head, Log, hexed, parse_head
from linkpool.contracts.pool_events import NodeRegistered
from linkpool.store.chain_state import Block

log = structlog.get_logger(__name__)

NEAR = 64
"""Blocks at the head that are read one by one, by their hashes."""


@dataclass(frozen=True)
class Stretch:
    """Logs with their times, in order, of the blocks after `base` up to the last of `blocks`."""

    base: Block | None
    blocks: tuple[Block, ...]
    logs: tuple[Log, ...]


class BlockReader:
    """Reads one pool's blocks. first: where the pool's own begin."""

    def __init__(self, rpc: Rpc, pool: str, first: int = 0) -> None:
        self._rpc = rpc
        self._pool = pool
        self._first = first

    async def next(self, kept: Sequence[Block], nodes: Collection[str]) -> Stretch | None:
        """What follows the newest of the `kept` blocks (newest first) that is still in the chain.

        None when nothing does. Raises EndpointTrouble when no endpoint tells, or they change too fast.
        """
        head = await read_head(self._rpc)
        if kept and kept[0].hash == hexed(head.hash):
            return None
        base = await self._base(kept, head)
        low = base.number + 1 if base else self._first
        if head.number < low:
            return None
        addresses = {self._pool, *nodes}
        if head.number - low < NEAR:
            return await self._near(base, low, head, addresses)
        return await self._far(base, low, min(low + CHUNK - 1, head.number - NEAR), addresses)

    async def _base(self, kept: Sequence[Block], head: Head) -> Block | None:
        """The newest kept block that is in the chain of `head`; none: begin anew."""
        if not kept or hexed(head.parent_hash) == kept[0].hash:
            return next(iter(kept), None)
        if head.number < kept[-1].number:
            raise Behind(f"the chain ends at block {head.number}, block {kept[0].number} was seen before")
        for some in (kept[:1], kept):
            known = [block for block in some if block.number <= head.number]
            heads = await self._heads([block.number for block in known])
            for block, now in zip(known, heads, strict=True):
                if block.hash == hexed(now.hash):
                    return block
        log.warning("a re-org below every block that is kept: everything is read again", kept=len(kept))
        return None

    async def _near(self, base: Block | None, low: int, head: Head, addresses: Collection[str]) -> Stretch:
        heads = [*await self._heads(range(low, head.number)), head]
        parent = base.hash if base else None
        for one in heads:
            if parent not in (None, hexed(one.parent_hash)):
                raise Behind(f"block {one.number} does not follow the one before: the chain changes just now")
            parent = hexed(one.hash)
        times = {one.hash: one.timestamp for one in heads}

        async def read(wanted: Wanted) -> list[Log]:
            asked = [("eth_getLogs", (wanted.filter(blockHash=hexed(one.hash)),)) for one in heads]
            found: list[Log] = []
            for one, answer in zip(heads, await self._rpc.batch(asked), strict=True):
                if isinstance(answer, Refusal):
                    raise Behind(f"logs of block {one.number}: {answer}")
                logs = wanted.parse(answer)
                if any(each.block_hash != one.hash for each in logs):
                    raise Garbage(f"asked for logs of block 0x{one.hash.hex()}, got those of another")
                found += logs
            return found

        logs = await _with_new_nodes(read, addresses)
        return Stretch(base, tuple(map(_block, heads)), tuple(_timed(logs, times)))

    async def _far(self, base: Block | None, low: int, high: int, addresses: Collection[str]) -> Stretch:
        async def read(wanted: Wanted) -> list[Log]:
            return [one async for piece in read_range(self._rpc, wanted, low, high) for one in piece.logs]

        logs = await _with_new_nodes(read, addresses)
        numbers = sorted({one.block_number for one in logs} | {high})
        heads = [one for part in _parts(numbers) for one in await self._heads(part)]
        times = {one.hash: one.timestamp for one in heads}
        if any(one.block_hash not in times for one in logs):
            raise Behind(f"blocks {low} to {high} changed while they were read")
        return Stretch(base, (_block(heads[-1]),), tuple(_timed(logs, times)))

    async def _heads(self, numbers: Iterable[int]) -> list[Head]:
        asked = [("eth_getBlockByNumber", (hex(number), False)) for number in numbers]
        answers = await self._rpc.batch(asked) if asked else []
        for (_, (number, _)), answer in zip(asked, answers, strict=True):
            if answer is None or isinstance(answer, Refusal):
                raise Behind(f"block {int(number, 16)} is unknown to this endpoint: {answer}")
        return [parse_head(answer) for answer in answers]


async def _with_new_nodes(
    read: Callable[[Wanted], Awaitable[list[Log]]], addresses: Collection[str]
) -> list[Log]:
    """The logs of these contracts and of every node that registers among them, in order.

    Of so many contracts at a time as an endpoint takes in one filter.
    """
    found: list[Log] = []
    known: set[str] = set()
    unread = set(addresses)
    topic = NodeRegistered.topic()
    while unread:
        asked = tuple(sorted(unread)[:ADDRESSES])
        logs = await read(Wanted(asked, ()))
        found += logs
        known.update(asked)
        unread |= {NodeRegistered.decode(one).node for one in logs if one.topics[:1] == (topic,)}
        unread -= known
    return sorted(found, key=lambda one: (one.block_number, one.log_index))


def _timed(logs: Iterable[Log], times: dict[bytes, int]) -> Iterable[Log]:
    return (replace(one, block_timestamp=times[one.block_hash]) for one in logs)


def _block(head: Head) -> Block:
    return Block(head.number, hexed(head.hash), head.timestamp)


def _parts(numbers: Sequence[int], size: int = 100) -> Iterable[Sequence[int]]:
    return (numbers[start : start + size] for start in range(0, len(numbers), size))
