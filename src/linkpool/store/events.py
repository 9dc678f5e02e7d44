"""What happened, in order."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.store.tables import EventRow


def add(session: AsyncSession, kind: str, node: str | None, data: dict[str, Any], now: float) -> None:
    """Say it in the same transaction that makes it true. node: the oracle's address."""
    session.add(EventRow(at=now, kind=kind, node=node, data=data))


async def after(session: AsyncSession, last: int, limit: int = 500) -> Sequence[EventRow]:
    """Events later than the one numbered `last`, oldest first."""
    query = select(EventRow).where(EventRow.id > last).order_by(EventRow.id).limit(limit)
    return (await session.scalars(query)).all()


async def newest(session: AsyncSession) -> int:
    """Number of the latest event; 0 when there is none."""
    return await session.scalar(select(func.max(EventRow.id))) or 0
