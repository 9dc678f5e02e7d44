"""What days cost, and the price table."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.store.money_tables import DayRateRow, LedgerRow, PricesRow
from linkpool.store.parts import in_parts
from linkpool.store.tables import OutboxRow

DAY = 86_400


async def add(
    session: AsyncSession, now: float, node: int, engine: str, *, seconds: float = 0.0, gas: int = 0
) -> None:
    """More of the day of `now` (Unix seconds): replica-seconds, wei of gas. node 0: the pool itself."""
    day = int(now) // DAY
    row = await session.get(LedgerRow, (day, node, engine))
    if row is None:
        entry = LedgerRow(day=day, node=node, engine=engine, begun_at=now)
        entry.replica_seconds, entry.gas = seconds, str(gas)
        session.add(entry)
    else:
        row.replica_seconds += seconds
        row.gas = str(int(row.gas) + gas)


async def add_seconds(session: AsyncSession, now: float, engine: str, by_node: Mapping[int, float]) -> None:
    """More replica-seconds of the day of `now` (Unix seconds) for many nodes at once."""
    day = int(now) // DAY
    of_today = (LedgerRow.day == day) & (LedgerRow.engine == engine)
    known = set(await session.scalars(select(LedgerRow.node).where(of_today)))
    ordered = sorted(by_node.items())  # as others take the rows: no two wait for each other
    old = [{"of": node, "more": seconds} for node, seconds in ordered if node in known]
    first = {"day": day, "engine": engine, "begun_at": now, "gas": "0"}
    new = [{**first, "node": node, "replica_seconds": s} for node, s in ordered if node not in known]
    connection = await session.connection()
    if old:
        seconds = {LedgerRow.replica_seconds: LedgerRow.replica_seconds + bindparam("more")}
        row = update(LedgerRow).where(of_today, LedgerRow.node == bindparam("of"))
        await connection.execute(row.values(seconds), old)
    if new:
        await connection.execute(insert(LedgerRow), new)


class Entry(NamedTuple):
    """A row of `ledger` to look at: a month of 1,000 nodes has 30,000."""

    day: int
    node: int
    engine: str
    replica_seconds: float
    gas: str


async def since(session: AsyncSession, day: int) -> AsyncIterator[Entry]:
    """From that day on, oldest first."""
    columns = (getattr(LedgerRow, name) for name in Entry._fields)
    query = select(*columns).where(LedgerRow.day >= day).order_by(LedgerRow.day, LedgerRow.node)
    async for row in in_parts(session, query):
        yield Entry(*row)


async def begun_at(session: AsyncSession) -> float | None:
    """Unix seconds of the first entry ever."""
    return await session.scalar(select(func.min(LedgerRow.begun_at)))


async def gas_paid(session: AsyncSession, senders: Sequence[str], since: int) -> dict[int, int]:
    """Wei of gas by UTC day that landed transactions of these senders paid; since: seconds."""
    query = select(OutboxRow.asked_at, OutboxRow.gas_paid).where(
        OutboxRow.sender.in_(senders),
        OutboxRow.attempt == 0,
        OutboxRow.asked_at >= since,
    )
    days: dict[int, int] = {}
    for at, paid in await session.execute(query):
        if at is not None and paid is not None:
            days[at // DAY] = days.get(at // DAY, 0) + int(paid)
    return days


async def spent_on(session: AsyncSession, prefix: str, since: int) -> int:
    """Wei of gas for purposes that begin so, since a second of the chain; what is open counts at its cap."""
    query = select(OutboxRow.gas, OutboxRow.cap, OutboxRow.max_fee, OutboxRow.gas_paid).where(
        OutboxRow.purpose.startswith(prefix), OutboxRow.attempt == 0, OutboxRow.asked_at >= since
    )
    return sum(
        gas * int(cap or fee) if paid is None else int(paid)
        for gas, cap, fee, paid in await session.execute(query)
    )


async def note_rates(session: AsyncSession, day: int, link_price: int | None, coin_price: str | None) -> None:
    """The prices of a day, in place of those noted before."""
    row = DayRateRow(
        day=day, link_price=None if link_price is None else str(link_price), coin_price=coin_price
    )
    await session.merge(row)


async def rates_since(session: AsyncSession, day: int) -> Mapping[int, DayRateRow]:
    """By day."""
    query = select(DayRateRow).where(DayRateRow.day >= day)
    return {row.day: row for row in await session.scalars(query)}


async def prices(session: AsyncSession) -> PricesRow | None:
    """The price table, if somebody has set one."""
    return await session.get(PricesRow, 1)


async def set_prices(session: AsyncSession, document: dict[str, Any], now: float) -> None:
    """The price table, in place of the one before."""
    await session.merge(PricesRow(id=1, document=document, set_at=now))
