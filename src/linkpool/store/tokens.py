"""Bearer tokens, stored by their SHA-256 only: a stolen database opens nothing."""

import hashlib
import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.store.tables import TokenRow


def digest(token: str) -> str:
    """What is stored in a token's place: tokens are 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


async def find(session: AsyncSession, token: str) -> TokenRow | None:
    """The token's row, expired and revoked ones included."""
    return await session.scalar(select(TokenRow).where(TokenRow.hash == digest(token)))


async def every(session: AsyncSession) -> Sequence[TokenRow]:
    """All tokens, oldest first."""
    return (await session.scalars(select(TokenRow).order_by(TokenRow.made_at, TokenRow.id))).all()


async def ensure(
    session: AsyncSession,
    name: str,
    token: str,
    *,
    scopes: Sequence[str],
    now: float,
    expires_at: float | None,
) -> TokenRow:
    """Accept a token from now on; one that is known stays as it is."""
    row = await find(session, token)
    if row is None:
        row = TokenRow(
            id=str(uuid.uuid4()),
            name=name,
            hash=digest(token),
            scopes=list(scopes),
            made_at=now,
            expires_at=expires_at,
        )
        session.add(row)
    return row


async def revoke(session: AsyncSession, token_id: str, now: float) -> bool:
    """Refuse it from now on; false when there is none of that id."""
    row = await session.get(TokenRow, token_id)
    if row is None:
        return False
    row.revoked_at = row.revoked_at or now
    return True
