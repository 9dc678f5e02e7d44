"""Writing what the chain told, and taking it back: always in one transaction with the blocks it is from."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, Table, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.store import chain_tables as t
from linkpool.store.chain_state import (
    Block,
    Books,
    ChainEvent,
    PoolBooks,
    Position,
    Request,
    Ticket,
    position,
)
from linkpool.store.parts import in_parts, to_name

KEPT = 256
"""Blocks whose hashes are kept: a re-org no deeper than this is undone exactly."""


@dataclass(frozen=True)
class Registered:
    """A node joined at that place in the log."""

    node: str
    wallet: str
    position: int
    block: int
    time: int


@dataclass
class Rows:
    """What some blocks add. `books`, `positions` and `pool` have a row per block that changed them."""

    blocks: list[Block] = field(default_factory=list)
    events: list[ChainEvent] = field(default_factory=list)
    nodes: list[Registered] = field(default_factory=list)
    books: list[dict[str, Any]] = field(default_factory=list)
    positions: list[dict[str, Any]] = field(default_factory=list)
    pool: list[dict[str, Any]] = field(default_factory=list)
    requests: Collection[Request] = ()
    tickets: Collection[Ticket] = ()


def columns(thing: Any) -> dict[str, Any]:
    """The fields of a state or an event, by the names of their columns."""
    return {name: getattr(thing, name) for name in type(thing).__dataclass_fields__}


# --- writing --------------------------------------------------------------------------------------


async def append(session: AsyncSession, rows: Rows) -> None:
    """Add what later blocks brought; requests and tickets take the place of their earlier rows."""
    await _add(session, t.blocks, map(columns, rows.blocks))
    await _add(session, t.events, map(columns, rows.events))
    await _add(session, t.nodes, map(columns, rows.nodes))
    await _add(session, t.books, rows.books)
    await _add(session, t.positions, rows.positions)
    await _add(session, t.pool, rows.pool)
    await _replace(session, t.requests, t.requests.c.position, rows.requests)
    await _replace(session, t.tickets, t.tickets.c.id, rows.tickets)
    if rows.blocks:
        await session.execute(delete(t.blocks).where(t.blocks.c.number <= rows.blocks[-1].number - KEPT))


async def undo(session: AsyncSession, last: int) -> None:
    """Take back everything above block `last`, as if it had never been told."""
    for table in (t.books, t.positions, t.pool, t.tickets):  # what refers to nodes goes before them
        await session.execute(delete(table).where(table.c.block > last))
    for table in (t.requests, t.events, t.nodes):
        await session.execute(delete(table).where(table.c.position >= position(last + 1, 0)))
    await session.execute(delete(t.blocks).where(t.blocks.c.number > last))
    for table, column, cleared in (
        (t.requests, "ended_block", {"ended": None, "ended_block": None, "ended_time": None, "penalty": 0}),
        (t.requests, "rejected_block", {"rejected_block": None, "rejected_time": None, "reason": None}),
        (t.requests, "lapsed_block", {"lapsed_block": None}),
        (t.tickets, "paid_block", {"paid_block": None, "paid_time": None, "paid": 0}),
    ):
        await session.execute(update(table).where(table.c[column] > last).values(cleared))


async def _add(session: AsyncSession, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    if values := list(rows):
        await session.execute(insert(table), values)


async def _replace(
    session: AsyncSession, table: Table, key: Column[Any], things: Collection[Request] | Collection[Ticket]
) -> None:
    values = [columns(thing) for thing in things]
    for keys in to_name([value[key.name] for value in values]):
        await session.execute(delete(table).where(key.in_(keys)))
    await _add(session, table, values)


# --- reading states to go on from -----------------------------------------------------------------


async def kept_blocks(session: AsyncSession) -> list[Block]:
    """The blocks whose hashes are known, newest first: the first is how far the tables go."""
    rows = await session.execute(select(t.blocks).order_by(t.blocks.c.number.desc()))
    return [Block(*row) for row in rows]


async def tip(session: AsyncSession) -> Block | None:
    """How far the tables go."""
    row = (await session.execute(select(t.blocks).order_by(t.blocks.c.number.desc()).limit(1))).first()
    return Block(*row) if row else None


async def registered(session: AsyncSession) -> list[Registered]:
    """All nodes in the order of registration."""
    rows = await session.execute(select(t.nodes).order_by(t.nodes.c.position))
    return [Registered(*row) for row in rows]


async def pool_now(session: AsyncSession) -> PoolBooks:
    """The pool's own state after the last block."""
    row = (await session.execute(select(t.pool).order_by(t.pool.c.block.desc()).limit(1))).first()
    return PoolBooks(*row[2:]) if row else PoolBooks()


