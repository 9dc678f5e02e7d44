"""What an answer may cost: never more than it brings, more as its window closes, and least alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkpool.replica.worth import GAS_BATCHED, GAS_REJECT, GAS_SINGLE, Purse
from linkpool.units import WHOLE, Wei
from tests.support.oracle_logs import PAYMENT, START, request

pytestmark = pytest.mark.unit

MAX = Wei(500 * 10**9)
PRICE = 10**16
MADE = START + 10

penalties = st.integers(0, 10**19)


@given(st.lists(penalties, min_size=1, max_size=5), st.integers(1, 10**18))
def test_a_transaction_never_costs_more_than_it_brings(covers, price):
    requests = [request(n, penalty=penalty) for n, penalty in enumerate(covers)]
    gas = GAS_SINGLE if len(requests) == 1 else GAS_BATCHED * len(requests)
    brings = sum(PAYMENT + penalty for penalty in covers) * price // WHOLE
    assert Purse(MAX, price).cap(requests) * gas <= brings
    assert Purse(MAX, price).cap(requests) <= MAX


@given(penalties, st.floats(-100, 400), st.floats(0, 400))
def test_the_limit_rises_towards_expiry_and_stays_within_the_cap(penalty, after, later):
    purse, one = Purse(MAX, PRICE), [request(penalty=penalty)]
    first, second = purse.limit(one, MADE + after), purse.limit(one, MADE + after + later)
    assert purse.cap(one) * 0.69 - 1 <= first <= second <= purse.cap(one)


def test_at_expiry_all_of_it_may_be_spent():
    purse, one = Purse(MAX, PRICE), [request()]
    assert purse.limit(one, MADE + 300) == purse.cap(one)


def test_the_most_urgent_of_a_batch_decides():
    purse, old, new = Purse(MAX, PRICE), request(1, block=10), request(2, block=200)
    assert purse.limit([old, new], MADE + 250) == int(purse.cap([old, new]) * (0.7 + 0.3 * 250 / 300))


def test_without_a_price_only_the_setting_limits():
    purse = Purse(MAX, None)
    assert purse.cap([request()]) == purse.reject_cap(request(penalty=1)) == MAX


def test_a_rejection_is_worth_the_penalty_it_saves():
    assert Purse(MAX, PRICE).reject_cap(request(penalty=10**18)) == PRICE // GAS_REJECT
    assert Purse(MAX, PRICE).reject_cap(request()) == 0
