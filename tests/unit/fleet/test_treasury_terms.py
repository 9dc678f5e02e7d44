"""Marks, limits and when to hold offers closed, as pure rules."""

from hypothesis import given
from hypothesis import strategies as st

from linkpool.fleet.treasury.hold import Purse, hold
from linkpool.fleet.treasury.terms import Day, Limits, Marks, Terms
from linkpool.units import Wei

wei = st.integers(0, 10**21)


def test_the_low_mark_pays_three_answers_at_the_cap() -> None:
    marks = Marks.of(Wei(200 * 10**9))
    assert marks.low == 3 * 500_000 * 200 * 10**9
    assert marks.high > marks.low
    assert Marks.of(Wei(1), 5, 7) == Marks(Wei(5), Wei(7))


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(1, 10**19)), max_size=60), wei, wei, wei)
def test_no_order_of_payments_gets_past_any_limit(
    wishes: list[tuple[int, int]], sender: int, node: int, pool: int
) -> None:
    day = Day(Limits(Wei(sender), Wei(node), Wei(pool)), {})
    for number, amount in wishes:
        siblings = [f"s{each}" for each in range(number // 6 * 6, number // 6 * 6 + 6)]
        day.count(f"s{number}", min(amount, day.room(f"s{number}", siblings).wei))
    assert all(day.of(f"s{number}") <= sender for number in range(12))
    assert all(sum(day.of(f"s{first + each}") for each in range(6)) <= node for first in (0, 6))
    assert day.pool == sum(day.of(f"s{number}") for number in range(12)) <= pool


@given(wei, wei, st.integers(1, 10**20), st.booleans())
def test_offers_are_held_whenever_the_floor_is_not_there_and_open_only_well_above_it(
    treasury: int, room: int, floor: int, held: bool
) -> None:
    purse = Purse(treasury, room, floor, nodes=3, starved={})
    reason = hold(purse, held)
    if min(treasury, room) < floor:
        assert reason is not None
    if min(treasury, room) >= 2 * floor:
        assert reason is None
    if reason is None and held:
        assert min(treasury, room) >= 2 * floor


def test_one_starved_node_is_no_reason_to_close_a_pool_and_all_of_them_are() -> None:
    assert hold(Purse(100, 100, 10, nodes=2, starved={1: "frozen"}), held=False) is None
    assert "frozen" in (hold(Purse(100, 100, 10, nodes=1, starved={1: "frozen"}), held=False) or "")


def test_the_floor_grows_with_the_fleet() -> None:
    marks = Marks(Wei(1), Wei(10))
    terms = Terms(marks, Limits.of(marks), Wei(0))
    assert [terms.floor(held) for held in (0, 2, 40, 41, 220)] == [20, 20, 20, 30, 110]
