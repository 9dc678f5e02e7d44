"""Follows one upstream's heads and makes of them a chain of blocks, each complete with its logs.

A head that does not continue the chain is traced back by parent hashes to a block that is known; then the
whole change happens at once and is told at once, logs before their head. So whoever hears a head can ask for
everything up to it. Nothing is told of a block whose logs could not be read.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from linkpool.chain.clock import ChainClock
from linkpool.chain.endpoints import Endpoints
from linkpool.chain.rpc import Behind, Endpoint, EndpointTrouble, Garbage, NoEndpoint, Refusal
from linkpool.chain.types import hexed
from linkpool.relay.blocks import Block, Blocks, Json, make_block
from linkpool.relay.bunches import in_bunches
from linkpool.relay.interest import Interest
from linkpool.relay.reading import read_block_logs, read_header

log = structlog.get_logger(__name__)

RETRY_SECONDS = 0.5
LOOK_SECONDS = 0.25
DOUBT_BLOCKS, MIN_DOUBT = 2, 2.0
"""After so many block times without a head (at least so many seconds) others are asked for one."""

STALE_BLOCKS, MIN_STALE = 3, 5.0
"""So long the tip counts as the newest block without anybody saying so."""

GRACE_SECONDS = 1.0
"""A block that others have may be on its way: its teller gets so long before it counts as silent."""

MIN_POLL, MAX_POLL = 0.1, 3.0


class Silent(EndpointTrouble):
    """An upstream stopped telling what others know."""


@dataclass(frozen=True)
class News:
    """What changed at once: blocks that are gone, last first; blocks that came, in order; logs told late."""

    gone: tuple[Block, ...] = ()
    came: tuple[Block, ...] = ()
    late: tuple[Json, ...] = ()


class Feed:
    """The chain as the best upstream tells it. `tell` hears all news, in order, and must not wait."""

    def __init__(
        self,
        endpoints: Endpoints,
        clock: ChainClock,
        blocks: Blocks,
        interest: Interest,
        tell: Callable[[News], None],
    ) -> None:
        self._endpoints, self._clock = endpoints, clock
        self.blocks, self.interest, self.tell = blocks, interest, tell
        self.source: Endpoint | None = None
        self._stay: asyncio.Timeout | None = None
        self._fault: EndpointTrouble | None = None
        self._told_at = self.sure_at = self._asked_at = -float("inf")
        self.heads = 0
        """Heads that upstreams told: what a provider may charge for though it is no call."""
        self.reorgs = 0
        self.silences = 0

    # --- what others ask --------------------------------------------------------------------------

    def stale(self) -> str | None:
        """Why the tip may not be the newest block, or None."""
        tip = self.blocks.tip
        if tip is None:
            return "no block seen yet"
        age = asyncio.get_running_loop().time() - self.sure_at
        if age > max(STALE_BLOCKS * self._clock.block_time, MIN_STALE):
            return f"nobody told for {age:.0f} s that block {tip.head.number} is the newest"
        return None

    @property
    def just_told(self) -> bool:
        """The tip came within the last two seconds: another endpoint may be about to tell it."""
        return asyncio.get_running_loop().time() - self._told_at < MIN_DOUBT

    @property
    def _poll_pause(self) -> float:
        return min(max(self._clock.block_time / 4, MIN_POLL), MAX_POLL)

    def leave(self, source: Endpoint, fault: EndpointTrouble | None) -> None:
        """Stop following `source` now; with a fault it is set aside."""
        if self.source is source and self._stay is not None and not self._stay.expired():
            self._fault = fault
            self._stay.reschedule(asyncio.get_running_loop().time())

    # --- following --------------------------------------------------------------------------------

    async def run(self) -> None:
        """Follow for ever; upstreams' troubles are handled here and never raised."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow(), name="follow")
            tasks.create_task(self._doubt(), name="doubt")

    async def _follow(self) -> None:
        while True:
            try:
                self.source = source = await self._endpoints.pick()
            except NoEndpoint as trouble:
                if self.source is not None:
                    log.warning("no upstream to follow", why=str(trouble))
                self.source = None
                await asyncio.sleep(RETRY_SECONDS)
                continue
            self._fault = await self._until_left(source)
            if self._fault is not None:
                self._endpoints.drop(source, self._fault)

    async def _until_left(self, source: Endpoint) -> EndpointTrouble | None:
        """Follow until told to leave, or until it fails; its fault, if any."""
        self._fault = None
        try:
            async with asyncio.timeout(None) as self._stay, in_bunches(self._heads(source)) as bunches:
                async for headers in bunches:
                    await self._take(source, headers)
        except TimeoutError:
            return self._fault
        except EndpointTrouble as trouble:
            return trouble
        except Refusal as refusal:
            return Garbage(f"{source.name}: {refusal}")
        finally:
            self._stay = None
        return None

    async def _heads(self, source: Endpoint) -> AsyncIterator[Any]:
        """Its newest header, then each that it tells. Raises EndpointTrouble."""
        if not source.pushes:
            while True:
                yield await read_header(source, "latest")
                await asyncio.sleep(self._poll_pause)
        async with source.subscribe(("newHeads",)) as notices:
            yield await read_header(source, "latest")
            async for _, header in notices:
                self.heads += 1
                yield header

    async def _take(self, source: Endpoint, headers: Sequence[Any]) -> None:
        """Make the chain end at the last of these headers, or at a newer one. Raises EndpointTrouble."""
        told = [block for block in map(make_block, headers) if self.blocks.by_hash(block.head.hash) is None]
        if not told:
            return
        tip = self.blocks.tip
        parents = [tip.head.hash if tip else told[0].head.parent_hash, *(block.head.hash for block in told)]
        newest = told[-1]
        if any(block.head.parent_hash != parent for block, parent in zip(told, parents, strict=False)):
            newest = make_block(await read_header(source, "latest"))  # some of these are of a dead fork
            if self.blocks.by_hash(newest.head.hash) is not None:
                return
        line = await self._trace(source, newest, {block.head.hash: block for block in told})
        await read_block_logs(source, line, self.interest.now)
        while missing := self.interest.now - line[0].covers:  # asked for while we read
            await read_block_logs(source, line, missing)
        self._adopt(line)

    async def _trace(self, source: Endpoint, newest: Block, told: Mapping[bytes, Block]) -> list[Block]:
        """The blocks from the first unknown one up to `newest`. Raises EndpointTrouble."""
        line, floor = [newest], self.blocks.floor
        while floor is not None and self.blocks.by_hash(parent := line[-1].head.parent_hash) is None:
            if line[-1].head.number <= floor.head.number:
                if newest.head.number <= floor.head.number:
                    raise Behind(f"{source.name}: its head, block {newest.head.number}, is below all we keep")
                break
            if len(line) >= self.blocks.depth:
                break
            line.append(told.get(parent) or make_block(await read_header(source, hexed(parent))))
        return line[::-1]

    def _adopt(self, line: list[Block]) -> None:
        gone = self.blocks.switch(line)
        head = line[-1].head
        self._told_at = self.sure_at = asyncio.get_running_loop().time()
        self._clock.saw(head)
        self.interest.forget()
        if gone:
            self.reorgs += 1
            log.info("re-org", depth=len(gone), tip=head.number)
        self.tell(News(gone=tuple(gone), came=tuple(line)))

    # --- doubting ---------------------------------------------------------------------------------

    async def _doubt(self) -> None:
        """Whenever no head came for a while, find out whether there is none."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            patience = max(DOUBT_BLOCKS * self._clock.block_time, MIN_DOUBT)
            if loop.time() - max(self._told_at, self._asked_at) < patience:
                continue
            source, tip = self.source, self.blocks.tip
            if source is not None and tip is not None:
                self._asked_at = loop.time()
                await self._ask(source, tip)

    async def _ask(self, source: Endpoint, tip: Block) -> None:
        """Another upstream, and the one that is followed, say what the newest block is."""
        for one in dict.fromkeys((await self.other(source), source)):
            try:
                newest = make_block(await read_header(one, "latest")).head
            except (EndpointTrouble, Refusal):
                continue  # it cannot say
            if newest.number > tip.head.number:
                await asyncio.sleep(GRACE_SECONDS + (0 if source.pushes else self._poll_pause))
            if self.blocks.tip is not tip:
                return
            if newest.number > tip.head.number:
                self.silences += 1
                return self.leave(source, Silent(f"{source.name}: did not tell block {newest.number}"))
            if newest.hash == tip.head.hash:
                self.sure_at = asyncio.get_running_loop().time()
        return None

    async def other(self, source: Endpoint) -> Endpoint:
        """Another upstream than `source`; `source` itself when there is none."""
        try:
            return await self._endpoints.pick(besides=source)
        except NoEndpoint:
            return source
