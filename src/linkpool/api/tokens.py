"""Tokens: made, listed, revoked. Each is shown once, when it is made."""

import secrets
import uuid

from fastapi import APIRouter, Depends, HTTPException

from linkpool.api.auth import Auth, Scope
from linkpool.fleet.clock import Clock
from linkpool.log import hide
from linkpool.store import tokens
from linkpool.store.database import Database
from linkpool.store.tables import TokenRow
from linkpool.wire.api import MakeToken, TokenList, TokenMade, TokenView, moment


def token_routes(database: Database, auth: Auth, clock: Clock) -> APIRouter:
    """`/tokens`."""
    routes = APIRouter(prefix="/api/v1/tokens", tags=["tokens"], dependencies=[Depends(auth.admin)])

    @routes.get("")
    async def list_tokens() -> TokenList:
        """Every token that was ever made, without its secret."""
        async with database.read() as session:
            return TokenList(tokens=[_view(row) for row in await tokens.every(session)])

    @routes.post("", status_code=201)
    async def make_token(wanted: MakeToken) -> TokenMade:
        """A new token. The answer is the only place where it can be read."""
        token = hide(secrets.token_urlsafe(32))
        now = clock.now()
        expires_at = None if wanted.expires_in_seconds is None else now + wanted.expires_in_seconds
        async with database.write() as session:
            row = await tokens.ensure(
                session, wanted.name, token, scopes=[wanted.scope], now=now, expires_at=expires_at
            )
        return TokenMade(token=token, **_view(row).model_dump())

    @routes.delete("/{token_id}", status_code=204)
    async def revoke_token(token_id: uuid.UUID) -> None:
        """Refuse it from now on; by its id."""
        async with database.write() as session:
            if not await tokens.revoke(session, str(token_id), clock.now()):
                raise HTTPException(404, f"no token {token_id}")

    return routes


def _view(row: TokenRow) -> TokenView:
    return TokenView(
        id=row.id,
        name=row.name,
        scope=Scope(row.scopes[0]).value,
        made_at=moment(row.made_at),
        expires_at=None if row.expires_at is None else moment(row.expires_at),
        revoked_at=None if row.revoked_at is None else moment(row.revoked_at),
    )
