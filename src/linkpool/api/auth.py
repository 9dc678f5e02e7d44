"""Who asks: bearer tokens with scopes."""

from enum import StrEnum
from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from linkpool.fleet.clock import Clock
from linkpool.store import tokens
from linkpool.store.database import Database
from linkpool.store.tables import TokenRow


class Scope(StrEnum):
    """What a token may do; admin may everything."""

    READ = "read"
    ADMIN = "admin"


_bearer = HTTPBearer(auto_error=False, description="A token of this control plane.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


class Auth:
    """Checks tokens against the database; its bound methods are dependencies of routes."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def reader(self, credentials: Credentials) -> TokenRow:
        """Somebody who may look."""
        return await self._check(credentials, Scope.READ)

    async def admin(self, credentials: Credentials) -> TokenRow:
        """Somebody who may change things."""
        return await self._check(credentials, Scope.ADMIN)

    async def _check(self, credentials: Credentials, scope: Scope) -> TokenRow:
        if credentials is None:
            raise _unauthorized("a bearer token is needed: Authorization: Bearer TOKEN")
        async with self._database.read() as session:
            row = await tokens.find(session, credentials.credentials)
        if row is None or row.revoked_at is not None:
            raise _unauthorized("this token is not known here")
        if row.expires_at is not None and row.expires_at <= self._clock.now():
            raise _unauthorized("this token has expired; make another one")
        if scope not in row.scopes and Scope.ADMIN not in row.scopes:
            raise HTTPException(403, f"this token may not do that: it lacks the scope {scope.value}")
        return row


def _unauthorized(reason: str) -> HTTPException:
    return HTTPException(401, reason, {"WWW-Authenticate": "Bearer"})
