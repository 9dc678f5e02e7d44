"""The pool's accounts from a life of real contracts: they add up to what the indexer's books say."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from linkpool.economics.accounts import Prices
from linkpool.engines.protocol import Phase, Task
from linkpool.fleet.alarms import Kind
from linkpool.fleet.indexer.figures import together
from linkpool.fleet.treasury.economics import DAY, remembered
from linkpool.fleet.treasury.meter import MOST_SECONDS, Meter
from linkpool.store import alarms, chain_rows, groups, ledger, nodes, releases
from linkpool.store import chain_history as history
from linkpool.store.database import Database
from linkpool.store.groups import Owner
from linkpool.store.tables import Colour
from linkpool.wire.money import EnginePrices, PriceTable
from tests.support.indexing import catch_up, indexer, lead, living_pool
from tests.support.manual_clock import ManualClock
from tests.support.office import take_office

PRICES = Prices(Decimal(5 * 10**15), Decimal(2_000))
TABLE = PriceTable(engines={"test": EnginePrices(replica_hour="0.5")}, fixed={"all": "30"})


@pytest.mark.parametrize("seed", [1, 2])
async def test_days_and_nodes_add_up_to_what_the_contracts_made(database: Database, seed: int) -> None:
    life = living_pool(seed)
    epoch = await lead(database)
    for _ in range(60):
        life.block(acts=12)
    await catch_up(indexer(database, life, epoch))
    async with database.write() as session:
        (first, *_) = await chain_rows.registered(session)
        await ledger.add(session, first.time, 0, "test", seconds=3_600.0)
        await ledger.set_prices(session, TABLE.model_dump(mode="json"), 0.0)
    async with database.read() as session:
        tip = await chain_rows.tip(session)
        assert tip is not None
        told = await remembered(session, 3_650, PRICES, 0.0, ("0xt", "0xm"))
        found = told.economics()
        books = await chain_rows.books_now(session)
        missed = (await history.missed(session, 0, tip.time)).total()
    ever = together(books.values(), tip.time)
    sums = found.books.sums()
    assert sums.requests > 0
    assert sums.fee_juels > 0
    assert (sums.fee_juels, sums.earned_juels, sums.penalties) == (ever.fees, ever.earned, ever.penalties)
    assert (sums.requests, sums.answered, sums.missed) == (ever.requests, ever.answered, missed)
    for part in (
        [found.books.sums(day=day) for day in found.books.days],
        [found.books.sums(node=node) for node in found.stakes],
    ):
        assert sum(one.fee_juels for one in part) == sums.fee_juels
        assert sum(one.requests for one in part) == sums.requests
    assert found.books.length == pytest.approx((tip.time - first.time) / DAY)
    assert sums.fleet == pytest.approx(Decimal("0.5") + Decimal(repr(found.books.length)))
    assert sum(found.stakes.values()) == sum(one.value(one.active) for one in books.values())


class FewTasks:
    """What an engine runs, as `Tasks` tells it."""

    def __init__(self, *tasks: Task) -> None:
        self._tasks = tasks

    def all(self) -> tuple[Task, ...]:
        return self._tasks


async def metered(database: Database, clock: ManualClock, coin: Decimal | None) -> Meter:
    """A meter over one node of two replicas, of which one is on its way out."""
    office = await take_office(database, clock)
    async with database.write() as session:
        node = await nodes.want(session, 1, 0.0)
        await releases.put(session, "r", command=["x"], image=None, settings={}, now=0.0)
        owner = Owner(node=node.index)
        name, serial = await groups.fresh(session, owner, Colour.BLUE)
        await groups.add(
            session,
            name,
            owner,
            serial=serial,
            colour=Colour.BLUE,
            release="r",
            token_hash="",
            now=0.0,
        )
    tasks: Any = FewTasks(
        Task("a", name, Phase.RUNNING, "r", 0.0),
        Task("b", name, Phase.RUNNING, "r", 0.0),
        Task("c", name, Phase.STOPPING, "r", 0.0),
        Task("d", "of-somebody-else", Phase.RUNNING, "r", 0.0),
    )
    rates: Any = SimpleNamespace(
        link_price=5 * 10**15,
        link=SimpleNamespace(value=Decimal(5 * 10**15)),
        coin=None if coin is None else SimpleNamespace(value=coin),
    )
    return Meter(office, tasks=tasks, rates=rates, engine="test", payers=("0xt", "0xm"), window=7)


async def test_what_runs_is_booked_by_the_minute_and_a_sleeper_books_no_more_than_it_saw(
    database: Database,
) -> None:
    clock = ManualClock()
    meter = await metered(database, clock, None)
    for passed in (60.0, 60.0, 100_000.0):
        clock.advance(passed)
        await meter.step()
    async with database.read() as session:
        rows = [row async for row in ledger.since(session, 0)]
        rates = await ledger.rates_since(session, 0)
    assert {row.node for row in rows} == {1}
    assert sum(row.replica_seconds for row in rows) == 2 * (60 + 60 + MOST_SECONDS)
    assert {row.link_price for row in rates.values()} == {str(5 * 10**15)}


async def test_a_fee_below_the_costs_is_told_once_there_is_a_day_to_tell_it_from(database: Database) -> None:
    clock = ManualClock()
    meter = await metered(database, clock, Decimal(2_000))
    async with database.write() as session:
        await ledger.set_prices(session, TABLE.model_dump(mode="json"), 0.0)

    async def told() -> set[str]:
        await meter.judge()
        async with database.read() as session:
            return {row.kind for row in await alarms.every(session)}

    for _ in range(3):
        clock.advance(60)
        await meter.step()
    assert await told() == set()
    clock.advance(2 * 86_400)
    await meter.step()
    assert await told() == {Kind.FEE_BELOW_COSTS}
    async with database.write() as session:
        await ledger.set_prices(session, PriceTable().model_dump(mode="json"), 0.0)
    assert await told() == set(), "in a table without costs nothing is below them"


async def test_seconds_of_many_nodes_are_added_each_to_its_own_day_and_engine(database: Database) -> None:
    today = 10.0 * DAY
    async with database.write() as session:
        await ledger.add(session, today, 1, "test", gas=7)
        await ledger.add(session, today, 1, "other", seconds=5.0)
        await ledger.add(session, today - 1, 2, "test", seconds=3.0)
    for seconds in ({1: 60.0, 2: 120.0}, {2: 1.0, 3: 30.0}):
        async with database.write() as session:
            await ledger.add_seconds(session, today + 9, "test", seconds)
    async with database.read() as session:
        found = {(row.day, row.node, row.engine): row async for row in ledger.since(session, 0)}
    assert {key: row.replica_seconds for key, row in found.items()} == {
        (9, 2, "test"): 3.0,
        (10, 1, "other"): 5.0,
        (10, 1, "test"): 60.0,
        (10, 2, "test"): 121.0,
        (10, 3, "test"): 30.0,
    }
    assert {row.node for row in found.values() if row.gas != "0"} == {1}
