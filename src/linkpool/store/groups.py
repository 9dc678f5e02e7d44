"""Groups of tasks: what the engine was asked to run, and what it may remove."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.store.tables import Colour, GroupRow


@dataclass(frozen=True)
class Owner:
    """What a group is of: a node by its index, or an adapter by its bridge's name; one of both."""

    node: int | None = None
    bridge: str | None = None

    def name(self, colour: Colour, serial: int) -> str:
        """A group's name: for people, and unique by the serial."""
        if self.bridge is None:
            return f"n{self.node}-{colour.value}-{serial}"
        bridge = "".join(letter if letter.isalnum() else "-" for letter in self.bridge.lower())
        return f"b-{bridge[:40]}-{colour.value}-{serial}"


async def every(session: AsyncSession) -> Sequence[GroupRow]:
    """All groups, removed ones included, oldest first."""
    return (await session.scalars(select(GroupRow).order_by(GroupRow.made_at, GroupRow.name))).all()


async def all_living(session: AsyncSession) -> Sequence[GroupRow]:
    """Those that shall run."""
    return await _living(session)


async def living_of_node(session: AsyncSession, node: int) -> Sequence[GroupRow]:
    """Those of one node that shall run."""
    return await _living(session, GroupRow.node == node)


async def living_of_bridges(session: AsyncSession) -> Sequence[GroupRow]:
    """Those of adapters that shall run."""
    return await _living(session, GroupRow.bridge.is_not(None))


async def _living(session: AsyncSession, *which: ColumnElement[bool]) -> Sequence[GroupRow]:
    query = select(GroupRow).where(GroupRow.removed_at.is_(None), *which)
    return (await session.scalars(query.order_by(GroupRow.made_at, GroupRow.name))).all()


async def named(session: AsyncSession, names: Collection[str]) -> dict[str, GroupRow]:
    """Those of these names that the database knows, removed or not."""
    rows = await session.scalars(select(GroupRow).where(GroupRow.name.in_(names)))
    return {row.name: row for row in rows}


async def newest(session: AsyncSession, owner: Owner, colour: Colour) -> GroupRow | None:
    """The latest group of that thing in that colour, removed or not."""
    query = select(GroupRow).where(_of(owner), GroupRow.colour == colour.value)
    return await session.scalar(query.order_by(GroupRow.serial.desc()).limit(1))


async def living(session: AsyncSession, owner: Owner, colour: Colour) -> GroupRow | None:
    """The group of that thing in that colour that shall run."""
    row = await newest(session, owner, colour)
    return row if row and row.removed_at is None else None


async def fresh(session: AsyncSession, owner: Owner, colour: Colour) -> tuple[str, int]:
    """A name that no group had before, and its serial."""
    serial = (await session.scalar(select(func.max(GroupRow.serial)).where(_of(owner))) or 0) + 1
    while await session.get(GroupRow, name := owner.name(colour, serial)) is not None:
        serial += 1  # two bridges may differ in letters that a name cannot have
    return name, serial


async def add(
    session: AsyncSession,
    name: str,
    owner: Owner,
    *,
    serial: int,
    colour: Colour,
    release: str,
    token_hash: str,
    now: float,
) -> GroupRow:
    """Remember a group before any engine hears of it. now: Unix seconds."""
    row = GroupRow(
        name=name,
        node=owner.node,
        bridge=owner.bridge,
        serial=serial,
        colour=colour.value,
        release=release,
        token_hash=token_hash,
        made_at=now,
    )
    session.add(row)
    await session.flush()
    return row


def _of(owner: Owner) -> ColumnElement[bool]:
    return and_(
        GroupRow.node.is_(None) if owner.node is None else GroupRow.node == owner.node,
        GroupRow.bridge.is_(None) if owner.bridge is None else GroupRow.bridge == owner.bridge,
    )
