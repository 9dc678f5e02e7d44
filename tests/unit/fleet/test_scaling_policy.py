"""The policy's laws: limits are never passed, noise moves nothing, a flash deposit changes nothing."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkpool.fleet.guard.rule import Reading, blocked, judge
from linkpool.fleet.scaling.demand import DAY, HOUR, Demand, Sample, demand, period
from linkpool.fleet.scaling.policy import LOAD_LEFT, Bound, Candidate, Costs, Decision, Fleet, decide
from linkpool.units import WHOLE, link
from linkpool.wire.guard import GuardSettings, NumberSource
from linkpool.wire.scaling import ScalingPolicy

Case = tuple[ScalingPolicy, Demand, Fleet]
NOW = 1_700_000_000.0
EACH = link(100_000)


def policy(**changes: object) -> ScalingPolicy:
    values = {
        "ceiling": 20,
        "stake_room": str(link(50_000)),
        "budget_per_day": str(10 * WHOLE),
        "per_hour": 5,
        "per_day": 10,
        "load": 10.0,
    }
    return ScalingPolicy.model_validate(values | changes)


def fleet(nodes: int, **changes: object) -> Fleet:
    all_empty = tuple(Candidate(number, f"node-{number}", EACH, 0) for number in range(nodes))
    made = Fleet(nodes, 0, nodes * EACH, EACH, WHOLE, candidates=all_empty)
    return replace(made, **changes)  # type: ignore[arg-type]  # the fields of Fleet, by name


def seen(stake: int = 0, waiting: int = 0, pace: int = 0, load: float = 0.0) -> Demand:
    return Demand(NOW - HOUR, 60, True, stake, waiting, pace, load)


juels = st.integers(0, link(3_000_000))
LIMITS = ("ceiling", "per_hour", "per_day", "budget_per_day", "budget_per_month", "guard")


def pressed(
    left: Mapping[str, int], *, nodes: int = 3, hour: int = 1, earlier: int = 2, rest: int = 0
) -> Case:
    """A pool that needs far more nodes, of which each limit allows so many; those not named allow plenty.

    hour, earlier: nodes made in the last hour, and before it in the last day; rest: coins and money that are
    left beyond whole nodes.
    """
    more = dict.fromkeys(LIMITS, 40) | left
    month = Costs(Decimal(70), Decimal(30), "USD")
    rules = policy(
        ceiling=max(0, nodes + more["ceiling"]),
        per_hour=max(1, hour + more["per_hour"]),
        per_day=max(1, hour + earlier + more["per_day"]),
        budget_per_day=str(max(0, (5 + 2 * more["budget_per_day"]) * WHOLE + rest * WHOLE // 15)),
        budget_per_month=str(max(0, 70 + 30 * (nodes + more["budget_per_month"]) + rest)),
    )
    there = fleet(
        nodes,
        cost=2 * WHOLE,
        made=[*[NOW - HOUR + 1] * hour, *[NOW - HOUR] * earlier],
        spent=5 * WHOLE,
        costs=month,
        bounds=(Bound("guard", more["guard"], "the guard says so"),),
    )
    return rules, seen(stake=link(3_000_000)), there


cases = st.builds(
    pressed,
    st.dictionaries(st.sampled_from(LIMITS), st.integers(-1, 5), max_size=3),
    nodes=st.integers(0, 9),
    hour=st.integers(0, 3),
    earlier=st.integers(0, 3),
    rest=st.integers(0, 29),
)


@given(cases)
def test_growing_never_passes_a_limit_and_goes_up_to_it(case: Case) -> None:
    rules, wanted, there = case
    decision = decide(rules, wanted, there, NOW)
    assert decision.reasons

    def fits(count: int) -> bool:
        assert there.costs
        month = there.costs.standing + (there.nodes + count) * there.costs.node
        return (
            there.nodes + count <= rules.ceiling
            and count <= there.bounds[0].allows
            and there.spent + count * there.cost <= int(rules.budget_per_day)
            and month <= Decimal(rules.budget_per_month or 0)
            and sum(NOW - at < HOUR for at in there.made) + count <= rules.per_hour
            and sum(NOW - at < DAY for at in there.made) + count <= rules.per_day
        )

    needed = 31 - there.nodes  # for 3,050,000 LINK
    assert decision.count == max((count for count in range(1, needed + 1) if fits(count)), default=0)
    assert decision.action == ("up" if decision.count else "hold")


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("allows", [0, 2])
def test_every_limit_binds_by_itself_and_is_named(name: str, allows: int) -> None:
    decision = decide(*pressed({name: allows}), NOW)
    assert decision.count == allows
    assert [one.name for one in decision.limits if one.allows == allows] == [name]
    assert any(reason.startswith(f"{name} allows {allows}") for reason in decision.reasons)


def test_what_has_no_price_fits_no_monthly_budget() -> None:
    rules, wanted, there = pressed({})
    decision = decide(rules, wanted, replace(there, costs=None), NOW)
    assert decision.because == "limit:budget_per_month"
    assert "price table" in "".join(decision.reasons)
    free = rules.model_copy(update={"budget_per_month": None})
    assert (
        decide(free, wanted, replace(there, costs=None), NOW).count == decide(rules, wanted, there, NOW).count
    )


def test_one_thing_at_a_time_and_a_rest_after_it() -> None:
    rules, wanted, there = pressed({})
    assert decide(rules, wanted, replace(there, carrying="decision 7"), NOW).because == "busy"
    at = NOW - rules.rest_up_seconds
    assert decide(rules, wanted, replace(there, changed_at=at + 1), NOW).because == "rest"
    assert decide(rules, wanted, replace(there, changed_at=at), NOW).action == "up"


@st.composite
def idle(draw: st.DrawFn) -> Case:
    """A pool that could do without one node, or nearly."""
    nodes = draw(st.integers(1, 9))
    room, slack, waiting = (draw(st.integers(0, link(100_000))) for _ in range(3))
    beyond = draw(st.integers(-link(1), link(1)) | st.integers(-link(60_000), link(60_000)))
    rules = policy(
        floor=draw(st.integers(0, 3)),
        ceiling=10,
        stake_room=str(room),
        slack=str(slack),
        load=draw(st.none() | st.just(10.0)),
    )
    stake = max(0, (nodes - 1) * EACH - room - slack - waiting - beyond)
    wanted = seen(stake=stake, waiting=waiting, load=draw(st.floats(0, 10.0 * nodes)))
    busy = draw(st.sampled_from(({}, {}, {}, {}, {"coming": 1}, {"carrying": "decision 7"})))
    return rules, wanted, fleet(nodes, **busy)


@given(idle())
def test_one_node_goes_when_all_fits_without_it_with_slack_to_spare_and_only_then(case: Case) -> None:
    rules, wanted, there = case
    decision = decide(rules, wanted, there, NOW)
    needed = wanted.stake + wanted.waiting + int(rules.stake_room)
    may = (
        there.nodes > rules.floor
        and there.capacity - EACH >= needed + int(rules.slack)
        and not there.coming
        and there.carrying is None
        and (rules.load is None or wanted.load <= LOAD_LEFT * rules.load * (there.nodes - 1))
    )
    assert (decision.action == "down") == may
    assert not may or decision.count == 1


@given(st.lists(st.integers(0, link(90_000)), min_size=1, max_size=8), st.booleans())
def test_empty_nodes_go_first_and_only_they_unless_allowed(stakes: list[int], drain_staked: bool) -> None:
    nodes = tuple(Candidate(number, f"node-{number}", EACH, stake) for number, stake in enumerate(stakes))
    rules = policy(floor=0, stake_room="0", slack="0", drain_staked=drain_staked)
    decision = decide(rules, seen(), fleet(len(nodes), candidates=nodes), NOW)
    if decision.action == "down":
        assert next(one.stake for one in nodes if one.node == decision.node) == min(stakes)
        assert drain_staked or min(stakes) == 0
    else:
        assert not drain_staked
        assert min(stakes) > 0


def step(rules: ScalingPolicy, wanted: Demand, there: Fleet, now: float) -> tuple[Decision, Fleet]:
    """Decide, and do it at once."""
    decision = decide(rules, wanted, there, now)
    if decision.action == "hold":
        return decision, there
    change = decision.count if decision.action == "up" else -1
    made = [*there.made, *[now] * max(0, change)]
    spent = there.cost * sum(now - at < DAY for at in made)
    return decision, fleet(there.nodes + change, made=made, spent=spent, changed_at=now)


@given(
    st.lists(st.tuples(juels, st.integers(1, 60)), min_size=5, max_size=60),
    st.integers(0, 6),
    st.integers(6, 12),
)
def test_over_any_course_of_demand_and_network_pace_budgets_ceiling_and_guard_hold(
    course: list[tuple[int, int]], floor: int, ceiling: int
) -> None:
    rules = policy(floor=floor, ceiling=ceiling, per_hour=2, per_day=6, budget_per_day=str(4 * WHOLE))
    rules = rules.model_copy(update={"budget_per_month": "1000"})  # nine nodes
    marks = GuardSettings(source=NumberSource(kind="number", nodes=1), upper=0.3, lower=0.2)
    there, ups, latched = fleet(floor), list[float](), False
    for turn, (stake, network) in enumerate(course):
        now = NOW + turn * 601
        latched = blocked(marks, Reading(network, now, None, latched), there.nodes)
        verdict = judge(marks, Reading(network, now, None, latched), ours=there.nodes, now=now)
        guard = Bound("guard", verdict.allows or 0, verdict.why)
        there = replace(there, bounds=(guard,), costs=Costs(Decimal(100), Decimal(100), "USD"))
        decision, there = step(rules, seen(stake), there, now)
        if decision.action == "up":
            ups += [now] * decision.count
            assert there.nodes <= 0.3 * network
        assert floor <= there.nodes <= min(ceiling, 9)
        for span, most in ((HOUR, 2), (DAY, 4)):  # the daily budget allows four
            assert sum(now - at < span for at in ups) <= most


@given(
    st.integers(3, 15),
    st.lists(st.integers(-link(25_000), link(25_000)), min_size=20, max_size=80),
    st.floats(0, 1),
)
def test_noise_within_the_slack_never_makes_a_node_come_and_go(
    nodes: int, noise: list[int], calm: float
) -> None:
    rules = policy(floor=0, per_hour=100, per_day=100, budget_per_day=str(1_000 * WHOLE), rest_up_seconds=0)
    rules = rules.model_copy(update={"rest_down_seconds": 0, "slack": str(link(50_000))})
    there, directions = fleet(5), list[str]()
    stake = nodes * EACH - int(rules.stake_room)  # where one node more or less is the question
    for turn, change in enumerate(noise):
        load = 20 * (1 + 0.1 * calm * (turn % 2))
        decision, there = step(rules, seen(max(0, stake + change), load=load), there, NOW + turn * 60)
        if decision.action != "hold":
            directions.append(decision.action)
    assert sum(a != b for a, b in pairwise(directions)) <= 1
    assert directions == sorted(directions) or directions == sorted(directions, reverse=True)


# --- demand -----------------------------------------------------------------------------------------


def course(stakes: list[int], window: int, waiting: int = 0) -> list[Sample]:
    begin = NOW - (len(stakes) - 1) * period(window)
    return [
        Sample(begin + turn * period(window), 3, 0, 3 * EACH, stake, waiting, 10 * turn)
        for turn, stake in enumerate(stakes)
    ]


@given(
    st.integers(0, link(200_000)),
    st.data(),
    st.sampled_from((60, 600, 3_600)),
)
def test_a_flash_deposit_changes_nothing(stake: int, data: st.DataObject, window: int) -> None:
    """Whatever its size, sign and pattern, as long as it is there for less than half of the window."""
    calm = course([stake] * round(window / period(window)), window, waiting=link(7))
    touched = data.draw(st.sets(st.integers(0, len(calm) - 1), max_size=(len(calm) - 1) // 2))
    flash = [
        replace(sample, stake=data.draw(juels), waiting=data.draw(juels)) if turn in touched else sample
        for turn, sample in enumerate(calm)
    ]
    rules = policy(floor=0, window_seconds=window)
    there = fleet(3)
    before, after = (demand(samples, NOW, window) for samples in (calm, flash))
    assert before == after
    assert decide(rules, before, there, NOW) == decide(rules, after, there, NOW)


def test_growth_that_stays_is_seen_after_half_a_window() -> None:
    stays = course([0] * 30 + [link(250_000)] * 30, 3_600)
    later = [*stays, replace(stays[-1], at=NOW + 60)]
    assert demand(stays, NOW, 3_600).stake == 0
    assert demand(later, NOW + 60, 3_600).stake == link(250_000)


def test_pace_is_the_growth_of_medians_over_a_day() -> None:
    steady = [
        Sample(NOW - 60 * turn, 1, 0, EACH, link(3_000) - turn * link(1), 0, 0) for turn in range(2_000)
    ]
    pace = demand(sorted(steady, key=lambda one: one.at), NOW, 3_600).pace
    assert abs(pace - link(60)) < link(1)
    assert demand(course([link(5)] * 60, 3_600), NOW, 3_600).pace == 0  # too short a memory to tell


def test_load_is_the_median_rate_and_one_burst_is_none() -> None:
    calm = course([0] * 60, 3_600)
    burst = [
        replace(one, requests=one.requests + (10**6 if turn > 30 else 0)) for turn, one in enumerate(calm)
    ]
    assert demand(burst, NOW, 3_600).load == demand(calm, NOW, 3_600).load == pytest.approx(10 / 60)


@given(st.integers(1, 29))
def test_too_few_samples_move_nothing_but_the_floor(count: int) -> None:
    few = demand(course([link(900_000)] * count, 3_600), NOW, 3_600)
    assert not few.enough
    assert decide(policy(), few, fleet(3), NOW).action == "hold"
    assert decide(policy(floor=4), few, fleet(3), NOW).count == 1
