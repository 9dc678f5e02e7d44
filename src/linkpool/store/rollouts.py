"""Rollouts: which release was asked for, for whom, and how far that is."""

import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.store import chain_rows, events, moves, operations
from linkpool.store.rollout_tables import OVER, MoveState, RolloutRow, RolloutState
from linkpool.store.tables import OperationState

_RESULT = {
    RolloutState.DONE: OperationState.DONE,
    RolloutState.FAILED: OperationState.FAILED,
    RolloutState.ABORTED: OperationState.FAILED,
}


async def add(
    session: AsyncSession,
    *,
    operation: str,
    release: str,
    everything: bool,
    wave: int,
    within: float,
    now: float,
) -> RolloutRow:
    """A new rollout, running. within: seconds a new colour has to be well; now: Unix seconds."""
    row = RolloutRow(
        id=str(uuid.uuid4()),
        operation=operation,
        release=release,
        everything=everything,
        wave=wave,
        within=within,
        state=RolloutState.RUNNING.value,
        detail="",
        counts_from=0,
        forgiven=0,
        made_at=now,
        changed_at=now,
    )
    session.add(row)
    await session.flush()
    return row


async def find(session: AsyncSession, rollout: str) -> RolloutRow | None:
    """The rollout with that id."""
    return await session.get(RolloutRow, rollout)


async def of_operation(session: AsyncSession, operation: str) -> RolloutRow | None:
    """The rollout that an operation is about."""
    return await session.scalar(select(RolloutRow).where(RolloutRow.operation == operation))


async def newest(session: AsyncSession, limit: int = 50) -> Sequence[RolloutRow]:
    """The latest ones, newest first."""
    query = select(RolloutRow).order_by(RolloutRow.made_at.desc(), RolloutRow.id).limit(limit)
    return (await session.scalars(query)).all()


async def not_over(session: AsyncSession) -> Sequence[RolloutRow]:
    """Those under way, paused or stopped, oldest first."""
    query = select(RolloutRow).where(RolloutRow.state.not_in([state.value for state in OVER]))
    return (await session.scalars(query.order_by(RolloutRow.made_at, RolloutRow.id))).all()


async def enter(
    session: AsyncSession, rollout: str, *, was: RolloutState, state: RolloutState, detail: str, now: float
) -> bool:
    """From one state to another, with its operation and an event; false when it is in another one by now."""
    row = await session.get_one(RolloutRow, rollout, with_for_update=True)
    if row.state != was:
        return False
    row.state, row.detail, row.changed_at = state.value, detail, now
    result = _RESULT.get(state, OperationState.RUNNING)
    await operations.tell(session, row.operation, state=result, detail=detail, now=now)
    data = {"rollout": row.id, "release": row.release, "state": state.value, "detail": detail}
    events.add(session, "rollout_state", None, data, now)
    return True


async def forgive(session: AsyncSession, rollout: str) -> None:
    """What was wrong until now no longer counts: a person has seen it."""
    row = await session.get_one(RolloutRow, rollout)
    tip = await chain_rows.tip(session)
    found = await moves.of_rollout(session, rollout)
    row.counts_from = tip.time if tip else row.counts_from
    row.forgiven = sum(move.state == MoveState.RETURNED for move in found)
    await session.flush()


async def explain(session: AsyncSession, rollout: str, detail: str, now: float) -> None:
    """Say what it waits for."""
    row = await session.get_one(RolloutRow, rollout)
    row.detail = detail
    await operations.tell(session, row.operation, state=OperationState.RUNNING, detail=detail, now=now)
