"""The dry run holds to the policy's limits, and says what really would have been decided."""

from hypothesis import given, settings
from hypothesis import strategies as st

from linkpool.fleet.scaling.demand import DAY, HOUR, Sample
from linkpool.fleet.scaling.replay import replay
from linkpool.fleet.scaling.view import Terms
from linkpool.units import WHOLE, link
from linkpool.wire.scaling import ScalingPolicy
from tests.support.examples import examples

BEGIN = 1_700_000_000.0
EACH = link(100_000)
RULES = ScalingPolicy(
    floor=1,
    ceiling=4,
    stake_room=str(link(20_000)),
    budget_per_day=str(2 * WHOLE),
    window_seconds=3_600,
    rest_down_seconds=3_600,
    per_hour=1,
    per_day=3,
)
TERMS = Terms(EACH, WHOLE)


def recorded(stakes: list[int], guard: int | None = None) -> list[Sample]:
    """A sample a minute; each stake lasts for an hour."""
    minutes = [stake for stake in stakes for _ in range(60)]
    return [Sample(BEGIN + 60 * turn, 1, 0, EACH, stake, 0, 0, guard) for turn, stake in enumerate(minutes)]


def test_it_grows_when_room_ran_out_and_shrinks_when_it_came_back() -> None:
    steps = replay(RULES, recorded([link(10_000)] * 3 + [link(95_000)] * 6 + [0] * 6), TERMS, BEGIN)
    changes = [(step.decision.action, step.nodes) for step in steps if step.decision.action != "hold"]
    assert changes == [("up", 2), ("down", 1)]
    up = next(step for step in steps if step.decision.action == "up")
    assert BEGIN + 3.5 * HOUR - 60 <= up.at <= BEGIN + 3.5 * HOUR + 300  # half a window after it filled


def test_a_guard_that_stood_then_holds_it_back() -> None:
    steps = replay(RULES, recorded([link(95_000)] * 6, guard=0), TERMS, BEGIN)
    assert all(step.decision.action == "hold" for step in steps)
    assert any("guard allows 0" in reason for step in steps for reason in step.decision.reasons)


def test_nothing_recorded_is_nothing_to_say() -> None:
    assert replay(RULES, [], TERMS, BEGIN) == []
    assert replay(RULES, recorded([0]), TERMS, BEGIN + DAY) == []


@settings(max_examples=examples(25))
@given(st.lists(st.integers(0, link(400_000)), min_size=1, max_size=20))
def test_no_course_takes_it_past_its_limits(stakes: list[int]) -> None:
    steps = replay(RULES, recorded(stakes), TERMS, BEGIN)
    ups = [step.at for step in steps for _ in range(step.decision.count) if step.decision.action == "up"]
    assert all(1 <= step.nodes <= 4 for step in steps)
    for span, most in ((HOUR, 1), (DAY, 2)):
        assert all(sum(0 <= other - at < span for other in ups) <= most for at in ups)
