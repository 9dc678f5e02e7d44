"""Stake in, stake out, income and fees: the rules one by one, at their edges."""

import pytest

from linkpool.contracts.abi import load, load_code
from linkpool.contracts.link import Link
from linkpool.contracts.oracle import Oracle, RequestTerms
from linkpool.contracts.pool import Offer, Status, stake_data
from linkpool.contracts.pool_events import FeeChanged
from linkpool.units import link
from tests.contracts.world import (
    CEILING,
    COVERED,
    DAY,
    FEES,
    GUARDIAN,
    MANAGER,
    OWNER,
    PAYMENT,
    PENALTY,
    REQUESTERS,
    STAKERS,
    STRANGER,
    UNBONDING,
    World,
)
from tests.support.evm import Reverted

ALL = 2**255
ANN, BOB, CAT, DAN = STAKERS


# --- in -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 32, 63, 65, 96])
def test_stake_data_is_exactly_64_bytes(world: World, length: int) -> None:
    data = (stake_data(world.nodes[0], ANN) + bytes(32))[:length]
    reason = "Data must be abi_encode" if length < 64 else "0x|Revert"  # longer ones do not decode at all
    with pytest.raises(Reverted, match=reason):
        world.evm.send(ANN, world.coin.transfer_and_call(world.pool.address, link(1), data))


def test_stake_for_somebody_else(world: World) -> None:
    data = stake_data(world.nodes[0], BOB)
    world.evm.send(ANN, world.coin.transfer_and_call(world.pool.address, link(2), data))
    world.evm.send(ANN, world.pool.stake(world.nodes[0], link(3), BOB))
    assert world.value(world.nodes[0], BOB) == link(5)
    assert world.value(world.nodes[0], ANN) == 0
    assert world.balance(ANN) == link(1_000_000) - link(5)


def test_stake_without_approval_or_money_reverts(world: World) -> None:
    with pytest.raises(Reverted):
        world.evm.send(STRANGER, world.pool.stake(world.nodes[0], link(1), STRANGER))
    assert world.value(world.nodes[0], STRANGER) == 0


@pytest.mark.parametrize("where", ["no node", "the pool", "link", "draining", "retired"])
def test_stake_goes_to_active_nodes_only(world: World, where: str) -> None:
    node = {"the pool": world.pool.address, "link": world.coin.address}.get(where, STRANGER)
    if where in {"draining", "retired"}:
        node = world.nodes[0]
        world.evm.send(MANAGER, world.pool.drain(node))
        if where == "retired":
            world.evm.send(MANAGER, world.pool.retire(node))
    for call in (
        world.pool.stake(node, link(1), ANN),
        world.coin.transfer_and_call(world.pool.address, link(1), stake_data(node, ANN)),
    ):
        with pytest.raises(Reverted, match="Node takes no stake"):
            world.evm.send(ANN, call)


@pytest.mark.parametrize("receiver", ["zero", "link"])
def test_a_receiver_that_cannot_hold_link_is_refused(world: World, receiver: str) -> None:
    who = world.coin.address if receiver == "link" else "0x" + "00" * 20
    with pytest.raises(Reverted, match="Receiver cannot hold LINK"):
        world.evm.send(ANN, world.pool.stake(world.nodes[0], link(1), who))


def test_another_token_stakes_nothing(world: World) -> None:
    fake = Link(world.evm.create(load_code("DevLink").creation))
    world.evm.send(ANN, fake.mint(ANN, link(1)))
    data = stake_data(world.nodes[0], ANN)
    with pytest.raises(Reverted, match="Must use LINK token"):
        world.evm.send(ANN, fake.transfer_and_call(world.pool.address, link(1), data))
    direct = load("StakingPool").functions["onTokenTransfer"].encode(ANN, link(1), data)
    with pytest.raises(Reverted, match="Must use LINK token"):
        world.evm.raw(ANN, world.pool.address, direct)


def test_capacity_to_the_last_juel(world: World) -> None:
    node = world.nodes[0]
    world.stake(node, ANN, link(10_000) - link(1))
    with pytest.raises(Reverted, match="Above the node's capacity"):
        world.stake(node, BOB, link(1) + 1)
    world.stake(node, BOB, link(1))
    world.evm.send(OWNER, world.pool.set_capacity(node, link(10_001)))
    world.stake(node, BOB, link(1))
    assert world.evm.ask(world.pool.node(node)).active == link(10_001)


def test_tickets_leave_room_for_others(world: World) -> None:
    node = world.nodes[0]
    world.stake(node, ANN, link(10_000))
    world.evm.send(ANN, world.pool.request_unstake(node, link(500)))
    world.stake(node, BOB, link(500))


# --- out ------------------------------------------------------------------------------------------


