"""Things on their way from one colour to the other, one open move of each at most."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.store.rollout_tables import ENDED, MoveRow, MoveState
from linkpool.store.tables import Colour, NodeRow


async def add(
    session: AsyncSession,
    *,
    rollout: str | None = None,
    node: int | None = None,
    bridge: str | None = None,
    release: str,
    colour: Colour,
    within: float,
    state: MoveState = MoveState.WAITING,
    detail: str = "",
    now: float,
) -> MoveRow:
    """A new move to `release` in `colour`. within: seconds its new colour has to be well; now: Unix seconds.

    Raises IntegrityError when the thing has an open one.
    """
    row = MoveRow(
        rollout=rollout,
        node=node,
        bridge=bridge,
        release=release,
        colour=colour.value,
        state=state.value,
        wave=0,
        within=within,
        detail=detail,
        times={state.value: now},
        made_at=now,
        ended_at=now if state in ENDED else None,
    )
    session.add(row)
    await session.flush()
    return row


async def get(session: AsyncSession, move: int) -> MoveRow:
    """The move of that number, which exists."""
    return await session.get_one(MoveRow, move)


async def begun_of_node(session: AsyncSession, oracle: str, limit: int) -> Sequence[MoveRow]:
    """The last moves of a node whose turn has come, newest first. oracle: its address, checksummed."""
    node = select(NodeRow.index).where(NodeRow.oracle == oracle).scalar_subquery()
    begun = MoveRow.state.not_in((MoveState.WAITING, MoveState.SKIPPED))
    query = select(MoveRow).where(MoveRow.node == node, begun).order_by(MoveRow.id.desc()).limit(limit)
    return (await session.scalars(query)).all()


async def of_rollout(session: AsyncSession, rollout: str) -> Sequence[MoveRow]:
    """All moves of a rollout, in the order in which they were asked for."""
    return (
        await session.scalars(select(MoveRow).where(MoveRow.rollout == rollout).order_by(MoveRow.id))
    ).all()


async def open_of_bridges(session: AsyncSession) -> Sequence[MoveRow]:
    """The open moves of adapters, oldest first."""
    query = select(MoveRow).where(MoveRow.bridge.is_not(None), MoveRow.ended_at.is_(None))
    return (await session.scalars(query.order_by(MoveRow.id))).all()


async def open_nodes(session: AsyncSession) -> dict[int, MoveRow]:
    """The open moves of nodes, by the node's index."""
    query = select(MoveRow).where(MoveRow.node.is_not(None), MoveRow.ended_at.is_(None))
    return {row.node: row for row in await session.scalars(query) if row.node is not None}


async def enter(
    session: AsyncSession,
    move: int,
    state: MoveState,
    *,
    detail: str,
    now: float,
    switched_at: int | None = None,
) -> MoveRow:
    """It is in `state` from now on (Unix seconds). switched_at: seconds of the chain, when it is known."""
    row = await session.get_one(MoveRow, move)
    row.state, row.detail = state.value, detail
    row.times = {**row.times, state.value: now}
    row.ended_at = now if state in ENDED else None
    if switched_at is not None:
        row.switched_at = switched_at
    return row


async def explain(session: AsyncSession, move: int, detail: str) -> None:
    """Say what it waits for."""
    (await session.get_one(MoveRow, move)).detail = detail
