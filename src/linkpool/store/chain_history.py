"""What happened when: questions to the chain's tables that charts and figures are made of.

A moment's state is the last row before it; a count of a time is a query over requests. Times are Unix seconds
of blocks; a bucket is named by the second it begins with.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Integer, func, literal_column, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.store import chain_tables as t
from linkpool.store.chain_state import Books, ChainEvent, Position, Ticket
from linkpool.store.parts import in_parts

Delays = Mapping[int, Counter[int]]
"""By bucket: how many answers came after so many blocks."""


async def books_before(session: AsyncSession, time: int, node: str | None = None) -> dict[str, Books]:
    """The books of one or all nodes as they were just before a moment; none of those not yet registered."""
    earlier = t.books.alias()
    last = (
        select(earlier.c.block)
        .where(earlier.c.node == t.nodes.c.node, earlier.c.time < time)
        .order_by(earlier.c.time.desc(), earlier.c.block.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = select(t.books).where(t.books.c.node == t.nodes.c.node, t.books.c.block == last)
    if node is not None:
        query = query.where(t.nodes.c.node == node)
    return {row.node: Books(*row[3:]) async for row in in_parts(session, query)}


async def books_by_bucket(
    session: AsyncSession, start: int, size: int, node: str | None = None
) -> dict[int, dict[str, Books]]:
    """By bucket, from `start` on, the last books of the nodes that changed in it."""
    changed = t.books.alias()
    ends = select(changed.c.node, func.max(changed.c.block).label("block")).where(changed.c.time >= start)
    if node is not None:
        ends = ends.where(changed.c.node == node)
    found = ends.group_by(changed.c.node, _bucket(changed.c.time, size)).subquery()
    query = select(t.books).where(t.books.c.node == found.c.node, t.books.c.block == found.c.block)
    buckets: dict[int, dict[str, Books]] = defaultdict(dict)
    async for row in in_parts(session, query):
        buckets[row.time - row.time % size][row.node] = Books(*row[3:])
    return buckets


async def missed(session: AsyncSession, since: int, until: int) -> Counter[str]:
    """Requests missed by node, whose window ended after `since` and not after `until`."""
    return await _windows_by_node(session, since, until, t.unanswered)


async def windows(session: AsyncSession, since: int, until: int) -> Counter[str]:
    """Requests by node whose window ended in that time."""
    return await _windows_by_node(session, since, until)


async def _windows_by_node(
    session: AsyncSession, since: int, until: int, *which: ColumnElement[bool]
) -> Counter[str]:
    query = (
        select(t.requests.c.node, func.count())
        .where(t.requests.c.expiration > since, t.requests.c.expiration <= until, *which)
        .group_by(t.requests.c.node)
    )
    return Counter({row[0]: row[1] for row in await session.execute(query)})


async def missed_by_bucket(
    session: AsyncSession, start: int, until: int, size: int, node: str | None = None
) -> Counter[int]:
    """Requests missed, by the bucket in which their window ended."""
    return await _windows_by_bucket(session, start, until, size, node, t.unanswered)


async def windows_by_bucket(
    session: AsyncSession, start: int, until: int, size: int, node: str | None = None
) -> Counter[int]:
    """Requests by the bucket in which their window ended."""
    return await _windows_by_bucket(session, start, until, size, node)


async def _windows_by_bucket(
    session: AsyncSession,
    start: int,
    until: int,
    size: int,
    node: str | None,
    *which: ColumnElement[bool],
) -> Counter[int]:
    bucket = _bucket(t.requests.c.expiration, size)
    query = select(bucket, func.count()).where(
        t.requests.c.expiration >= start, t.requests.c.expiration <= until, *which
    )
    if node is not None:
        query = query.where(t.requests.c.node == node)
    return Counter({row[0]: row[1] for row in await session.execute(query.group_by(bucket))})


async def delays(session: AsyncSession, since: int) -> dict[str, Counter[int]]:
    """By node, after how many blocks requests were answered, of the answers after `since`."""
    blocks = t.requests.c.ended_block - t.requests.c.block
    query = (
        select(t.requests.c.node, blocks, func.count())
        .where(t.requests.c.ended_time > since, t.requests.c.ended == "answered")
        .group_by(t.requests.c.node, blocks)
    )
    found: dict[str, Counter[int]] = defaultdict(Counter)
    for node, delay, count in await session.execute(query):
        found[node][delay] = count
    return found


async def delays_by_bucket(session: AsyncSession, start: int, size: int, node: str | None = None) -> Delays:
    """The same by the bucket of the answer."""
    blocks, bucket = t.requests.c.ended_block - t.requests.c.block, _bucket(t.requests.c.ended_time, size)
    query = select(bucket, blocks, func.count()).where(
        t.requests.c.ended_time >= start, t.requests.c.ended == "answered"
    )
    if node is not None:
        query = query.where(t.requests.c.node == node)
    found: dict[int, Counter[int]] = defaultdict(Counter)
    for begin, delay, count in await session.execute(query.group_by(bucket, blocks)):
        found[begin][delay] = count
    return found


async def page(
    session: AsyncSession,
    *,
    before: int | None,
    limit: int,
    node: str | None,
    account: str | None,
    kind: str | None,
) -> Sequence[ChainEvent]:
    """Events before a position, newest first, of a node, an account and a kind where these are given."""
    wanted = []
    if before is not None:
        wanted.append(t.events.c.position < before)
    if node is not None:
        wanted.append(or_(t.events.c.node == node, t.events.c.to_node == node))
    if account is not None:
        wanted.append(t.events.c.account == account)
    if kind is not None:
        wanted.append(t.events.c.kind == kind)
    query = select(t.events).where(*wanted).order_by(t.events.c.position.desc()).limit(limit)
    return [ChainEvent(*row) for row in await session.execute(query)]


async def positions_of(session: AsyncSession, account: str) -> list[tuple[int, str, Position]]:
    """Every state of an account's positions, oldest first: when it came about, the node, the state."""
    when = (
        select(t.events.c.block, t.events.c.time).where(t.events.c.account == account).distinct().subquery()
    )
    query = (
        select(when.c.time, t.positions)
        .where(t.positions.c.account == account, t.positions.c.block == when.c.block)
        .order_by(t.positions.c.block)
    )
    return [(row.time, row.node, Position(*row[4:])) for row in await session.execute(query)]


async def tickets_of(session: AsyncSession, account: str) -> list[Ticket]:
    """Every ticket an account ever had."""
    query = select(t.tickets).where(t.tickets.c.account == account)
    return [Ticket(*row) for row in await session.execute(query)]


async def last_offers(session: AsyncSession) -> list[dict[str, object]]:
    """What the last `OfferChanged` of every job id said, by its fields."""
    query = select(t.events.c.data).where(t.events.c.kind == "OfferChanged").order_by(t.events.c.position)
    return list({data["job"]: data for data in await session.scalars(query)}.values())


async def removed_senders(session: AsyncSession) -> set[str]:
    """Senders that may not answer any more: an address is authorized once in a pool's life."""
    query = select(t.events.c.data).where(t.events.c.kind == "SenderRemoved")
    return {str(data["sender"]) for data in await session.scalars(query)}


def _bucket(time: ColumnElement[int], size: int) -> ColumnElement[int]:
    return time - time % literal_column(str(size), Integer)  # a parameter is never equal to another one
