"""Makes the kept blocks reach back far enough, and cover what is asked for.

After a start the chain is deepened backwards, one header at a time. A contract that nobody asked for before
is read for all kept blocks at once, together with others that are new at that moment; from then on every
block brings its logs by itself.
"""

import asyncio
from collections.abc import Collection

from linkpool.chain.clock import ChainClock
from linkpool.chain.rpc import Behind, EndpointTrouble, Refusal
from linkpool.chain.types import hexed, parse_head
from linkpool.relay.blocks import lacking, make_block
from linkpool.relay.feed import Feed
from linkpool.relay.reading import read_header, read_range_logs, take_logs

GATHER_SECONDS = 0.02
"""How long the first new contract waits for company: after a restart all of a fleet come at once."""

TRIES = 4
DEEPEN_PAUSE, FULL_PAUSE = 0.05, 2.0
PACE_BLOCKS = 20


class Coverage:
    """Fills the gaps of a feed's blocks."""

    def __init__(self, feed: Feed, clock: ChainClock) -> None:
        self._feed, self._clock = feed, clock
        self._filling: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Deepen until there are enough blocks, and again whenever there are not; for ever."""
        while True:
            try:
                await asyncio.sleep(DEEPEN_PAUSE if await self._deepen() else FULL_PAUSE)
            except (EndpointTrouble, Refusal):
                await asyncio.sleep(FULL_PAUSE)

    async def cover(self, addresses: Collection[str], low: int, high: int) -> None:
        """Return when the kept blocks of `low`..`high` cover these contracts. Raises EndpointTrouble."""
        self._feed.interest.want(addresses)
        for _ in range(TRIES):
            if not lacking(self._feed.blocks.between(low, high), addresses):
                return
            if self._filling is None:
                self._filling = asyncio.create_task(self._fill(), name="fill")
                self._filling.add_done_callback(_seen)
            await asyncio.shield(self._filling)
        raise Behind("the chain changes faster than its logs can be read")

    async def _fill(self) -> None:
        """Read what is wanted and lacking, of all kept blocks. Raises EndpointTrouble."""
        try:
            await asyncio.sleep(GATHER_SECONDS)
            blocks, wanted, source = self._feed.blocks, self._feed.interest.now, self._feed.source
            poor = lacking(blocks.between(0, 2**63), wanted)
            if not poor:
                return
            if source is None:
                raise Behind("no upstream to read logs from")
            missing = frozenset().union(*(wanted - block.covers for block in poor))
            low, high = poor[0].head.number, poor[-1].head.number
            logs = await read_range_logs(source, low, high, missing)
            anchor = parse_head(await read_header(source, hex(high)))
            if blocks.by_hash(anchor.hash) is not poor[-1]:
                return  # another fork than ours, just now
            by_number: dict[int, list[dict[str, object]]] = {}
            for log in logs:
                by_number.setdefault(int(log["blockNumber"], 16), []).append(log)
            for block in poor:
                take_logs(block, by_number.get(block.head.number, []))
            for block in poor:
                block.covers = block.covers.union(missing)
        finally:
            self._filling = None

    async def _deepen(self) -> bool:
        """One block more at the low end; false when there are enough."""
        blocks, source, floor = self._feed.blocks, self._feed.source, self._feed.blocks.floor
        if source is None or floor is None:
            return True  # soon
        if len(blocks) >= blocks.depth or floor.head.number <= 1:
            return False  # block 0 stays out: it may be years older
        blocks.deepen(make_block(await read_header(source, hexed(floor.head.parent_hash))))
        if (old := blocks.floor) and (tip := blocks.tip) and len(blocks) == PACE_BLOCKS:
            self._clock.learn_pace(old.head, tip.head)
        return True


def _seen(task: asyncio.Task[None]) -> None:
    """Its failure was raised to whoever waited; all of them may have gone."""
    if not task.cancelled():
        task.exception()
