"""Revisions of the catalog: the highest is in force, none is ever changed. And how far each job is."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.store.catalog_tables import JobRow, JobState
from linkpool.store.tables import CatalogRow


async def current(session: AsyncSession) -> CatalogRow | None:
    """The revision in force; None before the first."""
    return await session.scalar(select(CatalogRow).order_by(CatalogRow.revision.desc()).limit(1))


async def put(
    session: AsyncSession,
    *,
    jobs: Sequence[str],
    offers: Mapping[str, Any],
    leaving: Sequence[str],
    bridges: Sequence[dict[str, Any]],
    now: float,
) -> CatalogRow:
    """A new revision, unless nothing would change: then the one in force."""
    old = await current(session)
    values = {
        "jobs": list(jobs),
        "offers": dict(offers),
        "leaving": list(leaving),
        "bridges": list(bridges),
    }
    if old is not None and all(getattr(old, name) == value for name, value in values.items()):
        return old
    new = CatalogRow(revision=old.revision + 1 if old else 1, made_at=now, **values)
    session.add(new)
    await session.flush()
    return new


async def progress(session: AsyncSession) -> Mapping[str, JobRow]:
    """How far each job is, by its id."""
    return {row.job: row for row in await session.scalars(select(JobRow))}


async def put_progress(
    session: AsyncSession,
    job: str,
    *,
    revision: int,
    state: JobState,
    detail: str,
    closed_at: int | None,
    now: float,
) -> None:
    """How far a job is in a revision. closed_at: seconds of the chain since which its offers are closed."""
    row = JobRow(job=job, revision=revision, state=state, detail=detail, closed_at=closed_at, changed_at=now)
    await session.merge(row)


async def drop_progress(session: AsyncSession, job: str) -> None:
    """A job that is in no revision any more."""
    await session.execute(delete(JobRow).where(JobRow.job == job))