async def books_now(session: AsyncSession, nodes: Collection[str] | None = None) -> dict[str, Books]:
    """The books of these nodes, or of all, after the last block."""
    any_books = t.books.alias()
    newest = select(func.max(any_books.c.block)).where(any_books.c.node == t.nodes.c.node).scalar_subquery()
    query = select(t.books).where(t.books.c.node == t.nodes.c.node, t.books.c.block == newest)
    if nodes is not None:
        query = query.where(t.nodes.c.node.in_(nodes))
    return {row.node: Books(*row[3:]) async for row in in_parts(session, query)}


async def positions_now(session: AsyncSession, accounts: Iterable[str]) -> dict[tuple[str, str], Position]:
    """The positions of these accounts in all nodes after the last block, by account and node."""
    later = t.positions.alias()
    newest = (
        select(func.max(later.c.block))
        .where(later.c.account == t.positions.c.account, later.c.node == t.positions.c.node)
        .scalar_subquery()
    )
    found = {}
    for part in to_name(accounts):
        query = select(t.positions).where(t.positions.c.account.in_(part), t.positions.c.block == newest)
        for row in await session.execute(query):
            found[row.account, row.node] = Position(*row[3:])
    return found


async def open_requests(session: AsyncSession, ids: Iterable[str]) -> list[Request]:
    """The requests with these ids that have not ended."""
    found: list[Request] = []
    for part in to_name(ids):
        query = select(t.requests).where(t.requests.c.id.in_(part), t.requests.c.ended_block.is_(None))
        found += [Request(*row) for row in await session.execute(query)]
    return found


async def tickets_of(session: AsyncSession, ids: Iterable[int]) -> list[Ticket]:
    """The tickets with these numbers."""
    found: list[Ticket] = []
    for part in to_name(ids):
        rows = await session.execute(select(t.tickets).where(t.tickets.c.id.in_(part)))
        found += [Ticket(*row) for row in rows]
    return found


async def unpaid_tickets(session: AsyncSession, account: str) -> list[Ticket]:
    """An account's tickets that are not paid, oldest first."""
    query = (
        select(t.tickets)
        .where(t.tickets.c.account == account, t.tickets.c.paid_block.is_(None))
        .order_by(t.tickets.c.block, t.tickets.c.ready_at)
    )
    return [Ticket(*row) for row in await session.execute(query)]


async def due_tickets(session: AsyncSession, now: int, limit: int) -> list[Ticket]:
    """Unpaid tickets that may be pushed through by `now` (Unix seconds), the longest waiting first."""
    query = (
        select(t.tickets)
        .where(t.tickets.c.paid_block.is_(None), t.tickets.c.ready_at <= now)
        .order_by(t.tickets.c.ready_at, t.tickets.c.block)
        .limit(limit)
    )
    return [Ticket(*row) for row in await session.execute(query)]


# --- what the comparison with the contracts leaves behind -------------------------------------------


@dataclass(frozen=True)
class Checked:
    """The last block at which tables and contracts agreed; comparisons and differences ever."""

    block: int
    hash: str
    time: int
    checks: int
    differences: int


async def checked(session: AsyncSession) -> Checked | None:
    """How comparing went so far; none before the first time."""
    row = (await session.execute(select(t.check).where(t.check.c.id == 1))).first()
    return Checked(*row[1:]) if row else None


async def note_check(session: AsyncSession, result: Checked) -> None:
    """Remember how comparing went."""
    await session.execute(delete(t.check))
    await session.execute(insert(t.check).values(id=1, **columns(result)))


async def go_back(session: AsyncSession, block: Block) -> None:
    """Take back everything above a block, which need not be one of those kept; below 0, everything."""
    await undo(session, block.number)
    if block.number >= 0 and await tip(session) != block:
        await _add(session, t.blocks, [columns(block)])
