"""The simulator's quick part: some hundred histories in every run, and proof that it can see and repeat.

`make sim` plays 20,000. What a failure here prints can be played again: `python -m tests.sim --history FILE`.
"""

import pytest
from hypothesis import HealthCheck, example, given, settings

from linkpool.fleet.agents.poison import DEATHS, STRIKES
from tests.sim import laws, record, timeline
from tests.sim.campaign import check
from tests.sim.draw import histories
from tests.sim.events import (
    Ask,
    Blackout,
    Broke,
    Chair,
    Cut,
    Drought,
    Fault,
    History,
    Kill,
    Leave,
    Reorg,
    Say,
    Shun,
    Trouble,
    Word,
)
from tests.sim.sources import How, Job
from tests.sim.world import play
from tests.support.examples import examples

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _quiet() -> None:
    timeline.quiet()


@settings(max_examples=examples(180), suppress_health_check=list(HealthCheck))
@given(histories)
@example(History(events=(Ask(10, count=36),), gas_limit=6_000_000))  # a batch above the block's gas limit
@example(History(events=(Leave(5, 5), Leave(5, 5, seat=1), Say(6), Ask(20, count=3))))
def test_every_history_keeps_the_laws(history: History) -> None:
    check(history)


def told(history: History) -> list[record.Told]:
    """The requests of a history that keeps the laws."""
    world = play(history)
    assert laws.broken(world) == []
    return record.read(world.chain)


def test_a_request_is_answered_in_the_next_block() -> None:
    [one] = told(History(events=(Ask(10),), block_time=1))
    assert [block.number - one.block.number for block, _, _ in one.given] == [1]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("calls", range(1, 7))
def test_whichever_call_is_a_replicas_last_its_sibling_answers_within_seconds(
    calls: int, after: bool
) -> None:
    """The two are alike, so killing either seat covers the one that is first in line."""
    for seat in (0, 1):
        kill = Kill(10, seat=seat, calls=calls, after=after, back=400)
        [one] = told(History(events=(kill, Ask(11)), block_time=1))
        assert one.given[0][0].timestamp - one.block.timestamp <= 8


HALF = str(11 * 10**15)
"""Wei per LINK at which an answer is worth 10 gwei per gas: twice the base fee."""


def test_with_gas_at_half_its_worth_an_answer_is_sent_at_once() -> None:
    [one] = told(History(events=(Ask(10),), block_time=1, link_price=HALF))
    assert [block.number - one.block.number for block, _, _ in one.given] == [1]


def test_both_killed_the_next_copies_answer() -> None:
    events = (Kill(15, seat=0, back=60), Kill(15, seat=1, back=60), Ask(16, count=3, covered=True))
    assert all(one.in_time and not one.rejected for one in told(History(events=events)))


@pytest.mark.parametrize("covered", [False, True])
def test_all_killed_again_and_again_with_many_in_hand_rejects_nothing(covered: bool) -> None:
    """No source replies at first, and both wait for it: all that is in hand of both when they die."""
    dark = tuple(Blackout(at, back=1) for at in (24, 32, 40, 48))
    events = (Ask(10, count=30, covered=covered), Drought(11, 40, how=How.HANGS), *dark)
    world = play(History(events=events, source=1.0, block_time=2))
    assert laws.broken(world) == []
    assert len(world.plane.suspected) == 30
    assert not world.plane.convicted
    assert all(one.in_time and not one.rejected for one in record.read(world.chain))


@pytest.mark.parametrize("deadly", [1, 2])
def test_a_request_that_kills_is_found_and_rejected_and_all_others_are_answered(deadly: int) -> None:
    """Among twenty: each kills while it is unknown, is tried alone until convicted, and kills no more."""
    events = (
        Ask(10, count=10),
        Ask(10, count=deadly, job=Job.DEADLY, covered=True),
        Ask(10, count=10),
        Ask(20),
    )
    world = play(History(events=events, block_time=2))
    assert laws.broken(world) == []
    assert len(world.killed) == deadly
    for one in record.read(world.chain):
        assert bool(one.rejected) is (one.job is Job.DEADLY)
        assert one.in_time is (one.job is not Job.DEADLY)
        if one.rejected:
            assert one.rejected.timestamp - one.block.timestamp < 30


