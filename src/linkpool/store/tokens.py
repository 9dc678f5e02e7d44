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


async def ensure(
    session: AsyncSession,
    name: str,
    token: str,
    *,
    scopes: Sequence[str],
    now: float,
    expires_at: float | None,
) -> None:
    """Accept a token from now on; one that is known stays as it is."""
    if await find(session, token) is None:
        session.add(
            TokenRow(
                id=str(uuid.uuid4()),
                name=name,
                hash=digest(token),
                scopes=list(scopes),
                made_at=now,
                expires_at=expires_at,
            )
        )
