"""Figures from states: medians, rates of a year, and sums that do not depend on when one looks."""

import statistics
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkpool.fleet.indexer.figures import ENOUGH, YEAR, Totals, median, together, uptime, yearly
from linkpool.store.chain_state import SCALE, Books, Position, position
from linkpool.units import link

DAY = 86_400


def node(**changes: int) -> Books:
    made = Books(status=1, capacity=link(100), fee_bps=1_000, since=1_000)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


@given(st.lists(st.integers(0, 9), min_size=1))
def test_the_median_of_counts_is_that_of_the_values(values: list[int]) -> None:
    assert median(Counter(values)) == statistics.median(values)


def test_nobody_has_no_median_and_no_uptime() -> None:
    assert median(Counter()) is None
    assert uptime(0, 0) is None
    assert uptime(4, 1) == 0.75


def test_stake_counts_for_as_long_as_it_was_there() -> None:
    books = node(active=link(10), assets=link(10))
    books.pass_time(1_000 + DAY)
    books.active = books.assets = link(30)
    later = Totals.of(books, 1_000 + 2 * DAY)
    assert later.active_seconds == (link(10) + link(30)) * DAY
    assert books.active_seconds == link(10) * DAY, "looking changes nothing"


def test_income_on_stake_for_a_year_is_the_rate_and_penalties_come_off() -> None:
    books = node(active=link(100), assets=link(100), earned=link(10), penalties=link(2))
    rates = yearly(Totals.of(books, 1_000 + YEAR), YEAR)
    assert rates.income == pytest.approx(0.09)  # 10 % of it is the maker fee
    assert rates.penalty == pytest.approx(0.02)
    assert rates.apr == pytest.approx(0.07)


def test_unbonding_stake_bears_penalties_and_earns_nothing() -> None:
    books = node(active=link(50), unbonding=link(50), assets=link(100), earned=link(10), penalties=link(2))
    rates = yearly(Totals.of(books, 1_000 + YEAR), YEAR)
    assert (rates.income, rates.penalty) == (pytest.approx(0.18), pytest.approx(0.02))


@pytest.mark.parametrize(("seconds", "active"), [(ENOUGH - 1, link(1)), (YEAR, 0)])
def test_less_than_a_day_or_no_stake_is_not_enough(seconds: int, active: int) -> None:
    books = node(active=active, assets=active, earned=5)
    rates = yearly(Totals.of(books, 1_000 + seconds), seconds)
    assert (rates.income, rates.penalty, rates.apr) == (None, None, None)


def test_income_belongs_to_stakers_before_and_after_it_is_divided() -> None:
    before = node(active=link(1), assets=link(1), earned=1_005)
    after = node(active=link(1), assets=link(1), earned=1_005, divided=1_005, net=905, fees=100)
    for books in (before, after):
        totals = Totals.of(books, 1_000)
        assert (totals.net, totals.fees, totals.earned) == (905, 100, 1_005)


def test_income_with_nobody_there_is_the_operators() -> None:
    assert Totals.of(node(earned=1_000), 1_000).fees == 1_000


@given(st.lists(st.integers(0, 10**30), min_size=1, max_size=5))
def test_together_is_the_sum_of_each(stakes: list[int]) -> None:
    books = [node(active=stake, assets=stake) for stake in stakes]
    total = together(books, 2_000)
    assert total.active == sum(stakes)
    assert total - Totals.of(books[0], 2_000) == together(books[1:], 2_000)


@given(st.lists(st.tuples(*[st.integers(0, 10**24)] * 4)), st.integers(0, YEAR), st.integers(0, YEAR))
def test_with_time_alone_only_stake_times_time_grows(
    states: list[tuple[int, int, int, int]], first: int, more: int
) -> None:
    names = ("active", "unbonding", "assets", "earned")
    books = [node(**dict(zip(names, state, strict=True))) for state in states]
    now = 1_000 + first
    assert together(books, now).later(more) == together(books, now + more)


def test_a_position_is_owed_what_grew_since_it_was_counted() -> None:
    books = node(active=10, assets=10, accumulator=7 * SCALE)
    held = Position(shares=3, counted_at=5 * SCALE, owed=1)
    assert held.claimable(books, 1_000) == 7
    held.count(books.accumulator)
    assert (held.owed, held.claimable(books, 1_000)) == (7, 7)


@given(st.integers(0, 2**33), st.integers(0, 2**20 - 1), st.integers(0, 2**33), st.integers(0, 2**20 - 1))
def test_positions_are_ordered_as_the_chain_is(a: int, i: int, b: int, j: int) -> None:
    assert (position(a, i) < position(b, j)) == ((a, i) < (b, j))
