"""Nodes and their slots."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.store.parts import to_name
from linkpool.store.tables import Colour, NodeRow, NodeState, SlotRow, Standing

_NUMBERS = "nodes_index_seq"
"""PostgreSQL's counter behind `nodes.index`; SQLite has none and goes on from the highest."""


async def want(session: AsyncSession, capacity: int, now: float, number: int | None = None) -> NodeRow:
    """A new node, of which nothing exists yet but its place in the derivation of keys.

    capacity: juels of active stake; now: Unix seconds; number: that place, the next one by default.
    """
    node = NodeRow(
        index=number,
        state=NodeState.WANTED,
        capacity=str(capacity),
        primary=Colour.BLUE,
        made_at=now,
        changed_at=now,
    )
    session.add(node)
    await session.flush()
    return node


async def continue_numbers(session: AsyncSession) -> None:
    """After nodes were written with numbers of their own: the next one follows the highest."""
    if session.get_bind().dialect.name == "postgresql":
        following = select(func.setval(_NUMBERS, select(func.max(NodeRow.index)).scalar_subquery()))
        await session.execute(following)


async def every(session: AsyncSession) -> Sequence[NodeRow]:
    """All nodes, oldest first."""
    return (await session.scalars(select(NodeRow).order_by(NodeRow.index))).all()


async def in_states(session: AsyncSession, states: Collection[NodeState]) -> Sequence[NodeRow]:
    """Nodes in any of these, oldest first."""
    query = select(NodeRow).where(NodeRow.state.in_(states)).order_by(NodeRow.index)
    return (await session.scalars(query)).all()


async def get(session: AsyncSession, node: int) -> NodeRow:
    """The node of that index, which exists."""
    return await session.get_one(NodeRow, node)


async def by_oracle(session: AsyncSession, oracle: str) -> NodeRow | None:
    """The node with that id, for a change of it."""
    return await session.scalar(select(NodeRow).where(NodeRow.oracle == oracle).with_for_update())


async def set_addresses(
    session: AsyncSession, node: int, *, wallet: str, oracle: str, senders: Sequence[str], now: float
) -> bool:
    """Keys are made: remember the addresses; doing it again changes nothing and returns false."""
    row = await session.get_one(NodeRow, node, with_for_update=True)  # the API and the leader may both do it
    if row.state != NodeState.WANTED:
        return False
    row.wallet, row.oracle, row.state, row.changed_at = wallet, oracle, NodeState.KEYS_MADE, now
    session.add_all(SlotRow(node=node, number=number, sender=sender) for number, sender in enumerate(senders))
    return True


async def move_on(session: AsyncSession, node: int, was: str, state: NodeState, now: float) -> bool:
    """From one state to the next; false, and nothing done, when somebody else moved it meanwhile."""
    row = await session.get_one(NodeRow, node, with_for_update=True, populate_existing=True)
    if row.state != was:
        return False
    row.state, row.changed_at = state.value, now
    return True


async def set_state(session: AsyncSession, node: int, state: NodeState, now: float) -> None:
    """Where the node is in its life."""
    await session.execute(
        update(NodeRow).where(NodeRow.index == node).values(state=state.value, changed_at=now)
    )


async def set_primary(session: AsyncSession, node: int, colour: Colour) -> None:
    """Which colour's replicas are asked first."""
    await session.execute(update(NodeRow).where(NodeRow.index == node).values(primary=colour.value))


# --- slots ----------------------------------------------------------------------------------------


class KnownSlot(NamedTuple):
    """A row of `slots` to look at: a fleet has thousands, and mapped objects take several times as long."""

    node: int
    number: int
    sender: str
    task: str | None
    claimed_at: float | None
    heard_at: float | None
    standing: str


async def slots(session: AsyncSession, *of: int) -> Sequence[KnownSlot]:
    """The slots of these nodes, in order."""
    return [KnownSlot(*row) for row in await session.execute(_slots().where(SlotRow.node.in_(of)))]


async def every_slot(session: AsyncSession) -> Sequence[KnownSlot]:
    """The slots of all nodes, in order."""
    return [KnownSlot(*row) for row in await session.execute(_slots())]


async def bind(session: AsyncSession, given: Mapping[str, tuple[int, int]], now: float) -> None:
    """Give each task its slot, a number of a node, and take every other from it."""
    await session.execute(update(SlotRow).where(SlotRow.task.in_(given)).values(task=None))
    for task, (node, number) in given.items():
        await session.execute(
            update(SlotRow)
            .where(SlotRow.node == node, SlotRow.number == number)
            .values(task=task, claimed_at=now, heard_at=now)
        )


async def moving_slots(session: AsyncSession) -> Sequence[KnownSlot]:
    """Slots whose senders are being authorized or removed, in order."""
    query = _slots().where(SlotRow.standing.in_((Standing.COMING, Standing.REVOKING)))
    return [KnownSlot(*row) for row in await session.execute(query)]


def _slots() -> Select[*tuple[Any, ...]]:
    columns = (getattr(SlotRow, name) for name in KnownSlot._fields)
    return select(*columns).order_by(SlotRow.node, SlotRow.number)


async def slot_of(session: AsyncSession, node: int, sender: str) -> SlotRow | None:
    """The slot of a node with that sender, for a change of it."""
    query = select(SlotRow).where(SlotRow.node == node, SlotRow.sender == sender)
    return await session.scalar(query.with_for_update())


async def add_slot(session: AsyncSession, node: int, number: int, sender: str) -> None:
    """One more, whose sender is not authorized yet."""
    session.add(SlotRow(node=node, number=number, sender=sender, standing=Standing.COMING))
    await session.flush()


async def stand(session: AsyncSession, slot: KnownSlot, standing: Standing) -> None:
    """How a slot stands from now on."""
    row = update(SlotRow).where(SlotRow.node == slot.node, SlotRow.number == slot.number)
    await session.execute(row.values(standing=standing.value))


async def held(session: AsyncSession, tasks: Sequence[str], now: float) -> None:
    """These tasks hold their slots still."""
    for part in to_name(tasks):
        await session.execute(update(SlotRow).where(SlotRow.task.in_(part)).values(heard_at=now))
