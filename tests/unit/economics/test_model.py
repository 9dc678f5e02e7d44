"""The simulator against closed forms: what it draws must be what the distributions say."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkpool.economics import expected
from linkpool.economics.assumptions import Assumptions, BadAssumptions
from linkpool.economics.outages import ANSWERABLE, CATCH_UP, DAY, Failures, both, drawn, either
from linkpool.economics.paths import day_part, poisson, wandering
from linkpool.economics.simulate import simulate

NEVER = 1e9
"""Days: longer than any history here."""
SAFE = {
    "node_mtbf_days": NEVER,
    "machine_mtbf_days": NEVER,
    "zone_mtbf_days": NEVER,
    "rpc_mtbf_days": NEVER,
    "replica_mtbf_days": NEVER,
}
lines = st.lists(st.integers(0, 200), unique=True, max_size=20).map(
    lambda edges: list(zip(sorted(edges)[::2], sorted(edges)[1::2], strict=False))
)


def rolls(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - a model, not a secret


def seconds(line: list[tuple[float, float]]) -> float:
    return sum(end - begin for begin, end in line)


@given(lines, lines)
def test_outages_laid_over_each_other_are_those_of_sets_of_seconds(
    one: list[tuple[float, float]], other: list[tuple[float, float]]
) -> None:
    def covered(line: list[tuple[float, float]]) -> set[int]:
        return {second for begin, end in line for second in range(int(begin), int(end))}

    for found, wanted in (
        (either((one, other)), covered(one) | covered(other)),
        (both(one, other), covered(one) & covered(other)),
    ):
        assert covered(found) == wanted
        assert all(begin < end for begin, end in found)
        assert all(before[1] <= after[0] for before, after in pairwise(found))


def test_two_replicas_are_down_together_as_often_and_as_long_as_they_should_be() -> None:
    dice, horizon = rolls(1), 4_000_000.0
    one, other = (drawn(dice, 900.0, 100.0, horizon) for _ in range(2))
    together = both(one, other)
    assert seconds(one) / horizon == pytest.approx(expected.down(900, 100), rel=0.05)
    assert seconds(together) / horizon == pytest.approx(expected.pair_down(900, 100), rel=0.08)
    frequency, length = expected.pair_outages(900, 100)
    assert len(together) / horizon == pytest.approx(frequency, rel=0.08)
    assert seconds(together) / len(together) == pytest.approx(length, rel=0.08)


def test_what_the_endpoints_make_miss_is_what_the_closed_form_says() -> None:
    changes = SAFE | {"rpc_mtbf_days": 1.0, "rpc_repair_seconds": 300.0, "daily_swing": 0.0}
    given = Assumptions(nodes=20, days=2_000, requests_per_node_day=5_000, **changes)
    found = simulate(given, 7).total
    assert found.missed / (20 * 2_000) == pytest.approx(expected.missed_a_day(given), rel=0.1)


def test_both_replicas_by_themselves_miss_what_the_closed_form_says() -> None:
    changes = SAFE | {"replica_mtbf_days": 0.02, "replica_repair_seconds": 600.0, "daily_swing": 0.0}
    given = Assumptions(nodes=50, days=40, requests_per_node_day=2_000, **changes)
    found = simulate(given, 3).total
    assert found.missed / (50 * 40) == pytest.approx(expected.missed_a_day(given), rel=0.1)


def test_a_machine_takes_one_replica_of_a_node_and_a_lone_one_takes_both() -> None:
    changes = SAFE | {"machine_mtbf_days": 10.0, "machine_repair_seconds": 3_600.0}
    apart = Assumptions(nodes=100, days=1_000, zones=2, **changes)
    alone = Assumptions(nodes=10, days=1_000, zones=1, **changes)
    assert alone.machines == 1
    horizon = 1_000 * DAY
    share = expected.down(10 * DAY, 3_600)
    of_one = Failures(alone, rolls(5), horizon).node(0)
    of_two = Failures(apart, rolls(5), horizon).node(0)
    assert seconds(of_one) / horizon == pytest.approx(share, rel=0.3)
    assert seconds(of_two) < seconds(of_one) / 20


@given(st.integers(1, 60), st.integers(1, 4))
def test_the_replicas_of_a_node_are_in_two_zones_where_there_are_two(nodes: int, zones: int) -> None:
    machines = Assumptions(nodes=nodes, zones=zones, replicas_per_machine=7).machines
    assert machines * 7 >= 2 * nodes
    for number in range(nodes):
        first, second = number % machines, (number + 1) % machines
        assert zones == 1 or first % zones != second % zones


@pytest.mark.parametrize("mean", [0.3, 12.0, 29.0, 400.0])
def test_counts_have_the_mean_and_variance_of_poissons(mean: float) -> None:
    dice = rolls(2)
    counts = [poisson(dice, mean) for _ in range(20_000)]
    average = sum(counts) / len(counts)
    spread = sum((count - average) ** 2 for count in counts) / len(counts)
    assert average == pytest.approx(mean, rel=0.03)
    assert spread == pytest.approx(mean, rel=0.06)


@pytest.mark.parametrize("reversion", [0.0, 0.3])
def test_prices_wander_around_where_they_began(reversion: float) -> None:
    dice = rolls(4)
    ends = [wandering(dice, 10.0, 0.1, 60, reversion=reversion)[-1] for _ in range(4_000)]
    assert sum(ends) / len(ends) == pytest.approx(10.0, rel=0.05)


@given(st.floats(0, 5), st.floats(0, 5), st.floats(0, 1))
def test_a_days_load_is_never_negative_and_a_whole_day_is_a_day(
    begin: float, length: float, swing: float
) -> None:
    assert day_part(begin, begin + length, swing) >= -1e-9
    assert day_part(begin, begin + 1, swing) == pytest.approx(1.0)


def test_penalties_never_take_more_than_the_contract_lets_them() -> None:
    changes = SAFE | {"rpc_mtbf_days": 0.5, "rpc_repair_seconds": 40_000.0}
    given = Assumptions(nodes=1, days=30, stake_per_node=1_000, penalty=5.0, **changes)
    for month in simulate(given, 11).months:
        assert month.penalties <= 30 * 2 * 0.01 * 1_000
    assert simulate(given, 11).total.penalties > 0


def test_gas_above_an_answers_worth_is_not_paid() -> None:
    given = Assumptions(nodes=1, days=10, gas_gwei=1e6, gas_volatility=0.0, **SAFE)
    found = simulate(given, 1).total
    assert (found.answered, found.unpaid) == (0, found.requests)


def test_the_same_seed_is_the_same_history() -> None:
    given = Assumptions(nodes=30, days=60)
    assert simulate(given, 9) == simulate(given, 9)
    assert simulate(given, 9) != simulate(given, 10)


def test_what_cannot_be_assumed_is_named() -> None:
    with pytest.raises(BadAssumptions, match="fee_bps"):
        Assumptions.read(None, {"fee_bps": 20_000})
    with pytest.raises(BadAssumptions, match="speed"):
        Assumptions.read(None, {"speed": 1})


def test_a_pause_too_short_to_catch_up_is_none() -> None:
    """The history of `bench economics` of 10 minutes: 176 s and 323 s of outage, 6 s apart."""
    missed, _ = expected.of_outages([(94.0, 270.0), (276.0, 600.0)], 4.0)
    assert missed == 4.0 * (600.0 - 94.0 - ANSWERABLE)
    apart, _ = expected.of_outages([(94.0, 270.0), (270.0 + CATCH_UP, 600.0)], 4.0)
    assert apart == 4.0 * (600.0 - 270.0 - CATCH_UP - ANSWERABLE)
