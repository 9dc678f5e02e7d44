"""Who counts as alive, and when that is news."""

from hypothesis import given
from hypothesis import strategies as st

from linkpool.fleet.agents.roster import SILENT_AFTER, Rosters, Said, Seat, members
from linkpool.store.tables import Colour

NOW = 100.0
seats = st.lists(
    st.builds(
        Seat,
        task=st.sampled_from("abcdef"),
        sender=st.just("0x"),
        colour=st.sampled_from(Colour),
        serving=st.booleans(),
        heard_at=st.floats(NOW - 5, NOW),
    ),
    unique_by=lambda seat: seat.task,
)


@given(seats)
def test_members_are_exactly_those_who_serve_and_were_heard(seats: list[Seat]) -> None:
    alive = members(seats, Colour.BLUE, NOW)
    wanted = {seat.task for seat in seats if seat.serving and NOW - seat.heard_at < SILENT_AFTER}
    assert [member.task for member in alive] == sorted(wanted)
    colours = {seat.task: seat.colour for seat in seats}
    assert all(member.primary == (colours[member.task] is Colour.BLUE) for member in alive)


avoided = st.sampled_from([(), ("r1",), ("r1", "r2")])


@given(st.lists(st.tuples(st.integers(0, 2), seats, avoided), max_size=12))
def test_only_news_is_said_never_nothing_and_versions_grow(
    said: list[tuple[int, list[Seat], tuple[str, ...]]],
) -> None:
    rosters = Rosters()
    last: dict[int, Said] = {}
    for node, now, avoid in said:
        version = rosters.version
        wanted = Said(members(now, Colour.BLUE, NOW), avoid)
        change = rosters.change(node, wanted)
        assert (change is None) == (not wanted.members or wanted == last.get(node, Said()))
        assert rosters.version == version + (change is not None)
        if change is not None:
            last[node] = wanted
            joined, left = change
            assert joined.isdisjoint(left)
        assert rosters.said(node) == last.get(node, Said())
