"""Duty: every replica alone arrives at the same order, and nobody waits for ever."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkpool.replica import duty
from linkpool.replica.duty import Pace
from linkpool.wire.agent import Member

pytestmark = pytest.mark.unit

identities = st.binary(min_size=32, max_size=32)
members = st.lists(
    st.builds(
        Member,
        task=st.text("abcdef", min_size=1),
        sender=st.just("0x"),
        primary=st.booleans(),
        funded=st.booleans(),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda member: member.task,
)


def member(task: str, *, primary: bool = True) -> Member:
    return Member(task=task, sender=f"0x{task}", primary=primary)


@given(identities, members, st.randoms())
def test_all_replicas_agree_whatever_order_the_roster_came_in(identity, roster, random):
    shuffled = random.sample(roster, len(roster))
    assert duty.order(identity, shuffled) == duty.order(identity, roster)


@given(identities, members)
def test_exactly_one_replica_answers_first_and_each_rank_is_taken_once(identity, roster):
    ranks = [len(duty.ahead(identity, roster, me)) for me in roster]
    assert sorted(ranks) == list(range(len(roster)))


@given(identities, members)
def test_the_other_colour_answers_only_after_all_of_the_primary(identity, roster):
    colours = [m.primary for m in duty.order(identity, roster) if m.funded]
    assert colours == sorted(colours, reverse=True)


@given(identities, members)
def test_who_cannot_pay_answers_after_all_who_can_whatever_its_colour(identity, roster):
    money = [m.funded for m in duty.order(identity, roster)]
    assert money == sorted(money, reverse=True)


@given(identities, members)
def test_a_replica_the_roster_forgot_still_counts_itself(identity, roster):
    me = member("zz")
    assert len(duty.ahead(identity, roster, me)) <= len(roster)


@given(identities, members)
def test_when_one_leaves_only_those_behind_it_move_up(identity, roster):
    line = duty.order(identity, roster)
    for gone in line:
        rest = duty.order(identity, [m for m in roster if m != gone])
        assert rest == [m for m in line if m != gone]


def test_work_is_spread_evenly_between_two_replicas():
    a, b = member("a"), member("b")
    firsts = Counter(duty.order(i.to_bytes(32), [a, b])[0].task for i in range(2_000))
    assert 850 < firsts["a"] < 1150


@given(st.floats(0, 300), st.integers(0, 3), st.floats(0.1, 15), st.floats(0, 400))
def test_nobody_waits_beyond_the_last_resort(ready, rank, block, p95):
    expiration = 1_000_300.0
    assert duty.due(1_000_000 + ready, expiration, rank, Pace(block, p95)) <= 1_000_000 + 0.6 * 300


@given(st.integers(0, 3), st.floats(0.1, 15), st.floats(0, 20))
def test_rejections_are_sent_in_the_first_half_of_the_window(rank, block, p95):
    expiration = 1_000_300.0
    moment = duty.reject_at(expiration, rank, Pace(block, p95))
    assert moment < expiration - 150
    assert rank > 0 or moment <= expiration - 180


@pytest.mark.parametrize(
    ("block", "p95", "step"), [(1, 0, 3), (2, 0, 4), (12, 0, 24), (1, 10, 11), (12, 30, 42)]
)
def test_the_next_in_line_waits_two_blocks_or_three_seconds_or_the_jobs_own_time(block, p95, step):
    assert Pace(block, p95).step == step
