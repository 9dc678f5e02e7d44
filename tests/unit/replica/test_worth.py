"""What an answer may cost: never more than it brings, more as its window closes, and least alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkpool.chain.fees import Market
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
    assert Purse(MAX, price).worth(requests) * gas <= brings
    assert Purse(MAX, price).worth(requests) <= MAX


@given(penalties, st.floats(-100, 400), st.floats(0, 400))
def test_the_limit_rises_towards_expiry_and_stays_within_the_worth(penalty, after, later):
    purse, one = Purse(MAX, PRICE), [request(penalty=penalty)]
    first, second = purse.limit(one, MADE + after), purse.limit(one, MADE + after + later)
    assert purse.worth(one) * 0.8 - 1 <= first <= second <= purse.worth(one)


@given(st.integers(1, 10**11), st.integers(1, 10**9))
def test_gas_below_seven_tenths_of_the_worth_is_paid_at_once_and_can_be_raised_once(base, tip):
    purse, one = Purse(MAX, PRICE), [request()]
    worth, at_first = purse.worth(one), purse.limit(one, MADE)
    market = Market(Wei(base), Wei(tip))
    offer = market.first(worth)
    assert (offer is not None) == (market.floor <= int(worth * 0.7))
    if offer is not None:
        assert market.floor <= offer.max_fee <= worth * 0.7
        assert market.raised(offer, at_first) is not None


def test_at_expiry_all_of_it_may_be_spent():
    purse, one = Purse(MAX, PRICE), [request()]
    assert purse.limit(one, MADE + 300) == purse.worth(one)


def test_the_most_urgent_of_a_batch_decides():
    purse, old, new = Purse(MAX, PRICE), request(1, block=10), request(2, block=200)
    assert purse.limit([old, new], MADE + 250) == int(purse.worth([old, new]) * (0.8 + 0.2 * 250 / 300))


def test_without_a_price_only_the_setting_limits():
    purse = Purse(MAX, None)
    assert purse.worth([request()]) == purse.reject_worth(request(penalty=1)) == MAX


def test_a_rejection_is_worth_the_penalty_it_saves():
    assert Purse(MAX, PRICE).reject_worth(request(penalty=10**18)) == PRICE // GAS_REJECT
    assert Purse(MAX, PRICE).reject_worth(request()) == 0
