"""What anybody may hear as it happens: how far the figures are, and what becomes of nodes and replicas.

However many listen, the database is asked by one of them at a time, and the chain's head only while somebody
listens.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterable
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.sse import EventSourceResponse, ServerSentEvent

from linkpool.chain.rpc import EndpointTrouble, Rpc
from linkpool.chain.types import quantity
from linkpool.fleet.clock import Clock
from linkpool.fleet.journal import Journal
from linkpool.store import chain_rows, events
from linkpool.store.chain_state import Block
from linkpool.store.database import Database
from linkpool.store.tables import EventRow
from linkpool.wire.api import moment
from linkpool.wire.pages import PublicEvent, Pulse

PUBLIC = ("node_", "replica_", "rollout_")
"""Kinds that begin so are for everybody; their data is not."""
LOOK_EVERY = 0.5
HEAD_EVERY = 6.0
ALIVE_EVERY = 5.0
"""Seconds between looks at the database, at the chain's head, and at most between words to a listener."""
KEPT = 256


@dataclass(frozen=True)
class Seen:
    """One look."""

    tip: Block | None
    head: int | None

    @property
    def pulse(self) -> Pulse:
        """As it is told."""
        if self.tip is None:
            return Pulse(block=None, time=None, head=self.head)
        head = None if self.head is None else max(self.head, self.tip.number)
        return Pulse(block=self.tip.number, time=moment(self.tip.time), head=head)


class Feed:
    """Looks on behalf of all listeners of this process."""

    def __init__(self, database: Database, rpc: Rpc, clock: Clock) -> None:
        self._database = database
        self._rpc = rpc
        self._clock = clock
        self._turn = asyncio.Lock()
        self._seen = Seen(None, None)
        self._looked_at = self._asked_at = float("-inf")
        self._last: int | None = None
        self.events: deque[EventRow] = deque(maxlen=KEPT)
        """The last public events, oldest first."""

    async def look(self) -> Seen:
        """What there is now, or was half a second ago. Raises StoreUnreachable."""
        async with self._turn:
            now = self._clock.monotonic()
            if now - self._looked_at >= LOOK_EVERY:
                self._seen = Seen(await self._read(), await self._head(now))
                self._looked_at = now
            return self._seen

    async def _read(self) -> Block | None:
        async with self._database.read() as session:
            if self._last is None:
                self._last = await events.newest(session)
            for row in await events.after(session, self._last):
                self._last = row.id
                if row.kind.startswith(PUBLIC):
                    self.events.append(row)
            return await chain_rows.tip(session)

    async def _head(self, now: float) -> int | None:
        if now - self._asked_at < HEAD_EVERY:
            return self._seen.head
        self._asked_at = now
        try:
            return quantity(await self._rpc.call("eth_blockNumber"))
        except EndpointTrouble:
            return None


def feed_routes(feed: Feed, journal: Journal, clock: Clock) -> APIRouter:
    """`/public/events` and `/public/pulse`."""
    routes = APIRouter(prefix="/api/v1/public", tags=["public"])

    @routes.get("/pulse")
    async def pulse() -> Pulse:
        """What the stream says at every block, once."""
        return (await feed.look()).pulse

    @routes.get("/events", response_class=EventSourceResponse)
    async def follow() -> AsyncIterable[ServerSentEvent]:
        """`pulse` at every block of the figures, and every 5 s; `fleet` when a node or replica changes."""
        told, said_at = None, float("-inf")
        seen = await feed.look()
        last = feed.events[-1].id if feed.events else 0
        while True:
            for row in [row for row in feed.events if row.id > last]:
                last = row.id
                yield ServerSentEvent(data=public_event(row), event="fleet")
            if seen != told or clock.monotonic() - said_at >= ALIVE_EVERY:
                told, said_at = seen, clock.monotonic()
                yield ServerSentEvent(data=seen.pulse, event="pulse")
            await journal.wait(LOOK_EVERY)
            seen = await feed.look()

    return routes


def public_event(row: EventRow) -> PublicEvent:
    """Without its data."""
    return PublicEvent(at=moment(row.at), kind=row.kind, node=row.node)
