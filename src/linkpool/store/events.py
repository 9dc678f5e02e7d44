"""What happened, in order."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, or_, select
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


async def of_node(
    session: AsyncSession, node: str, beginnings: Sequence[str], limit: int
) -> Sequence[EventRow]:
    """The last events of a node whose kinds begin so, newest first."""
    wanted = or_(*(EventRow.kind.startswith(each, autoescape=True) for each in beginnings))
    query = select(EventRow).where(EventRow.node == node, wanted).order_by(EventRow.id.desc()).limit(limit)
    return (await session.scalars(query)).all()
