"""The alarms that are up."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.store.alarm_tables import AlarmRow


async def every(session: AsyncSession) -> Sequence[AlarmRow]:
    """All of them, the longest standing first."""
    return (await session.scalars(select(AlarmRow).order_by(AlarmRow.since, AlarmRow.kind))).all()


async def put(session: AsyncSession, row: AlarmRow) -> None:
    """Up, or with another detail than before."""
    await session.merge(row)


async def drop(session: AsyncSession, kind: str, subject: str) -> None:
    """Down; one that is not up changes nothing."""
    await session.execute(delete(AlarmRow).where(AlarmRow.kind == kind, AlarmRow.subject == subject))
