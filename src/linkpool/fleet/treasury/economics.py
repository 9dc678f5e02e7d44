"""The pool's accounts, put together from what the indexer, the outbox and the ledger remember."""

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


@dataclass(frozen=True)
class Remembered:
    """What the database tells of some days; none of them before the first entry.

    What it comes to is worked out after the database was left, which hangs up on whoever thinks for long:
    a year of 1,000 nodes takes a core for seconds, and belongs in a thread.
    """

    time: Time | None
    hours: Mapping[Key, Mapping[str, float]]
    gas: Mapping[Key, int]
    missed: Mapping[Key, int]
    before: Mapping[str, NodeBooks]
    changed: Mapping[int, Mapping[str, NodeBooks]]
    table: PriceTable | None
    rates: Mapping[int, Prices]
    now: Prices
    stakes: Mapping[str, int]
    fee_bps: int

    def economics(self) -> Economics:
        """The accounts. Pure."""
        since = None if self.time is None else self.time.begin
        usages = () if self.time is None else self._usages(self.time)
        return Economics(since, Books(usages, self.table, self.rates, self.now), self.stakes, self.fee_bps)

    def _usages(self, time: Time) -> list[Usage]:
        flows = self._flows(time)
        keys: set[Key] = {*((day, None) for day in time.days), *self.hours, *self.gas, *flows, *self.missed}

        def usage(key: Key) -> Usage:
            flow, (begin, end) = flows.get(key, Totals()), time.of(key[0])
            return Usage(
                day=key[0],
                node=key[1],
                part=(end - begin) / DAY,
                fee=flow.fees,
                earned=flow.earned,
                penalties=flow.penalties,
                gas=self.gas.get(key, 0),
                hours=self.hours.get(key, {}),
                requests=flow.requests,
                answered=flow.answered,
                missed=self.missed.get(key, 0),
            )

        return [usage(key) for key in sorted(keys, key=lambda key: (key[0], key[1] or ""))]

    def _flows(self, time: Time) -> dict[Key, Totals]:
        """What each day brought each node."""
        books, found = dict(self.before), dict[Key, Totals]()
        for day in time.days:
            for node, after in self.changed.get(day * DAY, {}).items():
                was = Totals.of(books[node], after.since) if node in books else Totals()
                found[day, node] = Totals.of(after, after.since) - was
                books[node] = after
        return found


async def remembered(
    session: AsyncSession, days: int, now: Prices, wall: float, payers: tuple[str, ...]
) -> Remembered:
    """Of the last `days` days, or since the first entry. payers: treasury, manager; wall: Unix seconds."""
    tip, first = await chain_rows.tip(session), await ledger.begun_at(session)
    table = await price_table(session)
    pool, books = await chain_rows.pool_now(session), await chain_rows.books_now(session)
    stakes = {node: one.value(one.active) for node, one in books.items()}
    if first is None:
        return Remembered(None, {}, {}, {}, {}, {}, table, {}, now, stakes, pool.fee_bps)
    end = tip.time if tip else int(wall)
    time = Time(max(int(first), (end // DAY - days + 1) * DAY), end)
    hours, gas = await _entries(session, time, payers)
    noted = await ledger.rates_since(session, time.begin // DAY)
    return Remembered(
        time,
        hours,
        gas,
        missed={
            (day, node): count
            for day in time.days
            for node, count in (await history.missed(session, *time.of(day))).items()
        },
        before=await history.books_before(session, time.begin),
        changed=await history.books_by_bucket(session, time.begin, DAY),
        table=table,
        rates={day: _prices(row.link_price, row.coin_price) for day, row in noted.items()},
        now=now,
        stakes=stakes,
        fee_bps=pool.fee_bps,
    )


async def _entries(
    session: AsyncSession, time: Time, payers: tuple[str, ...]
) -> tuple[dict[Key, dict[str, float]], dict[Key, int]]:
    """Replica-hours by engine, and wei of gas."""
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
    return hours, gas


async def price_table(session: AsyncSession) -> PriceTable | None:
    """The one that was set; none before that."""
    row = await ledger.prices(session)
    return None if row is None else PriceTable.model_validate(row.document)


def _prices(link: str | None, coin: str | None) -> Prices:
    return Prices(None if link is None else Decimal(link), None if coin is None else Decimal(coin))