def test_leave_all_or_leave_one_link(staked: World) -> None:
    node, pool = staked.nodes[0], staked.pool
    for amount in (link(6_000) - 1, link(5_999) + 1):
        with pytest.raises(Reverted, match="Leave at least 1 LINK or nothing"):
            staked.evm.send(ANN, pool.request_unstake(node, amount))
    for amount in (link(5_999), link(6_000), ALL):
        with staked.evm.undone():
            staked.evm.send(ANN, pool.request_unstake(node, amount))
            assert staked.value(node, ANN) == max(0, link(6_000) - amount)
    for who, amount in ((ANN, 0), (CAT, link(1)), (STRANGER, ALL)):
        with pytest.raises(Reverted, match="Nothing to take out"):
            staked.evm.send(who, pool.request_unstake(node, amount))


def test_a_ticket_names_its_owner_and_waits(staked: World) -> None:
    node, pool = staked.nodes[0], staked.pool
    tickets = [staked.evm.send(ANN, pool.request_unstake(node, link(10))) for _ in range(2)]
    assert tickets == [int(ANN, 16) << 96, (int(ANN, 16) << 96) + 1]
    made = staked.evm.ask(pool.ticket(tickets[1]))
    assert (made.owner, made.node, made.shares) == (ANN, node, link(10))
    assert made.ready_at == staked.evm.now + UNBONDING
    staked.evm.now += UNBONDING
    had = staked.balance(ANN)
    staked.evm.send(STRANGER, pool.withdraw(tickets[1]))
    assert staked.balance(ANN) - had == link(10)
    rows = staked.evm.ask(staked.view.account(pool.address, ANN)).tickets
    assert [row.ticket for row in rows] == [tickets[0]]


def test_leaving_just_before_a_penalty_does_not_escape_it(staked: World) -> None:
    node, me = staked.nodes[0], REQUESTERS[0]
    made = staked.request(node, me)
    ticket = staked.evm.send(ANN, staked.pool.request_unstake(node, ALL))
    staked.evm.now = made.expiration + DAY - 1
    with pytest.raises(Reverted, match="Ticket is not ready"):
        staked.evm.send(ANN, staked.pool.withdraw(ticket))
    staked.evm.send(me, Oracle(node).cancel(RequestTerms.of(made)))
    staked.evm.now += UNBONDING
    had = staked.balance(ANN)
    staked.evm.send(ANN, staked.pool.withdraw(ticket))
    assert staked.balance(ANN) - had == link(6_000) * 9_950 // 10_000
    assert staked.value(node, BOB) == link(4_000) * 9_950 // 10_000


def test_leaving_never_looks_at_reserves(staked: World) -> None:
    node = staked.nodes[0]
    for _ in range(2):
        staked.request(node, REQUESTERS[0])
    for who in (ANN, BOB):
        staked.evm.send(who, staked.pool.request_unstake(node, ALL))
    assert staked.evm.ask(staked.pool.node(node)).active == 0
    assert staked.evm.ask(Oracle(node).reserves()) == 2 * PENALTY


def test_the_last_one_out_leaves_nothing(staked: World) -> None:
    node = staked.nodes[0]
    staked.penalize(node)
    tickets = [staked.evm.send(who, staked.pool.request_unstake(node, ALL)) for who in (ANN, BOB)]
    staked.evm.now += UNBONDING
    for ticket in tickets:
        staked.evm.send(STRANGER, staked.pool.withdraw(ticket))
    books = staked.evm.ask(staked.pool.node(node))
    assert (books.active, books.unbonding, books.assets) == (0, 0, 0)
    staked.stake(node, CAT, link(3))
    assert staked.evm.ask(staked.pool.node(node)).active == link(3), "and the next starts at a price of one"


# --- moving and retiring --------------------------------------------------------------------------


def test_stake_moves_out_of_a_retired_node_without_waiting(staked: World) -> None:
    source, target = staked.nodes[0], staked.nodes[2]
    with pytest.raises(Reverted, match="Node is not retired"):
        staked.evm.send(ANN, staked.pool.move(source, target, ALL))
    staked.retire(source)
    staked.evm.send(ANN, staked.pool.move(source, target, link(100)))
    assert (staked.value(source, ANN), staked.value(target, ANN)) == (link(5_900), link(100))
    staked.evm.send(ANN, staked.pool.move(source, target, ALL))
    assert (staked.value(source, ANN), staked.value(target, ANN)) == (0, link(6_000))
    with pytest.raises(Reverted, match="Node takes no stake"):
        staked.evm.send(BOB, staked.pool.move(source, source, ALL))
    with pytest.raises(Reverted, match="Not a node of this pool"):
        staked.evm.send(BOB, staked.pool.move(STRANGER, target, ALL))
    staked.evm.send(GUARDIAN, staked.pool.pause())
    with pytest.raises(Reverted, match="Staking is paused"):
        staked.evm.send(BOB, staked.pool.move(source, target, ALL))
    staked.evm.send(BOB, staked.pool.request_unstake(source, ALL))


