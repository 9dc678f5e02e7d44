"""Heads and logs of some contracts, in order and complete, whatever the endpoints do.

One endpoint is followed: by subscription where it has one, else by polling. The window (`chain/window.py`)
says what a notice means; whatever it doubts is read again from that endpoint, from below any re-org up to the
head. Subscriptions stop without an error, so a block that promises logs by its bloom filter
(`chain/bloom.py`) and brings none is read, and now and then the same range is read from another endpoint:
logs found only so, or no head for three block times while others have one, set the followed endpoint
aside. With a sound subscription a block costs no call at all.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import structlog

from linkpool.chain.bloom import Promises
from linkpool.chain.clock import ChainClock
from linkpool.chain.endpoints import FAR_BEHIND, Endpoints
from linkpool.chain.history import read_head
from linkpool.chain.ranges import CHUNK, Piece, Wanted, read_block, read_range
from linkpool.chain.reconcile import Comparison, Reconciled, compare
from linkpool.chain.rpc import Behind, Endpoint, EndpointTrouble, Garbage, NoEndpoint, Notice, Refusal
from linkpool.chain.types import Head, Log, checksum, parse_head
from linkpool.chain.window import Window

log = structlog.get_logger(__name__)

DEPTH = 128
"""Blocks: a re-org no deeper than this is followed exactly."""

RECONCILE_SECONDS = 30.0
SILENT_BLOCKS, MIN_SILENCE = 3, 3.0
MIN_POLL, FIRST_POLL, MAX_POLL = 0.1, 0.5, 3.0
RETRY_SECONDS = 0.5
READ_TRIES = 5
PACE_BLOCKS = 20
SETTLED_SECONDS = 2.0
"""The logs of a head older than this must have come; those of a younger one may still be under way."""


@dataclass(frozen=True)
class HeadSeen:
    """A new tip. All logs up to it that a catch-up read came before it."""

    head: Head


@dataclass(frozen=True)
class LogsSeen:
    """Logs that are in the chain now, in its order."""

    logs: tuple[Log, ...]


@dataclass(frozen=True)
class LogsGone:
    """Logs that a re-org removed, last first."""

    logs: tuple[Log, ...]


Event = HeadSeen | LogsSeen | LogsGone


class Silent(EndpointTrouble):
    """An endpoint stopped telling what others know."""


class Follower:
    """Follows the logs of `addresses` with any of `topics` as topic 0, from block `start` on."""

    def __init__(
        self,
        endpoints: Endpoints,
        clock: ChainClock,
        addresses: Sequence[str],
        topics: Sequence[bytes],
        *,
        start: int,
        depth: int = DEPTH,
        reconcile_every: float = RECONCILE_SECONDS,
        reconcile_offset: float = 0.0,
    ) -> None:
        self._endpoints = endpoints
        self._clock = clock
        self._wanted = Wanted(tuple(map(checksum, addresses)), tuple(topics))
        self._window = Window(start, depth)
        self._promises = Promises(self._wanted, SETTLED_SECONDS)
        self._broken = 0  # promises since the last log that was pushed
        self._every, self._offset = reconcile_every, reconcile_offset
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._source: Endpoint | None = None
        self._tip_from: Endpoint | None = None
        self._unread = True
        self._head_at = 0.0
        self._waiting: asyncio.Timeout | None = None
        self._leaving = False
        self._fault: EndpointTrouble | None = None
        self.last_reconciled: Reconciled | None = None
        self.missed = 0
        """Logs that no subscription told, and reading found."""
        self.silences = 0
        """Times the followed endpoint gave no head while others had one."""

    @property
    def head(self) -> Head | None:
        """The tip; none before the first catch-up ended."""
        return self._window.tip

    @property
    def source(self) -> str | None:
        """Name of the endpoint that is followed."""
        return self._source.name if self._source else None

    async def events(self) -> AsyncIterator[Event]:
        """All events from the start on, in order, for one consumer; never ends."""
        while True:
            yield await self._events.get()

    async def run(self) -> None:
        """Follow, for ever. Endpoint troubles are handled here and never raised."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(), name="follow")
            group.create_task(self._reconcile_often(), name="reconcile")

    # --- following one endpoint -------------------------------------------------------------------

    async def _follow(self) -> None:
        while True:
            try:
                self._source = source = await self._endpoints.pick()
            except NoEndpoint as trouble:
                if self._source is not None:
                    log.warning("no endpoint to follow", why=str(trouble))
                self._source = None
                await asyncio.sleep(RETRY_SECONDS)
                continue
            self._leaving, self._fault = False, None
            try:
                fault = await (self._listen(source) if source.pushes else self._poll(source))
                if fault is not None:
                    self._endpoints.drop(source, fault)
            except EndpointTrouble as trouble:
                self._endpoints.drop(source, trouble)
            except Refusal as refusal:
                self._endpoints.drop(source, Garbage(f"{source.name}: {refusal}"))

    async def _listen(self, source: Endpoint) -> EndpointTrouble | None:
        """Follow by subscription until we are to leave; returns its fault, if any. Raises EndpointTrouble."""
        params = (("newHeads",), ("logs", self._wanted.filter()))
        async with source.subscribe(*params) as notices:
            await self._read(source)
            while not self._leaving:
                notice = await self._next(notices)
                if notice is not None:
                    await self._take(source, notice)
                elif not self._leaving:
                    await self._overdue(source)
        return self._fault

    async def _next(self, notices: AsyncIterator[Notice]) -> Notice | None:
        """The next notice; none when no head or promised log came for too long, or when we are to leave."""
        until = self._head_at + self._silence
        try:
            async with asyncio.timeout_at(min(until, self._promises.next or until)) as self._waiting:
                return await anext(notices)
        except TimeoutError:
            return None
        finally:
            self._waiting = None

    async def _take(self, source: Endpoint, notice: Notice) -> None:
        kind, payload = notice
        if kind == "newHeads":
            await self._take_head(source, parse_head(payload))
            return
        pushed = self._wanted.parse_one(payload)
        believed = self._window.push(pushed, removed=payload.get("removed") is True)
        if believed is None:
            await self._read(source)
        elif believed:
            self._broken = 0
            self._events.put_nowait(LogsSeen((pushed,)))

    async def _take_head(self, source: Endpoint, head: Head) -> None:
        if self._window.is_old_news(head):
            return
        if not self._unread and self._window.extend(head):
            self._tell_head(source, head)
            if not self._window.count(head.number):
                self._promises.note(head, self._head_at)
        else:
            await self._read(source)

    async def _overdue(self, source: Endpoint) -> None:
        """Logs that a block promised did not come in time, or heads did not. Raises EndpointTrouble."""
        until = self._head_at + self._silence
        if (self._promises.next or until) < until:
            await self._redeem(source, self._promises.take())
        else:
            await self._ask_others(source)

    async def _redeem(self, source: Endpoint, head: Head) -> None:
        """Read a block whose promised logs should have come. Raises EndpointTrouble."""
        if self._window.hash_at(head.number) != head.hash or self._window.count(head.number):
            return
        piece = await read_block(source, self._wanted, head)
        if not piece.logs:
            return
        self._tell_piece(piece)
        self.missed += len(piece.logs)
        self._broken += 1
        if self._broken > 1:  # once it may be late, or this machine is
            self._broken = 0
            self._leave(Silent(f"{source.name}: did not tell {len(piece.logs)} logs of block {head.number}"))

    async def _poll(self, source: Endpoint) -> EndpointTrouble | None:
        """Follow by asking again and again until we are to leave; as `_listen`."""
        await self._read(source)
        while not self._leaving:
            await asyncio.sleep(self._poll_pause)
            head = await read_head(source)
            tip = self._window.tip
            if self._window.is_old_news(head):
                if asyncio.get_running_loop().time() >= self._head_at + self._silence:
                    await self._ask_others(source)
                continue
            if not self._unread and tip is not None and head.parent_hash == tip.hash:
                self._tell_piece(await read_block(source, self._wanted, head))
            await self._take_head(source, head)
        return self._fault

    # --- reading a range --------------------------------------------------------------------------

    async def _read(self, source: Endpoint) -> None:
        """Read everything from below any re-org up to the endpoint's head. Raises EndpointTrouble."""
        for attempt in range(READ_TRIES):
            head = await read_head(source)
            if self._is_late(source, head):
                self._unread = True
                return
            if await self._read_to(source, head):
                self._unread = False
                self._promises.clear()
                return
            await asyncio.sleep(RETRY_SECONDS * attempt)
        raise Behind(f"{source.name}: its head changed while it was read, {READ_TRIES} times in a row")

    def _is_late(self, source: Endpoint, head: Head) -> bool:
        """This endpoint has not reached our tip yet, and does not contradict it: wait for it."""
        tip = self._window.tip
        if tip is None or head.number >= tip.number:
            return False
        known = self._window.hash_at(head.number)
        return known == head.hash or (known is None and source is not self._tip_from)

    async def _read_to(self, source: Endpoint, head: Head) -> bool:
        """False when the endpoint no longer has `head` at the end: a re-org in progress, or two backends."""
        window = self._window
        if window.tip is None and head.number > 1:  # block 0 is left out: it may be years older
            self._clock.learn_pace(await read_head(source, max(head.number - PACE_BLOCKS, 1)), head)
        low = min(window.next_read, head.number)
        first = CHUNK if window.tip else 1  # nobody knows how busy the chain was before we came
        async for piece in read_range(
            source, self._wanted, low, head.number, first=first, known=window.count
        ):
            if piece.high == head.number and (await read_head(source, head.number)).hash != head.hash:
                return False
            self._tell_piece(piece)
        self._tell(window.settle(head).gone, ())
        self._tell_head(source, head)
        return True

    # --- reconciling with others ------------------------------------------------------------------

    async def _reconcile_often(self) -> None:
        await asyncio.sleep(self._offset)
        pause = self._every
        while True:
            await asyncio.sleep(pause)
            pause = self._every if await self._reconcile() else min(SETTLED_SECONDS, self._every)

    async def _reconcile(self) -> bool:
        """One comparison with another endpoint; false when it could not be made."""
        source, tip, last = self._source, self._window.tip, self.last_reconciled
        if source is None or tip is None or last is None:
            return False
        other = await self._other(source)
        fresh = asyncio.get_running_loop().time() - self._head_at < SETTLED_SECONDS
        try:
            result = await compare(other, self._wanted, self._window, last.block, tip.number - fresh)
            if result is None:
                return False
            self.last_reconciled = Reconciled(result.high, asyncio.get_running_loop().time())
            self._judge(source, other, result)
        except EndpointTrouble as trouble:
            self._endpoints.drop(other, trouble)
            return False
        return True

    def _judge(self, source: Endpoint, other: Endpoint, result: Comparison) -> None:
        """Leave the followed endpoint if the other one knew more. Raises Garbage if it knew less."""
        behind = result.other_head - (self._window.tip.number if self._window.tip else 0)
        self._endpoints.proved(other, lag=max(-behind, 0))
        if other is not source:
            self._endpoints.proved(source, lag=max(behind, 0))
        if result.found:
            self.missed += len(result.found)
            self._tell((), result.found)
            self._leave(Silent(f"{source.name}: did not tell {len(result.found)} logs that {other.name} has"))
        elif behind > FAR_BEHIND:
            self._leave(Behind(f"{source.name}: {behind} blocks behind {other.name}"))
        elif other is not source and self._endpoints.is_better(other, source):
            self._leave(None)
        if result.lacking and other is not source:
            raise Garbage(f"{other.name}: lacks {len(result.lacking)} logs of blocks that it has")

    async def _ask_others(self, source: Endpoint) -> None:
        """No head for a while: is the chain slow, or the endpoint silent? Raises Silent."""
        self._head_at = asyncio.get_running_loop().time()  # ask again after as long a silence
        other = await self._other(source)
        try:
            head = await read_head(other)
        except EndpointTrouble:
            return  # nobody to compare with: stay with what there is
        if self._window.tip is None or head.number > self._window.tip.number:
            self.silences += 1
            raise Silent(
                f"{source.name}: told no head for {self._silence:.1f} s; block {head.number} is there"
            )

    async def _other(self, source: Endpoint) -> Endpoint:
        """Another endpoint; with none, the same: a range read finds what its subscription did not tell."""
        try:
            return await self._endpoints.pick(besides=source)
        except NoEndpoint:
            return source

    def _leave(self, fault: EndpointTrouble | None) -> None:
        """Stop following the source at the next moment; with a fault it is set aside."""
        self._leaving, self._fault = True, fault
        if self._waiting is not None:
            self._waiting.reschedule(asyncio.get_running_loop().time())

    # --- telling ----------------------------------------------------------------------------------

    @property
    def _silence(self) -> float:
        return max(SILENT_BLOCKS * self._clock.block_time, MIN_SILENCE)

    @property
    def _poll_pause(self) -> float:
        if not self._clock.paced:
            return FIRST_POLL
        return min(max(self._clock.block_time / 4, MIN_POLL), MAX_POLL)

    def _tell_piece(self, piece: Piece) -> None:
        change = self._window.replace(piece.low, piece.high, piece.logs)
        self._tell(change.gone, change.seen)

    def _tell(self, gone: tuple[Log, ...], seen: tuple[Log, ...]) -> None:
        if gone:
            self._events.put_nowait(LogsGone(gone))
        if seen:
            self._events.put_nowait(LogsSeen(seen))

    def _tell_head(self, source: Endpoint, head: Head) -> None:
        self._head_at = asyncio.get_running_loop().time()
        self._tip_from = source
        self._clock.saw(head)
        if self.last_reconciled is None:
            self.last_reconciled = Reconciled(head.number, self._head_at)
        self._events.put_nowait(HeadSeen(head))
