"""Adapters that the pool runs: what each shall run, and which of its colours replicas are told."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.store.catalog_tables import AdapterRow, AdapterState
from linkpool.store.tables import Colour, ReleaseRow


async def every(session: AsyncSession) -> Mapping[str, AdapterRow]:
    """All of them by their bridge's name."""
    rows = await session.scalars(select(AdapterRow).order_by(AdapterRow.bridge))
    return {row.bridge: row for row in rows}


async def want(
    session: AsyncSession,
    bridge: str,
    release: str,
    *,
    command: Sequence[str],
    image: str | None,
    settings: Mapping[str, str],
    secrets: Mapping[str, str],
    now: float,
) -> AdapterRow:
    """This release shall run for the bridge; a name stands for one program for ever. secrets: sealed."""
    if await session.get(ReleaseRow, release) is None:
        session.add(
            ReleaseRow(
                name=release,
                bridge=bridge,
                command=list(command),
                image=image,
                settings=dict(settings),
                secrets=dict(secrets),
                made_at=now,
            )
        )
    row = await session.get(AdapterRow, bridge)
    if row is None:
        row = AdapterRow(
            bridge=bridge,
            primary=Colour.BLUE,
            wanted=release,
            refused=None,
            state=AdapterState.STARTING,
            detail="",
            changed_at=now,
        )
        session.add(row)
    if row.wanted != release:
        row.wanted, row.refused, row.changed_at = release, None, now
    await session.flush()
    return row


async def put(session: AsyncSession, bridge: str, now: float, **values: Any) -> None:
    """Change a row's columns."""
    row = await session.get_one(AdapterRow, bridge)
    for name, value in values.items():
        setattr(row, name, value)
    row.changed_at = now


async def forget(session: AsyncSession, bridge: str) -> None:
    """Nothing of it runs any more."""
    await session.execute(delete(AdapterRow).where(AdapterRow.bridge == bridge))
