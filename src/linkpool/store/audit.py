"""The audit log: written before, completed after."""

from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.store.tables import AuditRow

PATH_LENGTH = 500


async def begin(
    session: AsyncSession, *, token: str, method: str, path: str, client: str | None, now: float
) -> int:
    """Somebody asks for something; the entry's number. token: its id, never the token itself."""
    row = AuditRow(at=now, token=token, method=method, path=path[:PATH_LENGTH], client=client)
    session.add(row)
    await session.flush()
    return row.id


async def finish(session: AsyncSession, number: int, status: int) -> None:
    """What came of it, as an HTTP status."""
    await session.execute(update(AuditRow).where(AuditRow.id == number).values(status=status))


async def after(session: AsyncSession, last: int, limit: int) -> Sequence[AuditRow]:
    """Entries later than the one numbered `last`, oldest first."""
    query = select(AuditRow).where(AuditRow.id > last).order_by(AuditRow.id).limit(limit)
    return (await session.scalars(query)).all()
