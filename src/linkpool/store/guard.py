"""The guard's settings, its last reading, and who overrode it."""

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.store.scaling_tables import GuardRow, OverrideRow


async def current(session: AsyncSession) -> GuardRow:
    """The guard as it stands; one that is off while none was ever set."""
    return await session.get(GuardRow, 1) or GuardRow(id=1, blocked=False)


async def put(session: AsyncSession, settings: dict[str, Any] | None) -> None:
    """From now on this one, not read yet: so it blocks until it is; null takes it off."""
    row = GuardRow(id=1, settings=settings, nodes=None, read_at=None, trouble=None, blocked=False)
    await session.merge(row)


async def note(
    session: AsyncSession,
    settings: dict[str, Any] | None,
    *,
    nodes: int | None,
    read_at: float | None,
    trouble: str | None,
    blocked: bool,
) -> None:
    """Remember a reading, unless other settings came in the meantime."""
    row = await session.get(GuardRow, 1, with_for_update=True)
    if row is not None and row.settings == settings:
        row.nodes, row.read_at, row.trouble, row.blocked = nodes, read_at, trouble, blocked


async def override(session: AsyncSession, now: float) -> OverrideRow | None:
    """The one in force."""
    query = select(OverrideRow).where(OverrideRow.until > now).order_by(OverrideRow.id.desc()).limit(1)
    return await session.scalar(query)


async def put_override(session: AsyncSession, *, reason: str, token: str, now: float, until: float) -> None:
    """Another in place of any in force; former ones stay on record. token: the id of who says so."""
    await end_overrides(session, now)
    session.add(OverrideRow(reason=reason, token=token, at=now, until=until))


async def end_overrides(session: AsyncSession, now: float) -> None:
    """The guard counts again."""
    await session.execute(update(OverrideRow).where(OverrideRow.until > now).values(until=now))
