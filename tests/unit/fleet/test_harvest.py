"""Harvesting pays: what it may cost is never more than a twentieth of what it brings."""

from hypothesis import given
from hypothesis import strategies as st

from linkpool.chain.fees import FIRST_SHARE, Market
from linkpool.fleet.treasury.harvest import HARVEST_GAS, HARVEST_NODE_GAS, MOST, WORTH, cap, plan
from linkpool.units import WHOLE, Wei

juels = st.integers(0, 10**24)
prices = st.integers(1, 10**18)
fees = st.integers(1, 10**13)
incomes = st.dictionaries(st.integers(0, 200).map(lambda number: f"0x{number:040x}"), juels, max_size=90)


@given(incomes, prices, fees)
def test_it_never_costs_more_than_a_twentieth_of_what_it_brings(
    income: dict[str, int], price: int, fee: int
) -> None:
    wanted = plan(income, price, fee)
    if wanted is None:
        return
    assert len(set(wanted.nodes)) == len(wanted.nodes) <= MOST
    assert wanted.brings == sum(income[node] for node in wanted.nodes)
    most = cap(wanted.brings, wanted.gas, price)  # no attempt may ever offer more per gas
    assert WORTH * most * wanted.gas * WHOLE <= wanted.brings * price


@given(incomes, prices, fees)
def test_every_node_in_it_pays_for_itself_and_none_that_does_is_left_out_for_a_poorer_one(
    income: dict[str, int], price: int, fee: int
) -> None:
    wanted = plan(income, price, fee)
    chosen = set(wanted.nodes) if wanted else set()
    least = WORTH * HARVEST_NODE_GAS * fee
    worth = {node for node, amount in income.items() if amount and amount * price // WHOLE >= least}
    assert chosen <= worth
    assert len(chosen) == min(len(worth), MOST)
    if worth - chosen:
        assert max(income[node] for node in worth - chosen) <= min(income[node] for node in chosen)


@given(st.integers(1, 10**24), prices, st.integers(1, 10**12))
def test_what_the_market_asks_is_offered_only_below_the_cap(brings: int, price: int, base: int) -> None:
    gas = HARVEST_GAS + HARVEST_NODE_GAS
    most = cap(brings, gas, price)
    offer = Market(Wei(base), Wei(1)).first(most)
    if offer is not None:
        assert offer.max_fee <= most * FIRST_SHARE
        assert offer.max_fee * gas * WORTH * WHOLE <= brings * price
