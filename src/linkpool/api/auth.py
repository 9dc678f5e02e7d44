"""Who asks: bearer tokens with scopes. Every change is in the audit log before it is made."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from linkpool.fleet.clock import Clock
from linkpool.store import audit, tokens
from linkpool.store.database import Database
from linkpool.store.tables import TokenRow

AUDIT_ENTRY = "audit_entry"
"""Where a request keeps the number of its audit entry."""


class Scope(StrEnum):
    """What a token may do; each includes those before it."""

    READ = "read"
    OPERATE = "operate"
    ADMIN = "admin"


_RANK = {scope: rank for rank, scope in enumerate(Scope)}
_bearer = HTTPBearer(auto_error=False, description="A token of this control plane.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
Check = Callable[..., Awaitable[TokenRow]]


class Auth:
    """Checks tokens against the database; its attributes are dependencies of routes."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.reader = self._needs(Scope.READ)
        """Somebody who may look."""
        self.operator = self._needs(Scope.OPERATE)
        """Somebody who may run the fleet."""
        self.admin = self._needs(Scope.ADMIN)
        """Somebody who may hand out tokens."""

    def _needs(self, scope: Scope) -> Check:
        async def check(request: Request, credentials: Credentials) -> TokenRow:
            row = await self._find(credentials)
            if not any(_RANK[Scope(held)] >= _RANK[scope] for held in row.scopes):
                raise HTTPException(403, f"this token may not do that: it lacks the scope {scope.value}")
            if request.method not in ("GET", "HEAD"):
                await self._write_down(request, row)
            return row

        return check

    async def _find(self, credentials: HTTPAuthorizationCredentials | None) -> TokenRow:
        if credentials is None:
            raise _unauthorized("a bearer token is needed: Authorization: Bearer TOKEN")
        async with self._database.read() as session:
            row = await tokens.find(session, credentials.credentials)
        if row is None or row.revoked_at is not None:
            raise _unauthorized("this token is not known here")
        if row.expires_at is not None and row.expires_at <= self._clock.now():
            raise _unauthorized("this token has expired; make another one")
        return row

    async def _write_down(self, request: Request, row: TokenRow) -> None:
        async with self._database.write() as session:
            request.scope[AUDIT_ENTRY] = await audit.begin(
                session,
                token=row.id,
                method=request.method,
                path=request.url.path,
                client=request.client.host if request.client else None,
                now=self._clock.now(),
            )


def _unauthorized(reason: str) -> HTTPException:
    return HTTPException(401, reason, {"WWW-Authenticate": "Bearer"})
