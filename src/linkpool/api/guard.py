"""`/guard` and `/public/guard`: the pool's share of the network's nodes, and who overrode what follows."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, HTTPException

from linkpool.api.auth import Auth
from linkpool.fleet.clock import Clock
from linkpool.fleet.guard.guard import Standing, standing
from linkpool.store import guard
from linkpool.store.database import Database
from linkpool.store.scaling_tables import OverrideRow
from linkpool.store.tables import TokenRow
from linkpool.wire.api import moment
from linkpool.wire.guard import GuardSettings, GuardView, OverrideView, PublicGuard, PutGuard, PutOverride


async def public_now(database: Database, clock: Clock) -> PublicGuard:
    """The guard at this moment, as anybody may see it. Raises StoreUnreachable."""
    async with database.read() as session:
        return public_view(guard_view(await standing(session, clock.now())))


def guard_routes(database: Database, auth: Auth, clock: Clock) -> APIRouter:
    """`/guard`, and what anybody may see of it."""
    routes = APIRouter(prefix="/api/v1", tags=["scaling"])

    async def shown() -> GuardView:
        async with database.read() as session:
            return guard_view(await standing(session, clock.now()))

    @routes.get("/public/guard", tags=["public"])
    async def public_guard() -> PublicGuard:
        """The pool's share of the network, the marks, and whether auto-scaling may grow."""
        return await public_now(database, clock)

    @routes.get("/guard", dependencies=[Depends(auth.reader)])
    async def get_guard() -> GuardView:
        """The guard with its source, and an override in force."""
        return await shown()

    @routes.put("/guard", dependencies=[Depends(auth.admin)])
    async def put_guard(wanted: PutGuard) -> GuardView:
        """Set source and marks, or take the guard off with null. It blocks until its source was read.

        The control plane itself asks the source: so this needs the scope admin.
        """
        if wanted.guard is not None and (why := wanted.guard.contradiction()):
            raise HTTPException(409, why)
        settings = wanted.guard.model_dump(mode="json") if wanted.guard else None
        async with database.write() as session:
            await guard.put(session, settings)
        return await shown()

    @routes.put("/guard/override")
    async def put_override(
        wanted: PutOverride, token: Annotated[TokenRow, Depends(auth.operator)]
    ) -> GuardView:
        """Let auto-scaling grow in spite of the guard until then; the reason stays on record."""
        now = clock.now()
        async with database.write() as session:
            await guard.put_override(
                session,
                reason=wanted.reason,
                token=token.id,
                now=now,
                until=now + wanted.expires_in_seconds,
            )
        return await shown()

    @routes.delete("/guard/override", dependencies=[Depends(auth.operator)])
    async def clear_override() -> GuardView:
        """The guard counts again, at once."""
        async with database.write() as session:
            await guard.end_overrides(session, clock.now())
        return await shown()

    return routes


def _without_secrets(settings: GuardSettings) -> GuardSettings:
    """A URL may hold a key in its user or query: those are for whoever set it."""
    source = settings.source
    if source.kind != "url":
        return settings
    parts = urlsplit(source.url)
    query = "?..." if parts.query else ""
    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}{query}"
    return settings.model_copy(update={"source": source.model_copy(update={"url": shown})})


def guard_view(now: Standing) -> GuardView:
    """The guard as operators see it."""
    settings, reading = now.settings, now.reading
    return GuardView(
        state=now.verdict.state,
        why=now.verdict.why,
        ours=now.ours,
        nodes=reading.nodes,
        share=now.verdict.share,
        upper=settings.upper if settings else None,
        lower=settings.lower if settings else None,
        read_at=None if reading.at is None else moment(reading.at),
        settings=_without_secrets(settings) if settings else None,
        trouble=reading.trouble,
        override=_override(now.override),
    )


def _override(row: OverrideRow | None) -> OverrideView | None:
    if row is None:
        return None
    return OverrideView(reason=row.reason, by=row.token, made_at=moment(row.at), until=moment(row.until))


def public_view(view: GuardView) -> PublicGuard:
    """The guard as anybody sees it: what a failing source said is not for everybody."""
    why = "its source cannot be read now" if view.trouble else view.why
    return PublicGuard(**(view.model_dump(include=set(PublicGuard.model_fields)) | {"why": why}))
