"""Sessions: the console shows a token once, and carries a cookie from then on."""

import secrets
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Request, Response

from linkpool.api.auth import IDLE_SECONDS, Auth, Credentials, Held, Scope
from linkpool.api.cookie import csrf_of, drop_cookie, refuse_foreign_origin, set_cookie
from linkpool.fleet.clock import Clock
from linkpool.store import sessions
from linkpool.store.database import Database
from linkpool.store.tables import TokenRow
from linkpool.wire.api import moment
from linkpool.wire.session import BeginSession, SessionView

SESSION_SECONDS = 12 * 3_600
"""A session ends after this however busy it is."""

Wanted = Annotated[BeginSession | None, Body()]


def session_routes(database: Database, auth: Auth, clock: Clock) -> APIRouter:
    """`/session`."""
    routes = APIRouter(prefix="/api/v1/session", tags=["session"])

    @routes.post("", status_code=201)
    async def begin(
        request: Request, response: Response, credentials: Credentials, wanted: Wanted = None
    ) -> SessionView:
        """Exchange a token, in the body or as bearer, for a cookie that stands for it."""
        refuse_foreign_origin(request, needed=False)
        shown = credentials.credentials if credentials else None
        token = await auth.token(wanted.token.get_secret_value() if wanted else shown)
        await auth.write_down(request, token)
        cookie, now = secrets.token_urlsafe(32), clock.now()
        expires_at = min(now + SESSION_SECONDS, token.expires_at or float("inf"))
        async with database.write() as session:
            await sessions.begin(session, cookie, token=token.id, now=now, expires_at=expires_at)
        set_cookie(request, response, cookie, int(expires_at - now))
        return _view(cookie, token, expires_at)

    @routes.get("", dependencies=[Depends(auth.reader)])
    async def show(held: Annotated[Held, Depends(auth.session)]) -> SessionView:
        """The session of this cookie, and the value its changes need: a page that was loaded again asks."""
        return _view(held.cookie, held.token, held.row.expires_at)

    @routes.delete("", status_code=204, dependencies=[Depends(auth.reader)])
    async def end(response: Response, held: Annotated[Held, Depends(auth.session)]) -> None:
        """Log out: the cookie is refused from now on."""
        async with database.write() as session:
            await sessions.end(session, held.row.id)
        drop_cookie(response)

    return routes


def _view(cookie: str, token: TokenRow, expires_at: float) -> SessionView:
    return SessionView(
        csrf=csrf_of(cookie),
        name=token.name,
        scope=Scope(token.scopes[0]).value,
        expires_at=moment(expires_at),
        idle_seconds=int(IDLE_SECONDS),
    )
