"""What auto-scaling may do, what it saw, and what it decided."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.store.scaling_tables import DecisionRow, PolicyRow, SampleRow
from linkpool.store.tables import OperationRow


async def policy(session: AsyncSession) -> PolicyRow | None:
    """The latest policy; none while none was ever set."""
    return await session.scalar(select(PolicyRow).order_by(PolicyRow.id.desc()).limit(1))


async def put_policy(
    session: AsyncSession, policy: dict[str, Any] | None, *, token: str, now: float
) -> PolicyRow:
    """From now on this one; null turns auto-scaling off. token: the id of who says so."""
    row = PolicyRow(policy=policy, token=token, at=now)
    session.add(row)
    await session.flush()
    return row


# --- samples --------------------------------------------------------------------------------------


async def add_sample(session: AsyncSession, sample: SampleRow, keep_from: float) -> None:
    """Remember one more look, and forget those before `keep_from` (Unix seconds)."""
    session.add(sample)
    await session.execute(delete(SampleRow).where(SampleRow.at < keep_from))


async def samples(session: AsyncSession, since: float) -> Sequence[SampleRow]:
    """Looks since then, oldest first."""
    query = select(SampleRow).where(SampleRow.at >= since).order_by(SampleRow.at, SampleRow.id)
    return (await session.scalars(query)).all()


# --- decisions ------------------------------------------------------------------------------------


async def add_decision(session: AsyncSession, row: DecisionRow) -> None:
    """Remember it before anything is done."""
    session.add(row)
    await session.flush()


async def forget_holds(session: AsyncSession, before: float) -> None:
    """Decisions to change nothing are of no use after a time; those that changed something stay."""
    await session.execute(delete(DecisionRow).where(DecisionRow.action == "hold", DecisionRow.at < before))


async def end_decision(session: AsyncSession, number: int, state: str, now: float) -> None:
    """It was carried out, or failed."""
    row = update(DecisionRow).where(DecisionRow.id == number)
    await session.execute(row.values(state=state, ended_at=now))


async def running(session: AsyncSession) -> DecisionRow | None:
    """The one that is being carried out."""
    return await session.scalar(
        select(DecisionRow).where(DecisionRow.state == "running").order_by(DecisionRow.id).limit(1)
    )


async def latest(session: AsyncSession) -> DecisionRow | None:
    """The newest of all."""
    return await session.scalar(select(DecisionRow).order_by(DecisionRow.id.desc()).limit(1))


async def last_change(session: AsyncSession) -> float | None:
    """When a decision to grow or shrink ended, or was made if it has not: Unix seconds."""
    changed = func.coalesce(DecisionRow.ended_at, DecisionRow.at)
    return await session.scalar(select(func.max(changed)).where(DecisionRow.action != "hold"))


async def ups(session: AsyncSession, since: float) -> Sequence[DecisionRow]:
    """Decisions to grow since then, carried out or not."""
    query = select(DecisionRow).where(DecisionRow.action == "up", DecisionRow.at > since)
    return (await session.scalars(query)).all()


async def decisions(session: AsyncSession, before: int | None, limit: int) -> Sequence[DecisionRow]:
    """Decisions with numbers below `before`, newest first."""
    query = select(DecisionRow).order_by(DecisionRow.id.desc()).limit(limit)
    if before is not None:
        query = query.where(DecisionRow.id < before)
    return (await session.scalars(query)).all()


def operation_key(decision: int, place: int) -> str:
    """Under which the operations of a decision are found again, whoever carries it out."""
    return f"scaling:{decision}:{place}"


async def operations_of(session: AsyncSession, decision: DecisionRow) -> Sequence[OperationRow]:
    """What it began so far."""
    keys = [operation_key(decision.id, place) for place in range(decision.count)]
    query = select(OperationRow).where(OperationRow.key.in_(keys)).order_by(OperationRow.made_at)
    return (await session.scalars(query)).all()
