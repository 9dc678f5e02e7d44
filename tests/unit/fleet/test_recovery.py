"""The brakes on replacing."""

from hypothesis import given
from hypothesis import strategies as st

from linkpool.fleet.running.recovery import FLEET_SHARE, ONE_NODE, SILENCE, SUSPECT_SHARE, Suspect, choose


def fleet(nodes: int, **silent: float) -> list[Suspect]:
    """Two replicas per node; `n3a=20.0` silences one for that long."""
    return [
        Suspect(f"n{number}{letter}", f"n{number}", number, silent.get(f"n{number}{letter}", 0.1))
        for number in range(nodes)
        for letter in "ab"
    ]


def test_a_silent_one_is_replaced_after_fifteen_seconds() -> None:
    assert choose(fleet(1, n0a=14.9), set(), set(), 0) == []
    assert choose(fleet(1, n0a=15.0), set(), set(), 0) == ["n0a"]


def test_never_two_of_a_node_and_none_of_a_node_in_trouble() -> None:
    both = fleet(1, n0a=20.0, n0b=30.0)
    assert choose(both, set(), set(), 0) == ["n0b"]
    assert choose(both, {"n0"}, set(), 0) == []


def test_at_most_a_twentieth_of_the_fleet_a_minute() -> None:
    silent = {f"n{number}a": 20.0 + number for number in range(8)}
    chosen = choose(fleet(50, **silent), set(), set(), 0)
    assert chosen == ["n7a", "n6a", "n5a", "n4a", "n3a"]
    assert choose(fleet(50, **silent), set(), set(), 4) == ["n7a"]
    assert choose(fleet(50, **silent), set(), set(), 5) == []


def test_mass_silence_replaces_nothing() -> None:
    silent = {f"n{number}a": 20.0 for number in range(3)}
    assert choose(fleet(5, **silent), set(), set(), 0) == []
    assert choose(fleet(20, **silent), set(), set(), 0) != []


def test_one_of_a_node_at_a_time_in_whatever_colour() -> None:
    mid_rollout = [
        Suspect(f"n0-{colour}-{letter}", f"n0-{colour}", 0, silent)
        for colour, silents in (("blue", (20.0, 0.1)), ("green", (30.0, 0.1)))
        for letter, silent in zip("ab", silents, strict=True)
    ]
    assert choose(mid_rollout, set(), set(), 0) == ["n0-green-a"]
    assert choose(mid_rollout, set(), {0}, 0) == [], "one is on its way out already"
    assert choose(mid_rollout, {"n0-green"}, set(), 0) == ["n0-blue-a"], "blue need not wait"


silences = st.lists(st.tuples(st.integers(0, 9), st.sampled_from("bg"), st.floats(0, 60)), max_size=40)


@given(silences, st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9)), st.integers(0, 5))
def test_no_brake_ever_gives_way(
    raw: list[tuple[int, str, float]], troubled: set[int], busy: set[int], lately: int
) -> None:
    suspects = [
        Suspect(f"t{index}", f"n{node}{colour}", node, silent)
        for index, (node, colour, silent) in enumerate(raw)
    ]
    groups = {f"n{number}b" for number in troubled}
    chosen = choose(suspects, groups, busy, lately)
    by_task = {suspect.task: suspect for suspect in suspects}
    picked = [by_task[task].node for task in chosen]
    assert len(set(picked)) == len(picked)
    assert busy.isdisjoint(picked)
    assert groups.isdisjoint(by_task[task].group for task in chosen)
    assert all(by_task[task].silent >= SILENCE for task in chosen)
    assert not chosen or len(chosen) + lately <= max(1, FLEET_SHARE * len(suspects))
    silent = sum(suspect.silent >= SILENCE for suspect in suspects)
    assert not chosen or silent <= max(ONE_NODE, SUSPECT_SHARE * len(suspects))
