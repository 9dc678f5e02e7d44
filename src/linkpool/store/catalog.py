"""Revisions of the catalog: the highest is in force, and none is ever changed."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.store.tables import CatalogRow


async def current(session: AsyncSession) -> CatalogRow | None:
    """The revision in force; None before the first."""
    return await session.scalar(select(CatalogRow).order_by(CatalogRow.revision.desc()).limit(1))


async def put(
    session: AsyncSession, jobs: Sequence[str], bridges: Sequence[dict[str, Any]], now: float
) -> CatalogRow:
    """A new revision, unless nothing would change: then the one in force."""
    old = await current(session)
    if old is not None and old.jobs == list(jobs) and old.bridges == list(bridges):
        return old
    new = CatalogRow(
        revision=old.revision + 1 if old else 1, jobs=list(jobs), bridges=list(bridges), made_at=now
    )
    session.add(new)
    await session.flush()
    return new
