"""No more starts in any second than there are places, and none waits longer than that takes."""

from hypothesis import given
from hypothesis import strategies as st

from linkpool.engines.pace import START_SECONDS, Pace


@given(st.integers(1, 8), st.lists(st.floats(0.0, 2.0), max_size=40))
def test_starts_are_never_denser_than_the_places(places: int, arrivals: list[float]) -> None:
    pace, waiting, begun = Pace(places), sorted(arrivals), list[float]()
    while waiting:
        now = waiting.pop(0)
        if pause := pace.turn(now):
            waiting = sorted([*waiting, now + pause])
        else:
            begun.append(now)
    assert len(begun) == len(arrivals)
    for first, last in zip(begun, begun[places:], strict=False):
        assert last - first >= START_SECONDS - 1e-9
    assert not begun or begun[-1] <= max(arrivals) + START_SECONDS * (len(arrivals) // places + 1)


def test_a_pair_starts_at_once() -> None:
    pace = Pace(2)
    assert [pace.turn(5.0), pace.turn(5.0)] == [0.0, 0.0]
    assert pace.turn(5.25) == 0.75
    assert pace.turn(6.0) == 0.0