def test_a_node_with_covered_requests_is_not_retired(staked: World) -> None:
    node, pool = staked.nodes[0], staked.pool
    made = staked.request(node, REQUESTERS[0])
    with pytest.raises(Reverted, match="Node is not draining"):
        staked.evm.send(MANAGER, pool.retire(node))
    staked.evm.send(MANAGER, pool.drain(node))
    with pytest.raises(Reverted, match="Open requests are covered"):
        staked.evm.send(MANAGER, pool.retire(node))
    staked.answer(node, made)
    staked.evm.send(MANAGER, pool.retire(node))
    assert staked.evm.ask(pool.node(node)).status is Status.RETIRED
    for call in (pool.drain(node), pool.retire(node)):
        with pytest.raises(Reverted, match="Node is not"):
            staked.evm.send(MANAGER, call)


def test_the_owner_undoes_a_retirement(staked: World) -> None:
    node, pool = staked.nodes[0], staked.pool
    live = staked.evm.ask(staked.view.summary(pool.address)).live_nodes
    with pytest.raises(Reverted, match="Node is active"):
        staked.evm.send(OWNER, pool.reopen(node))
    staked.retire(node)
    assert staked.evm.ask(staked.view.summary(pool.address)).live_nodes == live - 1
    staked.evm.send(OWNER, pool.reopen(node))
    assert staked.evm.ask(staked.view.summary(pool.address)).live_nodes == live
    with pytest.raises(Reverted, match="Node is not retired"):
        staked.evm.send(ANN, pool.move(node, staked.nodes[2], ALL))
    assert staked.answer(node, staked.request(node, REQUESTERS[0]))
    staked.evm.send(MANAGER, pool.drain(node))
    staked.evm.send(OWNER, pool.reopen(node))
    assert staked.evm.ask(staked.view.summary(pool.address)).live_nodes == live


# --- penalties ------------------------------------------------------------------------------------


