"""Who asks: bearer tokens with scopes, or a session that stands for one. Every change is in the audit log
before it is made.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import structlog
from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from linkpool.api.cookie import SAFE, cookie, refuse_unmeant
from linkpool.api.limits import GOOD_TOKEN
from linkpool.errors import Temporary
from linkpool.fleet.clock import Clock
from linkpool.store import audit, sessions, tokens
from linkpool.store.database import Database
from linkpool.store.tables import SessionRow, TokenRow

log = structlog.get_logger(__name__)

AUDIT_ENTRY = "audit_entry"
"""Where a request keeps the number of its audit entry."""
IDLE_SECONDS = 1_800.0
"""A session that was not used for so long is over."""
SEEN_EVERY = 60.0
"""How often its use is written down, seconds."""


class Scope(StrEnum):
    """What a token may do; each includes those before it."""

    READ = "read"
    OPERATE = "operate"
    ADMIN = "admin"


_RANK = {scope: rank for rank, scope in enumerate(Scope)}
_bearer = HTTPBearer(auto_error=False, description="A token of this control plane.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
Cookie = Annotated[str | None, Depends(cookie)]
Check = Callable[..., Awaitable[TokenRow]]


@dataclass(frozen=True)
class Held:
    """A session that is good, its cookie, and the token it stands for."""

    row: SessionRow
    cookie: str
    token: TokenRow


class Auth:
    """Checks tokens and sessions against the database; `reader`, `operator`, `admin` and `session` are
    dependencies of routes.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.reader = self._needs(Scope.READ)
        """Somebody who may look."""
        self.operator = self._needs(Scope.OPERATE)
        """Somebody who may run the fleet."""
        self.admin = self._needs(Scope.ADMIN)
        """Somebody who may hand out tokens."""

    async def still_good(
        self, request: Request, credentials: Credentials, shown: Cookie
    ) -> Callable[[], Awaitable[bool]]:
        """A dependency of streams: whether who began one may still hear it."""

        async def still() -> bool:
            try:
                if credentials is not None or shown is None:
                    await self.token(credentials.credentials if credentials else None)
                else:
                    await self._held(shown)  # to listen is no use that keeps a session
            except HTTPException:
                return False
            return True

        return still

    async def token(self, shown: str | None) -> TokenRow:
        """The token, if it is good. Raises 401."""
        if shown is None:
            raise _unauthorized("a bearer token is needed: Authorization: Bearer TOKEN")
        async with self._database.read() as session:
            row = await tokens.find(session, shown)
        return self._good(row)

    async def session(self, shown: Cookie) -> Held:
        """The session of a cookie, if both it and its token are good. Raises 401."""
        if shown is None:
            raise _unauthorized("there is no session; POST /api/v1/session begins one")
        held, now = await self._held(shown), self._clock.now()
        if now - held.row.seen_at >= SEEN_EVERY:
            await self._seen(held.row, now)
        return held

    async def write_down(self, request: Request, row: TokenRow) -> None:
        """Put the request into the audit log."""
        async with self._database.write() as session:
            request.scope[AUDIT_ENTRY] = await audit.begin(
                session,
                token=row.id,
                method=request.method,
                path=request.url.path,
                client=request.client.host if request.client else None,
                now=self._clock.now(),
            )

    def _needs(self, scope: Scope) -> Check:
        async def check(request: Request, credentials: Credentials, shown: Cookie) -> TokenRow:
            row = await self._find(request, credentials, shown)
            request.scope[GOOD_TOKEN] = True
            if not any(_RANK[Scope(held)] >= _RANK[scope] for held in row.scopes):
                raise HTTPException(403, f"this token may not do that: it lacks the scope {scope.value}")
            if request.method not in SAFE:
                await self.write_down(request, row)
            return row

        return check

    async def _find(
        self, request: Request, credentials: HTTPAuthorizationCredentials | None, shown: str | None
    ) -> TokenRow:
        if credentials is not None or shown is None:
            return await self.token(credentials.credentials if credentials else None)
        held = await self.session(shown)
        if request.method not in SAFE:
            refuse_unmeant(request, shown)
        return held.token

    async def _held(self, shown: str) -> Held:
        now = self._clock.now()
        async with self._database.read() as session:
            found = await sessions.find(session, shown)
        if found is None or found[0].expires_at <= now or now - found[0].seen_at >= IDLE_SECONDS:
            raise _unauthorized("this session is over; log in again")
        row, token = found
        return Held(row, shown, self._good(token))

    def _good(self, row: TokenRow | None) -> TokenRow:
        if row is None or row.revoked_at is not None:
            raise _unauthorized("this token is not known here")
        if row.expires_at is not None and row.expires_at <= self._clock.now():
            raise _unauthorized("this token has expired; make another one")
        return row

    async def _seen(self, row: SessionRow, now: float) -> None:
        try:
            async with self._database.write() as session:
                await sessions.seen(session, row.id, now)
        except Temporary as error:  # a full disk: who looks must go on seeing
            log.warning("the use of a session could not be written down", error=str(error))


def _unauthorized(reason: str) -> HTTPException:
    return HTTPException(401, reason, {"WWW-Authenticate": "Bearer"})
