"""Costs by the price table, accounts from days, and where they break even."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkpool.economics.accounts import Books, Prices, Sums, Usage, break_even, month
from linkpool.economics.costs import moving, node_month, replica_hour, standing_day
from linkpool.units import WHOLE
from linkpool.wire.money import EnginePrices, PriceTable, RpcPrices

TABLE = PriceTable(
    currency="EUR",
    engines={
        "swarm": EnginePrices(replica_hour="0.01", machine_month="60", machines=2, gb="0.1"),
        "ecs-fargate": EnginePrices(replica_hour="0.02", gb="0.09", gb_per_replica_month=80),
    },
    rpc=RpcPrices(million_calls="2", calls_per_replica_hour=500, calls_per_request=5),
    fixed={"database": "45", "relay": "15"},
)
NOW = Prices(link=Decimal(5 * 10**15), coin=Decimal(2_000))  # 0.005 coin a LINK, 10 EUR


def test_what_a_replica_hour_is_made_of() -> None:
    assert replica_hour(TABLE, "swarm") == Decimal("0.011")
    assert replica_hour(TABLE, "ecs-fargate") == Decimal("0.021") + Decimal("0.01")
    assert replica_hour(TABLE, "unknown") == Decimal("0.001")
    assert node_month(TABLE, "swarm") == 2 * 720 * Decimal("0.011")
    assert standing_day(TABLE) == (2 * 60 + 60) / Decimal(30)
    assert moving(TABLE, {"swarm": 100.0}, 1_000_000) == Decimal("1.1") + 10


def usage(day: int, node: str | None, **values: object) -> Usage:
    return Usage(day=day, node=node, **values)  # type: ignore[arg-type]  # any fields of it


def test_days_add_up_and_each_counts_at_its_own_prices() -> None:
    days = [
        usage(1, "0xa", fee=WHOLE, gas=WHOLE // 1000, hours={"swarm": 48.0}, answered=10, requests=10),
        usage(2, "0xa", fee=WHOLE, hours={"swarm": 48.0}),
        usage(2, "0xb", hours={"swarm": 24.0}),
        usage(2, None, gas=WHOLE // 1000),
    ]
    books = Books(days, TABLE, {1: Prices(NOW.link, Decimal(1_000))}, NOW)
    all_ = books.sums()
    assert books.length == 2
    assert all_.fee == 5 + 10
    assert all_.gas == 1 + 2
    assert all_.fleet == 2 * 6 + 120 * Decimal("0.011") + 10 * Decimal("0.00001")
    assert all_.result == all_.fee - all_.gas - all_.fleet
    assert [books.sums(day=day).fee for day in (1, 2)] == [5, 10]
    assert sum((books.sums(node=node).fleet or Decimal(0) for node in ("0xa", "0xb")), Decimal(0)) == (
        pytest.approx(all_.fleet)
    )


def test_without_prices_money_is_not_known_and_amounts_are() -> None:
    books = Books([usage(1, "0xa", fee=7, gas=9)], None, {}, Prices())
    sums = books.sums()
    assert (sums.fee_juels, sums.gas_wei) == (7, 9)
    assert (sums.fee, sums.gas, sums.fleet, sums.result) == (None, None, None, None)
    assert break_even(sums, 10, 30.0).stake is None


def test_less_than_a_day_is_not_enough_data() -> None:
    assert month(Decimal(1), 0.9) is None
    assert month(Decimal(1), 3.0) == 10


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(0, 10**6), st.integers(1, 10_000))
def test_at_the_break_even_point_the_fee_covers_everything(
    fee: int, fleet: int, gas: int, answered: int
) -> None:
    earned = 10 * fee
    sums = Sums(
        answered=answered, fee=Decimal(fee), earned=Decimal(earned), gas=Decimal(gas), fleet=Decimal(fleet)
    )
    at = break_even(sums, 10**24, 10.0)
    if fee > gas:
        assert at.requests is not None
        assert at.stake is not None
        times = at.requests * 10.0 / answered
        assert times * (fee - gas) == pytest.approx(fleet)
        assert at.stake / 10**24 == pytest.approx(times, rel=1e-6)
    else:
        assert at.requests is None
    if at.fee_bps is None:
        assert gas + fleet > earned
    else:
        assert earned * at.fee_bps >= 10_000 * (gas + fleet) > earned * (at.fee_bps - 1)


USAGES = st.lists(
    st.builds(
        usage,
        st.integers(1, 3),
        st.sampled_from(["0xa", "0xb", None]),
        fee=st.integers(0, 10**20),
        gas=st.integers(0, 10**18),
        hours=st.dictionaries(st.sampled_from(["swarm", "ecs-fargate"]), st.integers(0, 48).map(float)),
        requests=st.integers(0, 50),
    )
)


@given(USAGES)
def test_nodes_and_days_are_sums_of_exactly_their_own_entries(entries: list[Usage]) -> None:
    books = Books(entries, TABLE, {}, NOW)
    for day in (None, 1, 2, 3):
        for node in (None, "0xa", "0xb", "0xc"):
            sums = books.sums(day=day, node=node)
            chosen = [one for one in entries if day in (None, one.day) and node in (None, one.node)]
            assert sums.fee_juels == sum(one.fee for one in chosen)
            assert sums.gas_wei == sum(one.gas for one in chosen)
            assert sums.requests == sum(one.requests for one in chosen)
            assert sums.hours == sum(sum(one.hours.values()) for one in chosen)


@given(USAGES)
def test_who_ran_anything_bears_the_standing_costs_of_every_day_in_parts(entries: list[Usage]) -> None:
    owned = [one for one in entries if one.node is not None]
    books = Books(owned, TABLE, {}, NOW)
    ran = {one.day for one in owned if sum(one.hours.values())}
    idle = (len(books.days) - len(ran)) * standing_day(TABLE)
    parts = sum((books.sums(node=node).fleet or Decimal(0) for node in ("0xa", "0xb")), Decimal(0))
    assert float(parts + idle) == pytest.approx(float(books.sums().fleet or 0))
