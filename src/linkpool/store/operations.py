"""Things asked for that take a while, found again by the caller's own key."""

import uuid

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.store.tables import OperationRow, OperationState


async def start(
    session: AsyncSession, kind: str, *, node: int | None, key: str | None, fingerprint: str, now: float
) -> OperationRow:
    """A new operation, running. key: unique when given; fingerprint: SHA-256 of what was asked."""
    row = OperationRow(
        id=str(uuid.uuid4()),
        kind=kind,
        node=node,
        state=OperationState.RUNNING,
        detail="",
        key=key,
        fingerprint=fingerprint,
        made_at=now,
        changed_at=now,
    )
    session.add(row)
    await session.flush()
    return row


async def get(session: AsyncSession, operation: str) -> OperationRow | None:
    """One by its id."""
    return await session.get(OperationRow, operation)


async def by_key(session: AsyncSession, key: str) -> OperationRow | None:
    """The one that was started under this key."""
    return await session.scalar(select(OperationRow).where(OperationRow.key == key))


async def newest_of(session: AsyncSession, node: int, kind: str) -> OperationRow | None:
    """The last one of that kind on a node."""
    query = select(OperationRow).where(OperationRow.node == node, OperationRow.kind == kind)
    return await session.scalar(query.order_by(OperationRow.made_at.desc()).limit(1))


async def newest_for(session: AsyncSession, kind: str, fingerprint: str) -> OperationRow | None:
    """The last one of that kind for the very same thing."""
    query = select(OperationRow).where(OperationRow.kind == kind, OperationRow.fingerprint == fingerprint)
    return await session.scalar(query.order_by(OperationRow.made_at.desc()).limit(1))


async def finish_for(
    session: AsyncSession, node: int, kind: str, *, state: OperationState, detail: str, now: float
) -> None:
    """End the running operations of that kind on a node."""
    values = {"state": state.value, "detail": detail, "changed_at": now}
    await session.execute(update(OperationRow).where(_running(node, kind)).values(**values))


async def explain(session: AsyncSession, node: int, kind: str, *, detail: str, now: float) -> None:
    """Say what the running operations of that kind on a node wait for."""
    values = {"detail": detail, "changed_at": now}
    await session.execute(update(OperationRow).where(_running(node, kind)).values(**values))


async def tell(
    session: AsyncSession, operation: str, *, state: OperationState, detail: str, now: float
) -> None:
    """How far one operation is."""
    values = {"state": state.value, "detail": detail, "changed_at": now}
    await session.execute(update(OperationRow).where(OperationRow.id == operation).values(**values))


def _running(node: int, kind: str) -> ColumnElement[bool]:
    return and_(
        OperationRow.node == node,
        OperationRow.kind == kind,
        OperationRow.state == OperationState.RUNNING.value,
    )
