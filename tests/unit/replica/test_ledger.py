"""The ledger: every request seen is counted once, under the way it ended, whatever re-orgs say in between."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkpool.replica.ledger import FORGET_BLOCKS, Ledger
from linkpool.replica.metrics import Metrics
from linkpool.replica.requests import End
from tests.support.oracle_logs import end_log, head, request

ONE = request(1, block=10)
ANSWER = end_log("OracleResponse", ONE.event.request_id, 12)
OVER = 10 + 300
"""The block with which the window of ONE is over."""


def figures(metrics: Metrics) -> dict[str, float]:
    read = metrics.registry.get_sample_value
    ended = {how: read("linkpool_requests_ended_total", {"how": how}) or 0 for how in End}
    missed = read("linkpool_requests_missed_total") or 0
    return {key: value for key, value in {**ended, "missed": missed}.items() if value}


@pytest.fixture
def book() -> tuple[Ledger, Metrics]:
    metrics = Metrics()
    ledger = Ledger(metrics)
    ledger.opened(ONE)
    return ledger, metrics


def test_an_answer_counts_at_once(book):
    ledger, metrics = book
    ledger.closed(ONE, End.ANSWERED, ANSWER)
    assert figures(metrics) == {"answered": 1}
    assert metrics.registry.get_sample_value("linkpool_answer_delay_blocks_sum") == 2


@pytest.mark.parametrize("block", [OVER, OVER + 500])
def test_what_its_window_leaves_behind_is_missed_at_the_first_head_after_it_and_once(book, block):
    ledger, metrics = book
    ledger.tick(head(OVER - 1))
    assert figures(metrics) == {}
    for number in range(block, block + 4_000, 500):
        ledger.tick(head(number))
    assert figures(metrics) == {"expired": 1, "missed": 1}
    assert len(ledger) == 0


def test_a_rejected_one_is_not_missed_unless_a_reorg_undid_the_rejection(book):
    ledger, metrics = book
    two = request(2, block=10)
    ledger.opened(two)
    for one in (ONE, two):
        ledger.refused(one, stands=True)
    ledger.refused(two, stands=False)
    ledger.tick(head(OVER))
    assert figures(metrics) == {"rejected": 1, "expired": 1, "missed": 1}


def test_a_reorged_request_that_comes_back_counts_as_what_it_becomes(book):
    ledger, metrics = book
    ledger.closed(ONE, End.REORGED, None)
    assert (figures(metrics), ledger.lost) == ({}, 1)
    ledger.opened(ONE)
    ledger.closed(ONE, End.ANSWERED, ANSWER)
    assert figures(metrics) == {"answered": 1}
    assert metrics.registry.get_sample_value("linkpool_requests_seen_total") == 1


def test_a_reorged_request_that_does_not_come_back_counts_as_that(book):
    ledger, metrics = book
    ledger.closed(ONE, End.REORGED, None)
    ledger.tick(head(OVER))
    assert figures(metrics) == {"reorged": 1}


def test_an_answer_that_a_reorg_took_for_good_is_missed_though_it_was_counted(book):
    ledger, metrics = book
    ledger.closed(ONE, End.ANSWERED, ANSWER)
    ledger.opened(ONE)
    ledger.tick(head(OVER))
    assert figures(metrics) == {"answered": 1, "missed": 1}


def test_what_ended_is_forgotten_below_any_reorg_long_before_its_hour(book):
    ledger, _ = book
    ledger.tick(head(12))
    ledger.closed(ONE, End.ANSWERED, ANSWER)
    ledger.tick(head(12 + FORGET_BLOCKS))
    assert len(ledger) == 1
    ledger.tick(head(12 + FORGET_BLOCKS + 1))
    assert len(ledger) == 0


steps = st.lists(
    st.tuples(st.integers(1, 3), st.sampled_from(["open", "refuse", "answer", "cancel", "reorg", "wait"])),
    max_size=40,
)


@given(steps)
def test_seen_is_always_ended_plus_open_plus_lost_and_time_ends_all(story):
    metrics = Metrics()
    ledger, number = Ledger(metrics), 10
    seen: set[int] = set()
    for which, what in story:
        one = request(which, block=10)
        match what:
            case "open":
                ledger.opened(one)
                seen.add(which)
            case "refuse":
                ledger.refused(one, stands=True)
            case "wait":
                number += 20
                ledger.tick(head(number))
            case _:
                how = {"answer": End.ANSWERED, "cancel": End.CANCELLED, "reorg": End.REORGED}[what]
                ledger.closed(one, how, None)
        if number <= 10 + FORGET_BLOCKS:  # later, a request may be forgotten and seen anew
            total = sum(value for key, value in figures(metrics).items() if key != "missed")
            assert total + ledger.open + ledger.lost == len(seen)
    ledger.tick(head(max(number, OVER)))
    assert ledger.open == ledger.lost == 0
