"""Releases: what replicas run, by a name that stands for one thing only. (Adapters have their own.)"""

from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.errors import Permanent
from linkpool.store.rollout_tables import MoveRow, RolloutRow, RolloutState
from linkpool.store.tables import GroupRow, NodeRow, ReleaseRow


class ReleaseInUse(Permanent):
    """The name stands for something else already, and something runs or ran under it."""


async def every(session: AsyncSession) -> Sequence[ReleaseRow]:
    """All releases of replicas, oldest first."""
    query = select(ReleaseRow).where(ReleaseRow.bridge.is_(None))
    return (await session.scalars(query.order_by(ReleaseRow.made_at, ReleaseRow.name))).all()


async def find(session: AsyncSession, name: str) -> ReleaseRow | None:
    """The release of replicas of that name."""
    row = await session.get(ReleaseRow, name)
    return row if row and row.bridge is None else None


async def get(session: AsyncSession, name: str) -> ReleaseRow:
    """The release of that name, which exists: groups refer to it."""
    return await session.get_one(ReleaseRow, name)


async def put(
    session: AsyncSession,
    name: str,
    *,
    command: Sequence[str],
    image: str | None,
    settings: Mapping[str, str],
    now: float,
) -> ReleaseRow:
    """Remember a release; the same again changes nothing. now: Unix seconds.

    Raises ReleaseInUse when the name was used for something else.
    """
    row = await session.get(ReleaseRow, name, with_for_update=True)
    if row is None:
        row = ReleaseRow(name=name, made_at=now, command=[], image=None, settings={})
        session.add(row)
    elif (row.command, row.image, row.settings, row.bridge) == (list(command), image, dict(settings), None):
        return row
    elif row.bridge is not None or await _used(session, name):
        raise ReleaseInUse(
            f"release {name} stands for something else, and nodes run or ran it: "
            "a name keeps its meaning; give the new release another one"
        )
    row.command, row.image, row.settings = list(command), image, dict(settings)
    await session.flush()
    return row


async def _used(session: AsyncSession, name: str) -> bool:
    for column in (GroupRow.release, MoveRow.release, RolloutRow.release):
        if await session.scalar(select(column).where(column == name).limit(1)) is not None:
            return True
    return False


async def current(session: AsyncSession, configured: str) -> str:
    """What new nodes run: the release of the last rollout over all that was carried through, or else that."""
    query = select(RolloutRow.release).where(
        RolloutRow.everything, RolloutRow.state == RolloutState.DONE.value
    )
    return await session.scalar(query.order_by(RolloutRow.changed_at.desc()).limit(1)) or configured


async def nodes_by_release(session: AsyncSession) -> Counter[str]:
    """How many nodes have each release as their primary colour."""
    primary = and_(GroupRow.node == NodeRow.index, GroupRow.colour == NodeRow.primary)
    query = (
        select(GroupRow.release, func.count())
        .join(NodeRow, primary)
        .where(GroupRow.removed_at.is_(None))
        .group_by(GroupRow.release)
    )
    return Counter({row[0]: row[1] for row in await session.execute(query)})
