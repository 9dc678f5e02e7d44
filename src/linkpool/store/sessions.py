"""Sessions of the console: a token shown once, a cookie from then on. Stored by the cookie's SHA-256 only."""

import uuid

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.store.tables import SessionRow, TokenRow
from linkpool.store.tokens import digest


async def begin(session: AsyncSession, cookie: str, *, token: str, now: float, expires_at: float) -> None:
    """Accept a cookie in the place of the token of that id; those that are over are forgotten."""
    await session.execute(delete(SessionRow).where(SessionRow.expires_at <= now))
    row = SessionRow(
        id=str(uuid.uuid4()),
        hash=digest(cookie),
        token=token,
        made_at=now,
        seen_at=now,
        expires_at=expires_at,
    )
    session.add(row)


async def find(session: AsyncSession, cookie: str) -> tuple[SessionRow, TokenRow] | None:
    """The cookie's session, whatever its age, and the token it stands for."""
    query = select(SessionRow, TokenRow).join(TokenRow, TokenRow.id == SessionRow.token)
    row = (await session.execute(query.where(SessionRow.hash == digest(cookie)))).one_or_none()
    return None if row is None else (row[0], row[1])


async def seen(session: AsyncSession, session_id: str, now: float) -> None:
    """It was used just now."""
    await session.execute(update(SessionRow).where(SessionRow.id == session_id).values(seen_at=now))


async def end(session: AsyncSession, session_id: str) -> None:
    """Refuse its cookie from now on."""
    await session.execute(delete(SessionRow).where(SessionRow.id == session_id))
