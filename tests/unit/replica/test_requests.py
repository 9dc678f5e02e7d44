"""The book of requests: a pure function of the logs it holds, however they came, went and came back."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkpool.chain.types import Log
from linkpool.replica.requests import Closed, End, Opened, Refused, RequestBook
from tests.support.oracle_logs import START, covered_log, end_log, log_of, rejected_log, request_log

IDS = [number.to_bytes(32) for number in (1, 2, 3)]
ONE = IDS[0]


def story(draws: list[tuple[int, str]], branch: int) -> list[Log]:
    """A chain that the contract could have written: one log a block, nothing ended that is not open."""
    logs: list[Log] = []
    open_now: dict[bytes, str] = {}
    for block, (which, what) in enumerate(draws, start=1):
        request_id = IDS[which]
        state = open_now.get(request_id)
        if state is None:
            logs.append(request_log(request_id, block, branch=branch, data=bytes([branch])))
            if what == "covered":
                logs.append(covered_log(request_id, 5, block, 1, branch))
            open_now[request_id] = "open"
        elif what in ("answer", "cancel"):
            event = "OracleResponse" if what == "answer" else "CancelOracleRequest"
            logs.append(end_log(event, request_id, block, branch=branch))
            del open_now[request_id]
        elif what == "reject" and state == "open":
            logs.append(rejected_log(request_id, block, branch=branch))
            open_now[request_id] = "rejected"
    return logs


@dataclass
class Straight:
    """Reading the chain once, from its first log to its last."""

    block: int
    penalty: int = 0


def straight(logs: list[Log]) -> dict[bytes, tuple[int, int]]:
    """Open ids with the block of their request and their cover."""
    from linkpool.contracts import events, oracle

    found: dict[bytes, Straight] = {}
    for log in logs:
        event: Any = events.decode(log)
        match event:
            case oracle.OracleRequest():
                found[event.request_id] = Straight(log.block_number)
            case oracle.Covered():
                found[event.request_id].penalty = event.penalty
            case oracle.Rejected():
                found[event.request_id].penalty = 0
            case _:
                del found[event.request_id]
    return {request_id: (one.block, one.penalty) for request_id, one in found.items()}


def held(book: RequestBook) -> dict[bytes, tuple[int, int]]:
    return {one.event.request_id: (one.log.block_number, one.penalty) for one in book.open}


stories = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["ask", "covered", "answer", "cancel", "reject"])),
    max_size=14,
)


@given(stories, stories, st.randoms(), st.data())
def test_any_order_doubling_and_taking_back_ends_where_a_straight_reading_does(final, other, dice, data):
    """Logs of a branch that lost come and go; those of the one that won come in any order, some twice."""
    won, lost = story(final, 0), story(other, 1)
    steps = [("seen", log) for log in won] + [("seen", log) for log in won if dice.random() < 0.3]
    dice.shuffle(steps)
    for log in lost:  # a log is gone after it was seen, whatever else happens
        place = data.draw(st.integers(0, len(steps)))
        steps.insert(place, ("seen", log))
        steps.insert(data.draw(st.integers(place + 1, len(steps))), ("gone", log))
    # Two branches never hold one place at once: the lost log goes before the one that won comes for good.
    steps += [("seen", log) for log in won]
    book = RequestBook()
    opened: set[bytes] = set()
    for kind, log in steps:
        for change in book.seen([log]) if kind == "seen" else book.gone([log]):
            match change:
                case Opened(request):
                    assert request.identity not in opened
                    opened.add(request.identity)
                case Closed(request):
                    opened.remove(request.identity)
    assert held(book) == straight(won)
    assert {one.identity for one in book.open} == opened
    assert book.count == len(book.open)


def test_an_id_may_be_used_again_once_its_request_has_ended():
    book = RequestBook()
    book.seen([request_log(ONE, 1), end_log("OracleResponse", ONE, 2)])
    [change] = book.seen([request_log(ONE, 3)])
    assert isinstance(change, Opened)
    assert change.request.log.block_number == 3


def test_an_answer_found_late_ends_only_the_use_of_its_id_that_came_before_it():
    book = RequestBook()
    book.seen([request_log(ONE, 1)])
    assert [type(change) for change in book.seen([request_log(ONE, 5)])] == [Closed, Opened]
    assert book.seen([end_log("OracleResponse", ONE, 3)]) == []
    assert held(book) == {ONE: (5, 0)}


def test_a_reorg_that_gives_the_same_id_another_expiration_makes_new_work():
    book = RequestBook()
    [first] = book.seen([request_log(ONE, 7, made=START)])
    changes = book.gone([request_log(ONE, 7, made=START)]) + book.seen(
        [request_log(ONE, 7, branch=1, made=START + 3)]
    )
    assert [type(change) for change in changes] == [Closed, Opened]
    assert changes[0] == Closed(first.request, End.REORGED, None)
    assert changes[1].request.identity != first.request.identity


def test_a_reorg_that_puts_another_question_into_the_same_place_makes_new_work():
    """Same id, place, payment and expiration: the contract would take the old answer for the new question."""
    book = RequestBook()
    [first] = book.seen([request_log(ONE, 7, made=START, data=b"old")])
    changes = book.seen([request_log(ONE, 7, branch=1, made=START, data=b"new")])
    assert [type(change) for change in changes] == [Closed, Opened]
    assert changes[1].request.run_id != first.request.run_id


def test_a_reorg_that_keeps_a_request_where_it_was_keeps_its_identity():
    book = RequestBook()
    [first] = book.seen([request_log(ONE, 7)])
    book.gone([request_log(ONE, 7)])
    [again] = book.seen([request_log(ONE, 7, branch=1)])
    assert again.request.identity == first.request.identity


def test_an_answer_taken_back_opens_its_request_again():
    book = RequestBook()
    book.seen([request_log(ONE, 1)])
    answer = end_log("OracleResponse", ONE, 2)
    [closed] = book.seen([answer])
    assert (closed.how, closed.log) == (End.ANSWERED, answer)
    assert [type(change) for change in book.gone([answer])] == [Opened]


def test_a_log_that_goes_after_its_successor_came_takes_nothing_with_it():
    book = RequestBook()
    book.seen([request_log(ONE, 1), request_log(ONE, 1, branch=1)])
    assert book.gone([request_log(ONE, 1)]) == []
    assert len(book.open) == 1


def test_a_rejection_ends_the_cover_and_not_the_request_and_may_be_undone():
    book = RequestBook()
    book.seen([request_log(ONE, 1), covered_log(ONE, 9, 1, 1)])
    [request] = book.open
    assert request.penalty == 9
    assert book.seen([rejected_log(ONE, 2)]) == [Refused(book.open[0], stands=True)]
    assert not book.current(request).covered
    assert book.gone([rejected_log(ONE, 2)]) == [Refused(book.open[0], stands=False)]
    assert book.current(request).penalty == 9


@pytest.mark.parametrize("broken", [("OracleRequest", []), ("Covered", [ONE, ONE])])
def test_a_log_that_cannot_be_read_is_ignored(broken):
    book = RequestBook()
    event, topics = broken
    assert (
        book.seen([log_of(event, topics, b"\x01", 1), request_log(ONE, 2)])[0].request.event.request_id == ONE
    )


def test_the_book_forgets_what_is_over_and_tells_of_what_was_never_answered():
    book = RequestBook()
    book.seen([request_log(ONE, 1), end_log("OracleResponse", ONE, 2), request_log(IDS[1], 3)])
    assert book.forget(below=3, expired=START + 3 + 300) == []
    [request] = book.forget(below=3, expired=START + 3 + 301)
    assert request.event.request_id == IDS[1]
    assert (book.count, book.open) == (0, [])
