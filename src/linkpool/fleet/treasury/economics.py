"""The pool's accounts, put together from what the indexer, the outbox and the ledger remember."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.economics.accounts import ENOUGH_DAYS, Books, Prices, Sums, Usage
from linkpool.fleet.indexer.figures import Totals
from linkpool.store import chain_history as history
from linkpool.store import chain_rows, ledger, nodes
from linkpool.store.chain_state import Books as NodeBooks
from linkpool.store.ledger import DAY
from linkpool.wire.money import PriceTable


@dataclass(frozen=True)
class Economics:
    """Books of the days from `since` (Unix seconds) on, and each node's active stake now in juels."""

    since: int | None
    books: Books
    stakes: Mapping[str, int]
    fee_bps: int

    def covered(self, sums: Sums) -> bool | None:
        """Whether the fee paid for gas and fleet; none: not enough data, or a price is missing.

        sums: of all the books.
        """
        enough = self.books.length >= ENOUGH_DAYS
        return sums.result >= 0 if enough and sums.result is not None else None


async def economics(
    session: AsyncSession, days: int, now: Prices, wall: float, payers: tuple[str, ...]
) -> Economics:
    """Of the last `days` days, or since the first entry. payers: treasury, manager; wall: Unix seconds."""
    tip, first = await chain_rows.tip(session), await ledger.begun_at(session)
    table = await price_table(session)
    pool, books = await chain_rows.pool_now(session), await chain_rows.books_now(session)
    stakes = {node: one.value(one.active) for node, one in books.items()}
    if first is None:
        return Economics(None, Books((), table, {}, now), stakes, pool.fee_bps)
    end = tip.time if tip else int(wall)
    time = Time(max(int(first), (end // DAY - days + 1) * DAY), end)
    usages = await _usages(session, time, payers)
    noted = await ledger.rates_since(session, time.begin // DAY)
    rates = {day: _prices(row.link_price, row.coin_price) for day, row in noted.items()}
    found = await asyncio.to_thread(Books, usages, table, rates, now)
    return Economics(time.begin, found, stakes, pool.fee_bps)


async def price_table(session: AsyncSession) -> PriceTable | None:
    """The one that was set; none before that."""
    row = await ledger.prices(session)
    return None if row is None else PriceTable.model_validate(row.document)


@dataclass(frozen=True)
class Time:
    """What is looked at, in Unix seconds by the chain."""

    begin: int
    end: int

    @property
    def days(self) -> Iterator[int]:
        """The UTC days that it touches."""
        return iter(range(self.begin // DAY, max(self.end, self.begin) // DAY + 1))

    def of(self, day: int) -> tuple[int, int]:
        """What of a day lies in it."""
        return max(self.begin, day * DAY), max(min(self.end, (day + 1) * DAY), self.begin)


Key = tuple[int, str | None]
"""A day, and a node's id or the pool itself."""


async def _usages(session: AsyncSession, time: Time, payers: tuple[str, ...]) -> list[Usage]:
    oracles = {row.index: row.oracle for row in await nodes.every(session)}
    hours: dict[Key, dict[str, float]] = {}
    gas: dict[Key, int] = {}
    async for row in ledger.since(session, time.begin // DAY):
        key = row.day, oracles.get(row.node)
        by_engine = hours.setdefault(key, {})
        by_engine[row.engine] = by_engine.get(row.engine, 0.0) + row.replica_seconds / 3600
        gas[key] = gas.get(key, 0) + int(row.gas)
    for day, wei in (await ledger.gas_paid(session, payers, time.begin)).items():
        gas[day, None] = gas.get((day, None), 0) + wei
    flows, missed = await _days(session, time)

    def usage(key: Key) -> Usage:
        flow, (begin, end) = flows.get(key, Totals()), time.of(key[0])
        return Usage(
            day=key[0],
            node=key[1],
            part=(end - begin) / DAY,
            fee=flow.fees,
            earned=flow.earned,
            penalties=flow.penalties,
            gas=gas.get(key, 0),
            hours=hours.get(key, {}),
            requests=flow.requests,
            answered=flow.answered,
            missed=missed.get(key, 0),
        )

    def usages() -> list[Usage]:
        keys: set[Key] = {*((day, None) for day in time.days), *hours, *gas, *flows, *missed}
        return [usage(key) for key in sorted(keys, key=lambda key: (key[0], key[1] or ""))]

    return await asyncio.to_thread(usages)  # of every node and day


async def _days(session: AsyncSession, time: Time) -> tuple[dict[Key, Totals], dict[Key, int]]:
    """What each day brought each node, and what it missed. Day by day: the database hangs up on whoever
    works something out for long between two questions.
    """
    books: dict[str, NodeBooks] = await history.books_before(session, time.begin)
    changed = await history.books_by_bucket(session, time.begin, DAY)
    flows: dict[Key, Totals] = {}
    missed: dict[Key, int] = {}
    for day in time.days:
        for node, count in (await history.missed(session, *time.of(day))).items():
            missed[day, node] = count
        after = changed.get(day * DAY, {})
        for node, flow in (await asyncio.to_thread(_flows, books, after)).items():
            flows[day, node] = flow
        books |= after
    return flows, missed


def _flows(before: Mapping[str, NodeBooks], after: Mapping[str, NodeBooks]) -> dict[str, Totals]:
    """What came to each node in between."""
    found = {}
    for node, books in after.items():
        was = Totals.of(before[node], books.since) if node in before else Totals()
        found[node] = Totals.of(books, books.since) - was
    return found


def _prices(link: str | None, coin: str | None) -> Prices:
    return Prices(None if link is None else Decimal(link), None if coin is None else Decimal(coin))