def test_a_fresh_copy_under_a_new_leader_does_not_begin_what_killed_others() -> None:
    """The replicas that live tell the leader; not covered, the request stays open until its window ends."""
    later = (Say(70, Word.ELECT), Kill(80), Kill(110, seat=1))
    world = play(History(events=(Ask(10, job=Job.DEADLY), *later, Ask(200)), block_time=2))
    assert laws.broken(world) == []
    (killed,) = world.killed.values()
    assert killed <= DEATHS + STRIKES + len(world.seats) - 1
    assert [one.in_time for one in record.read(world.chain)] == [False, True]


def test_what_no_source_answers_is_rejected_where_covered_and_only_there() -> None:
    drought = Drought(5, 300, how=How.ERRORS)
    covered, bare = told(History(events=(drought, Ask(10, covered=True), Ask(11))))
    assert covered.rejected is not None
    assert covered.rejected.timestamp < covered.event.expiration - 150
    assert bare.rejected is None


def test_what_a_source_refuses_for_good_is_rejected_at_once_and_by_one_replica() -> None:
    [one] = told(History(events=(Ask(10, covered=True, job=Job.REFUSED),)))
    assert one.rejected is not None
    assert one.rejected.number - one.block.number == 1


@pytest.mark.parametrize("depth", range(1, 11))
@pytest.mark.parametrize("lossy", [False, True])
def test_a_reorg_around_request_and_answer_loses_neither(depth: int, lossy: bool) -> None:
    events = (Ask(30, count=4), Reorg(39, depth=depth, lossy=lossy))
    assert all(one.in_time for one in told(History(events=events, block_time=2)))


@pytest.mark.parametrize("fault", list(Fault))
def test_a_fault_of_the_first_endpoint_of_both_misses_nothing(fault: Fault) -> None:
    events = (Trouble(5, 400, 0, 0, fault), Trouble(5, 400, 1, 0, fault), Ask(20, count=2), Ask(90))
    chairs = (Chair(pushes=(True, True)), Chair(pushes=(True, False)))
    assert all(one.in_time for one in told(History(chairs=chairs, events=events)))


@pytest.mark.parametrize(
    "mishap",
    [
        Cut(5, 400),
        Cut(5, 400, seat=1),
        Broke(5, 400),
        Say(12, Word.ECHO),
        Leave(5, 400),
        Leave(5, 30, seat=1),
    ],
)
def test_one_replica_cut_off_broke_or_drained_misses_nothing(mishap: Cut | Broke | Say | Leave) -> None:
    assert all(one.in_time for one in told(History(events=(mishap, Ask(20, count=3, covered=True)))))


IN_HAND = 12.5
"""A question of second 10 is in block 12, its source takes a second: now its first replica waits for it."""


def asked(history: History) -> int:
    """How often any source was asked, in a history that keeps the laws and misses nothing."""
    world = play(history)
    assert laws.broken(world) == []
    assert all(one.in_time for one in record.read(world.chain))
    return sum(seat.sources.asked for seat in world.seats)


@pytest.mark.parametrize("ends", [False, True])
@pytest.mark.parametrize("seat", [0, 1])
def test_what_a_draining_replica_has_in_hand_its_sibling_does_not_do_again(seat: int, ends: bool) -> None:
    events = (Ask(10, count=3), Leave(IN_HAND, 60, seat, ends))
    assert asked(History(events=events, source=1.0, block_time=4)) == 3


