"""Two upstreams, one chain: do they name the same logs?

Every minute what came since the last time is read from an upstream that is not followed. Blocks of one hash
have one set of logs, so whoever names fewer is at fault. A log found only there is told late, and the
upstream that kept it back is left, as one is that lags or that is less preferred. (Replicas compare the two
relays twice as often, which finds the same sooner where these follow different upstreams.)
"""

import asyncio
from dataclasses import dataclass

import structlog

from linkpool.chain.endpoints import FAR_BEHIND, Endpoints
from linkpool.chain.rpc import Behind, Endpoint, EndpointTrouble, Garbage, Refusal
from linkpool.chain.types import Head, hexed
from linkpool.relay.blocks import Block, Json, make_block
from linkpool.relay.feed import Feed, News, Silent
from linkpool.relay.reading import read_header, read_range_logs, take_logs

log = structlog.get_logger(__name__)

EVERY_SECONDS = 60.0
AGAIN_SECONDS = 2.0
STALE_SECONDS = 2.5 * EVERY_SECONDS
OVERLAP = 3
"""Blocks compared again that were compared the last time."""


@dataclass(frozen=True)
class Reconciled:
    """Up to this block two upstreams agreed, at this time of the loop's clock."""

    block: int
    at: float


class Checks:
    """Compares the feed's source with others."""

    def __init__(self, feed: Feed, endpoints: Endpoints, *, offset: float = 0.0) -> None:
        self._feed, self._endpoints, self._offset = feed, endpoints, offset
        self.last: Reconciled | None = None
        self.missed = 0
        """Logs that only comparing found."""

    def stale(self) -> str | None:
        """Why what is told may be wrong, or None."""
        if self.last and asyncio.get_running_loop().time() - self.last.at > STALE_SECONDS:
            return f"not compared with a second upstream since block {self.last.block}"
        return None

    async def run(self) -> None:
        """Compare again and again, for ever."""
        await asyncio.sleep(self._offset)
        pause = EVERY_SECONDS
        while True:
            await asyncio.sleep(pause)
            pause = EVERY_SECONDS if await self._check() else AGAIN_SECONDS

    async def _check(self) -> bool:
        """One comparison; false when it could not be made."""
        source, tip, floor = self._feed.source, self._feed.blocks.tip, self._feed.blocks.floor
        if source is None or tip is None or floor is None:
            return False
        if self.last is None:
            self.last = Reconciled(floor.head.number, asyncio.get_running_loop().time())
        other = await self._feed.other(source)
        try:
            return await self._compare(source, other, tip, self.last.block)
        except EndpointTrouble as trouble:
            self._endpoints.drop(other, trouble)
        except Refusal as refusal:
            self._endpoints.drop(other, Garbage(f"{other.name}: {refusal}"))
        return False

    async def _compare(self, source: Endpoint, other: Endpoint, tip: Block, last: int) -> bool:
        newest = make_block(await read_header(other, "latest")).head
        top = await self._common(other, newest, tip.head.number - self._feed.just_told)
        if top is None:
            return False
        blocks = self._feed.blocks.between(min(last, top.head.number) - OVERLAP, top.head.number)
        told = await self._read(other, blocks)
        if told is None:
            return False
        found, lacking = self._differences(blocks, told)
        self.last = Reconciled(top.head.number, asyncio.get_running_loop().time())
        self._judge(source, other, newest, found)
        if lacking and other is not source:
            raise Garbage(f"{other.name}: lacks {lacking} logs of blocks that it has")
        return True

    async def _common(self, other: Endpoint, newest: Head, high: int) -> Block | None:
        """The block at `high`, or the other's newest if that is lower, if it is of both chains."""
        blocks = self._feed.blocks
        joint = blocks.by_hash(newest.hash) or blocks.by_hash(newest.parent_hash)
        number = min(high, newest.number)
        if joint is not None and joint.head.number >= number:
            return blocks.at(number)
        told = make_block(await read_header(other, hex(number))).head
        return blocks.by_hash(told.hash)

    async def _read(self, other: Endpoint, blocks: list[Block]) -> dict[int, list[Json]] | None:
        """The other's logs by block number; none when either chain changed while they were read."""
        told: dict[int, list[Json]] = {block.head.number: [] for block in blocks}
        if blocks and (wanted := self._feed.interest.now):
            for one in await read_range_logs(other, min(told), max(told), wanted):
                told[int(one["blockNumber"], 16)].append(one)
        ours = {hexed(block.head.hash) for block in blocks if self._feed.blocks.by_hash(block.head.hash)}
        same = all(one["blockHash"].lower() in ours for logs in told.values() for one in logs)
        return told if same and len(ours) == len(blocks) else None

    def _differences(self, blocks: list[Block], told: dict[int, list[Json]]) -> tuple[list[Json], int]:
        """Logs that only the other names, taken into the blocks; and how many of ours it lacks."""
        wanted = self._feed.interest.now
        found: list[Json] = []
        lacking = 0
        for block in blocks:
            theirs = {int(one["logIndex"], 16) for one in told[block.head.number]}
            lacking += sum(
                one["address"].lower() in wanted and index not in theirs for index, one in block.logs.items()
            )
            new = take_logs(block, told[block.head.number])
            found += [one for one in new if one["address"].lower() in block.covers]
        return found, lacking

    def _judge(self, source: Endpoint, other: Endpoint, newest: Head, found: list[Json]) -> None:
        """Leave the source if the other one knew more."""
        tip = self._feed.blocks.tip
        behind = newest.number - (tip.head.number if tip else 0)
        self._endpoints.proved(other, lag=max(-behind, 0))
        if other is not source:
            self._endpoints.proved(source, lag=max(behind, 0))
        if found:
            self.missed += len(found)
            self._feed.tell(News(late=tuple(found)))
            self._feed.leave(source, Silent(f"{source.name}: lacked {len(found)} logs that {other.name} has"))
        elif behind > FAR_BEHIND:
            self._feed.leave(source, Behind(f"{source.name}: {behind} blocks behind {other.name}"))
        elif other is not source and self._endpoints.is_better(other, source):
            self._feed.leave(source, None)
