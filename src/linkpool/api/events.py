"""What happens, as it happens: server-sent events that resume where a listener left off."""

from collections.abc import AsyncIterable, Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from linkpool.api.auth import Auth
from linkpool.fleet.clock import Clock
from linkpool.fleet.journal import Journal
from linkpool.store import events
from linkpool.store.database import Database
from linkpool.wire.api import EventView, moment

ASK_AGAIN = 5.0
"""Seconds between two looks at whether the listener's token or session is still good."""
LOOK_EVERY = 1.0
"""Seconds after which the database is asked without a hint: another control plane may have written."""


def event_routes(database: Database, auth: Auth, journal: Journal, clock: Clock) -> APIRouter:
    """`/events`."""
    routes = APIRouter(prefix="/api/v1", tags=["events"])

    @routes.get("/events", dependencies=[Depends(auth.reader)], response_class=EventSourceResponse)
    async def follow(
        still_good: Annotated[Callable[[], Awaitable[bool]], Depends(auth.still_good)],
        after: Annotated[
            int | None, Query(ge=0, le=2**62, description="Begin after this number; 0 is all.")
        ] = None,
        last_event_id: Annotated[int | None, Header(ge=0, le=2**62)] = None,
    ) -> AsyncIterable[ServerSentEvent]:
        """Every change from now on, or from where `Last-Event-ID` or `after` says; ends with its token."""
        asked_at = clock.monotonic()
        last = last_event_id if last_event_id is not None else after
        if last is None:
            async with database.read() as session:
                last = await events.newest(session)
        while True:
            if clock.monotonic() - asked_at >= ASK_AGAIN:
                asked_at = clock.monotonic()
                if not await still_good():
                    return
            async with database.read() as session:
                rows = await events.after(session, last)
            for row in rows:
                last = row.id
                shown = EventView(
                    number=row.id, at=moment(row.at), kind=row.kind, node=row.node, data=row.data
                )
                yield ServerSentEvent(data=shown, event=row.kind, id=str(row.id))
            if not rows:
                await journal.wait(LOOK_EVERY)

    return routes