def test_what_the_former_primary_colour_has_in_hand_the_new_one_does_not_do_again() -> None:
    chairs = (Chair(), Chair(primary=False))
    events = (Ask(10, count=3), Say(IN_HAND, Word.SWITCH), Leave(IN_HAND + 0.2, 60))
    assert asked(History(chairs=chairs, events=events, source=1.0, block_time=4)) == 3


@pytest.mark.parametrize("noticed", [False, True])
@pytest.mark.parametrize("seat", [0, 1])
def test_what_a_replica_had_in_hand_that_dies_while_it_drains_its_sibling_answers(
    seat: int, noticed: bool
) -> None:
    events = (Ask(11.2, count=3), Leave(IN_HAND, 60, seat), Kill(IN_HAND + 0.3, seat, 400, noticed=noticed))
    for one in told(History(events=events, source=1.0, block_time=1)):
        assert one.given[0][0].timestamp - one.block.timestamp <= 6


@pytest.mark.parametrize("slot", [0, 1])
def test_who_cannot_pay_is_asked_last_and_again_in_turn_once_it_can(slot: int) -> None:
    events = (Broke(5, 60, slot), Ask(10, count=6), Ask(30, count=6), Ask(90, count=12))
    told_now = told(History(events=events, block_time=2))
    assert all(one.in_time for one in told_now)
    for one in told_now[6:]:
        assert one.given[0][0].number - one.block.number <= 1, "by its turn, or by a sibling that is first"
    senders = {one.given[0][1].sender for one in told_now[12:]}
    assert len(senders) == 2


def test_where_nobody_can_pay_all_try_and_the_first_with_money_answers() -> None:
    events = (Broke(5, 40, 0), Broke(5, 400, 1), Ask(10, count=3, covered=True))
    for one in told(History(events=events, block_time=2)):
        assert one.in_time
        assert one.given[0][0].timestamp - one.block.timestamp <= 50


def test_a_drained_replica_that_is_called_back_answers_alone() -> None:
    events = (Leave(10, 30), Kill(35, seat=1, back=400), Ask(45, count=3))
    for one in told(History(events=events, block_time=1)):
        assert one.given[0][0].number - one.block.number == 1


def test_a_probe_recomputes_answers_on_both_replicas_and_sends_nothing() -> None:
    events = (Ask(10, count=2), Ask(20, job=Job.LONG), Say(60, Word.PROBE))
    world = play(History(events=events))
    assert laws.broken(world) == []
    assert [(found.ok, found.checked) for found in world.plane.probed] == [(True, 3)] * 2
    assert all("3 simulated" in found.detail for found in world.plane.probed)
    quiet = play(History(events=events[:2]))
    assert len(world.submitted) == len(quiet.submitted)


def test_the_same_history_gives_the_same_chain() -> None:
    events = (
        Ask(10, count=3, covered=True),
        Trouble(9, 60, 0, -1, Fault.LOSSY),
        Trouble(9, 60, 1, -1, Fault.FAIL),
        Kill(14, calls=2),
        Reorg(40, depth=4, lossy=True),
        Shun(50, 20),
    )
    history = History(events=events, loss=0.3, delay=3.0, seed=7)
    assert [b.hash for b in play(history).chain.blocks] == [b.hash for b in play(history).chain.blocks]
    assert _transactions(history) == _transactions(history)


def _transactions(history: History) -> list[tuple[int, bytes]]:
    chain = play(history).chain
    return [(block.number, receipt.tx.hash) for block in chain.blocks for receipt in block.receipts]


def test_a_timeline_tells_what_happened_and_a_printed_history_can_be_played_again() -> None:
    history = History(events=(Ask(10, job=Job.LONG), Kill(10)))
    lines, broken = timeline.tell(history)
    assert broken == []
    assert any("director  Kill(at=10" in line for line in lines)
    assert any("question 1 (long)" in line and "answered" in line for line in lines)
    from tests.sim import events, sources

    assert eval(repr(history), {**vars(events), **vars(sources)}) == history  # noqa: S307 - our own repr