def test_no_offer_takes_more_than_one_percent_a_day(staked: World) -> None:
    """A stolen manager key opens the largest penalty there can be, and asks until nothing is covered."""
    node = staked.nodes[0]
    offer = Offer(COVERED, 0, (2**64 - 1) * 10**9, CEILING, True)
    staked.evm.send(MANAGER, staked.pool.set_offer(offer))
    staked.evm.now = (staked.evm.now // DAY + 1) * DAY
    for _ in range(6):
        staked.penalize(node)
    assert staked.evm.ask(staked.pool.node(node)).assets == link(9_900)
    staked.evm.now += DAY
    for _ in range(6):
        staked.penalize(node)
    assert staked.evm.ask(staked.pool.node(node)).assets == link(9_801)


def test_a_penalty_leaves_income_alone(staked: World) -> None:
    node = staked.nodes[0]
    staked.earn(node, link(10))
    before = staked.evm.ask(staked.pool.claimable(node, ANN))
    staked.penalize(node)
    assert staked.evm.ask(staked.pool.claimable(node, ANN)) == before > 0


def test_farming_penalties_from_ones_own_node_costs_the_farmer(world: World) -> None:
    """Who holds all stake of a node and requests from it pays himself."""
    node, me = world.nodes[0], STAKERS[0]
    world.stake(node, me, link(10_000))
    total = world.balance(me) + link(10_000)
    world.penalize(node, me)
    assert world.balance(me) + world.value(node, me) <= total


# --- income and the fee ---------------------------------------------------------------------------


def test_income_belongs_to_those_who_were_there(staked: World) -> None:
    node, pool = staked.nodes[0], staked.pool
    staked.evm.send(BOB, pool.request_unstake(node, link(1_000)))
    staked.earn(node, link(90))
    staked.stake(node, CAT, link(1_000))
    staked.earn(node, link(100))
    claims = [staked.evm.ask(pool.claimable(node, who)) for who in (ANN, BOB, CAT)]
    shares = [link(54) + link(54), link(27) + link(27), link(9)]
    assert all(0 <= due - got <= 2 for got, due in zip(claims, shares, strict=True))


def test_claims_pay_the_caller_once(staked: World) -> None:
    node, pool = staked.nodes[0], staked.pool
    staked.earn(node, link(10))
    had = staked.balance(ANN)
    paid = staked.evm.send(ANN, pool.claim([node, node, staked.nodes[1]]))
    assert staked.balance(ANN) - had == paid
    assert link("5.4") - paid <= 1
    assert staked.evm.send(ANN, pool.claim([node])) == 0
    with pytest.raises(Reverted, match="Not a node of this pool"):
        staked.evm.send(ANN, pool.claim([STRANGER]))


def test_income_while_nobody_is_active_is_fee(world: World) -> None:
    node, pool = world.nodes[0], world.pool
    world.earn(node, link(5))
    assert world.evm.ask(pool.claimable(node, ANN)) == 0
    world.stake(node, ANN, link(10))
    assert world.evm.ask(pool.claimable(node, ANN)) == 0
    world.evm.send(STRANGER, pool.harvest([node]))
    world.evm.send(STRANGER, pool.pay_fees())
    assert world.balance(FEES) == link(5)


def test_fees_are_payable_only_with_the_link_they_are_made_of(staked: World) -> None:
    node, pool = staked.nodes[0], staked.pool
    staked.earn(node, link(10))
    staked.evm.send(STRANGER, pool.sync(node))
    staked.evm.send(STRANGER, pool.pay_fees())
    assert staked.balance(FEES) == 0
    staked.evm.send(STRANGER, pool.harvest([node]))
    staked.evm.send(STRANGER, pool.pay_fees())
    staked.evm.send(STRANGER, pool.pay_fees())
    assert staked.balance(FEES) == link(1)


def test_a_rise_is_announced_delayed_and_never_looks_back(staked: World) -> None:
    node, pool = staked.nodes[0], staked.pool
    staked.evm.send(OWNER, pool.announce_fee(2_000))
    staked.evm.now += UNBONDING + DAY - 1
    with pytest.raises(Reverted, match="No fee is due to change"):
        staked.evm.send(STRANGER, pool.apply_fee())
    staked.evm.send(OWNER, pool.announce_fee(1_900))
    staked.evm.now += 1
    with pytest.raises(Reverted, match="No fee is due to change"):
        staked.evm.send(STRANGER, pool.apply_fee())
    staked.evm.now += UNBONDING + DAY
    staked.earn(node, link(10))
    staked.evm.send(STRANGER, pool.apply_fee())
    with pytest.raises(Reverted, match="No fee is due to change"):
        staked.evm.send(STRANGER, pool.apply_fee())
    staked.evm.send(STRANGER, pool.harvest([node]))
    staked.evm.send(STRANGER, pool.pay_fees())
    assert staked.balance(FEES) == link(1), "earned before the rise: 10 %"
    staked.earn(node, link(10))
    staked.evm.send(STRANGER, pool.harvest([node]))
    staked.evm.send(STRANGER, pool.pay_fees())
    assert staked.balance(FEES) == link("2.9")


def test_a_cut_is_at_once_and_ends_an_announcement(staked: World) -> None:
    pool = staked.pool
    staked.evm.send(OWNER, pool.announce_fee(2_000))
    staked.evm.send(OWNER, pool.announce_fee(500))
    staked.evm.now += 30 * DAY
    with pytest.raises(Reverted, match="No fee is due to change"):
        staked.evm.send(STRANGER, pool.apply_fee())
    staked.evm.send(STRANGER, pool.sync(staked.nodes[0]))
    assert staked.evm.ask(pool.node(staked.nodes[0])).fee == 500
    with pytest.raises(Reverted, match="Fee is above the cap"):
        staked.evm.send(OWNER, pool.announce_fee(2_001))


def test_announcing_the_present_fee_withdraws_a_rise(staked: World) -> None:
    pool = staked.pool
    staked.evm.send(OWNER, pool.announce_fee(2_000))
    staked.evm.send(OWNER, pool.announce_fee(1_000))
    (event,) = staked.evm.events
    assert isinstance(event, FeeChanged)
    summary = staked.evm.ask(staked.view.summary(pool.address))
    assert (summary.fee_bps, summary.announced_fee_bps, summary.fee_effective_at) == (1_000, 0, 0)


def test_donations_are_nobodys(staked: World) -> None:
    node, pool = staked.nodes[0], staked.pool
    for to in (pool.address, node):
        staked.evm.send(REQUESTERS[0], staked.coin.transfer(to, link(77)))
    staked.evm.send(STRANGER, pool.harvest([node]))
    staked.evm.send(STRANGER, pool.pay_fees())
    assert staked.balance(FEES) == 0
    assert staked.balance(node) == link(77)
    assert staked.evm.ask(pool.claimable(node, ANN)) == 0


def test_an_answer_after_the_node_is_retired_still_pays_its_stakers(staked: World) -> None:
    node = staked.nodes[0]
    made = staked.request(node, REQUESTERS[0], PAYMENT, b"job with no penalty".ljust(32, b"\0"))
    staked.retire(node)
    staked.answer(node, made)
    assert staked.evm.ask(staked.pool.claimable(node, ANN)) > 0
