"""Not answered: expiry, cancels, rejections and lapses; who may, when, and what the books hold."""

from typing import Any

import pytest

from linkpool.contracts.abi import Call, load
from linkpool.contracts.oracle import (
    CancelOracleRequest,
    Lapsed,
    Oracle,
    Reason,
    Rejected,
    RequestTerms,
)
from linkpool.contracts.pool_events import Penalized
from tests.contracts.test_answers import fulfil
from tests.contracts.world import (
    DAY,
    FREE,
    MANAGER,
    OWNER,
    PAYMENT,
    PENALTY,
    REQUESTERS,
    STAKERS,
    STRANGER,
    World,
    reply,
)
from tests.support.evm import Reverted

ME = REQUESTERS[0]


def test_escrow_and_reserves_hold_open_requests_alone(staked: World) -> None:
    node, oracle = staked.nodes[0], Oracle(staked.nodes[0])
    one, two, three = (staked.request(node, ME, PAYMENT + n) for n in range(3))
    held = [3 * PAYMENT + 3, 2 * PENALTY]
    assert [staked.evm.ask(view) for view in (oracle.escrow(), oracle.reserves())] == held
    staked.answer(node, one)
    held = [2 * PAYMENT + 3, PENALTY]
    assert [staked.evm.ask(view) for view in (oracle.escrow(), oracle.reserves())] == held
    staked.evm.now = two.expiration
    staked.evm.send(ME, oracle.cancel(RequestTerms.of(two)))
    held = [PAYMENT + 2, 0]
    assert [staked.evm.ask(view) for view in (oracle.escrow(), oracle.reserves())] == held
    staked.evm.send(ME, oracle.cancel(RequestTerms.of(three)))
    assert [staked.evm.ask(view) for view in (oracle.escrow(), oracle.reserves())] == [0, 0]
    assert staked.balance(node) == PAYMENT


@pytest.mark.parametrize(
    ("after", "refund", "penalty"),
    [(299, False, 0), (300, True, PENALTY), (300 + DAY - 1, True, PENALTY), (300 + DAY, True, 0)],
)
def test_expiry_earns_the_cover_for_a_day(staked: World, after: int, refund: bool, penalty: int) -> None:
    node = staked.nodes[0]
    made = staked.request(node, ME)
    staked.evm.now += after
    cancel, had = Oracle(node).cancel(RequestTerms.of(made)), staked.balance(ME)
    if not refund:
        with pytest.raises(Reverted, match="Request is not expired"):
            staked.evm.send(ME, cancel)
        return
    staked.evm.send(ME, cancel)
    assert staked.balance(ME) - had == PAYMENT + penalty
    assert staked.evm.ask(Oracle(node).reserves()) == 0
    with pytest.raises(Reverted, match="Params do not match request ID"):
        staked.evm.send(ME, cancel)


@pytest.mark.parametrize(
    ("after", "penalty"), [(299, 0), (300, PENALTY), (300 + DAY - 1, PENALTY), (300 + DAY, 0)]
)
@pytest.mark.parametrize("batch", [False, True])
def test_a_late_answer_is_paid_and_pays(staked: World, after: int, penalty: int, batch: bool) -> None:
    node = staked.nodes[0]
    made = staked.request(node, ME)
    staked.evm.now += after
    had = staked.balance(ME)
    oracle, answer = Oracle(node), reply(made)
    staked.evm.send(staked.senders[node], oracle.fulfill_many([answer]) if batch else oracle.fulfill(answer))
    assert staked.balance(ME) - had == penalty
    assert staked.evm.ask(oracle.earned()) == PAYMENT
    assert staked.evm.ask(oracle.reserves()) == 0
    assert sum(isinstance(e, Penalized) for e in staked.evm.events) == (penalty > 0)


def test_only_the_requester_cancels(staked: World) -> None:
    node = staked.nodes[0]
    made = staked.request(node, ME)
    staked.evm.now = made.expiration
    for who in (STRANGER, OWNER, MANAGER, staked.senders[node], STAKERS[0]):
        with pytest.raises(Reverted, match="Params do not match request ID"):
            staked.evm.send(who, Oracle(node).cancel(RequestTerms.of(made)))


def test_cancelling_by_nonce_is_the_same(staked: World) -> None:
    node = staked.nodes[0]
    made = staked.request(node, ME)
    data = load("NodeOracle").functions["cancelOracleRequestByRequester"]
    call = data.encode(staked.asked, made.payment, made.callback_function_id, made.expiration)
    staked.evm.now = made.expiration
    had = staked.balance(ME)
    staked.evm.raw(ME, node, call)
    assert staked.balance(ME) - had == PAYMENT + PENALTY
    assert any(isinstance(e, CancelOracleRequest) for e in staked.evm.events)


def test_a_rejection_ends_the_cover_and_lets_the_requester_out(staked: World) -> None:
    node = staked.nodes[0]
    made = staked.request(node, ME)
    staked.evm.send(staked.senders[node], Oracle(node).reject(RequestTerms.of(made), Reason.SOURCE_FAILED))
    (event,) = staked.evm.events
    assert isinstance(event, Rejected)
    assert (event.request_id, event.reason) == (made.request_id, Reason.SOURCE_FAILED)
    had = staked.balance(ME)
    staked.evm.send(ME, Oracle(node).cancel(RequestTerms.of(made)))
    assert staked.balance(ME) - had == PAYMENT
    assert staked.evm.ask(Oracle(node).rejections()) == 1


def test_a_rejected_request_may_still_be_answered(staked: World) -> None:
    node = staked.nodes[0]
    made = staked.request(node, ME)
    staked.evm.send(staked.senders[node], Oracle(node).reject(RequestTerms.of(made), Reason.SOURCE_FAILED))
    staked.evm.now = made.expiration
    had = staked.balance(ME)
    assert staked.answer(node, made)
    assert staked.balance(ME) == had, "late, and without a penalty: the cover ended with the rejection"


@pytest.mark.parametrize(("after", "ok"), [(0, True), (149, True), (150, False), (300, False)])
def test_rejecting_is_for_the_first_half_of_the_window(staked: World, after: int, ok: bool) -> None:
    node = staked.nodes[0]
    made = staked.request(node, ME)
    staked.evm.now += after
    call = Oracle(node).reject(RequestTerms.of(made), Reason.SOURCE_FAILED)
    if ok:
        staked.evm.send(staked.senders[node], call)
        with pytest.raises(Reverted, match="Already rejected"):
            staked.evm.send(staked.senders[node], call)
    else:
        with pytest.raises(Reverted, match="Too late to reject"):
            staked.evm.send(staked.senders[node], call)


def test_hoarded_requests_lapse_and_are_refunded_for_ever(staked: World) -> None:
    node, oracle = staked.nodes[0], Oracle(staked.nodes[0])
    made = [staked.request(node, ME) for _ in range(2)]
    assert staked.evm.ask(oracle.reserves()) == 2 * PENALTY
    staked.evm.now = made[0].expiration + DAY - 1
    with pytest.raises(Reverted, match="Cover can still be claimed"):
        staked.evm.send(STRANGER, oracle.lapse(RequestTerms.of(made[0])))
    staked.evm.now += 1
    for request in made:
        staked.evm.send(STRANGER, oracle.lapse(RequestTerms.of(request)))
        (event,) = staked.evm.events
        assert isinstance(event, Lapsed)
        assert event.request_id == request.request_id
    assert staked.evm.ask(oracle.reserves()) == 0
    with pytest.raises(Reverted, match="Nothing to lapse"):
        staked.evm.send(STRANGER, oracle.lapse(RequestTerms.of(made[0])))
    staked.evm.now += 3_650 * DAY
    had = staked.balance(ME)
    staked.evm.send(ME, oracle.cancel(RequestTerms.of(made[0])))
    assert staked.balance(ME) - had == PAYMENT
    assert staked.answer(node, made[1]), "or the node may still answer"


def test_an_answer_and_a_cancel_race_to_one_outcome(staked: World) -> None:
    node, oracle = staked.nodes[0], Oracle(staked.nodes[0])
    made = staked.request(node, ME)
    staked.evm.now = made.expiration
    with staked.evm.undone():
        staked.answer(node, made)
        with pytest.raises(Reverted, match="Params do not match request ID"):
            staked.evm.send(ME, oracle.cancel(RequestTerms.of(made)))
    staked.evm.send(ME, oracle.cancel(RequestTerms.of(made)))
    with pytest.raises(Reverted, match="Must have a valid requestId"):
        staked.answer(node, made)
    assert staked.evm.send(staked.senders[node], oracle.fulfill_many([reply(made)])) == 1
    assert staked.evm.ask(oracle.earned()) == 0


def test_an_id_can_be_used_again_once_its_request_ended(world: World) -> None:
    node = world.nodes[0]
    for _ in range(2):
        world.asked = 5_000
        made = world.request(node, ME, job=FREE)
        assert world.answer(node, made)


def test_a_removed_sender_is_out_at_once(world: World) -> None:
    node = world.nodes[0]
    made = world.request(node, ME, job=FREE)
    world.evm.send(MANAGER, world.pool.remove_sender(node, world.senders[node]))
    with pytest.raises(Reverted, match="Not authorized sender"):
        world.answer(node, made)


@pytest.mark.parametrize("function", ["initialize", "set_sender", "set_accepting", "harvest"])
def test_only_the_pool_governs_a_node(world: World, function: str) -> None:
    values = {
        "initialize": ([STRANGER],),
        "set_sender": (STRANGER, True),
        "set_accepting": (True,),
        "harvest": (),
    }
    data = load("NodeOracle").functions[function].encode(*values[function])
    for who in (STRANGER, OWNER, MANAGER, world.senders[world.nodes[0]]):
        with pytest.raises(Reverted, match="Pool only"):
            world.evm.raw(who, world.nodes[0], data)


def state_slot(world: World, node: str) -> int:
    """Where a node keeps its one word of state: the only one with the accepting flag."""
    (slot,) = [n for n in range(4) if world.evm.peek(node, n) >> 232]
    return slot


@pytest.mark.parametrize(
    ("what", "answer", "reason"),
    [
        ("escrow", True, "Escrow is short"),
        ("escrow", False, "Escrow is short"),
        ("earned", True, "Income is full"),
    ],
)
def test_state_never_spills_into_its_neighbours(world: World, what: str, answer: bool, reason: str) -> None:
    """States nobody can reach, poked in: the last line should a commitment's hash ever be met twice."""
    node = world.nodes[0]
    made = world.request(node, ME, job=FREE)
    world.evm.now = made.expiration
    slot = state_slot(world, node)
    word = world.evm.peek(node, slot)
    world.evm.poke(node, slot, word - 1 if what == "escrow" else word | (2**96 - 1) << 88)
    oracle = Oracle(node)
    call: Call[Any] = oracle.fulfill(reply(made)) if answer else oracle.cancel(RequestTerms.of(made))
    with pytest.raises(Reverted, match=reason):
        world.evm.send(world.senders[node] if answer else ME, call)
    world.evm.poke(node, slot, word)
    assert world.answer(node, made)


def test_a_lapsed_request_keeps_its_data_version(staked: World) -> None:
    node = staked.nodes[0]
    made = staked.request(node, ME)
    staked.evm.now = made.expiration + DAY
    staked.evm.send(STRANGER, Oracle(node).lapse(RequestTerms.of(made)))
    with pytest.raises(Reverted, match="Data versions must match"):
        staked.evm.raw(staked.senders[node], node, fulfil(made, "fulfillOracleRequest"))
    assert staked.answer(node, made)


def test_income_fits_to_the_last_juel(world: World) -> None:
    node = world.nodes[0]
    made = world.request(node, ME, job=FREE)
    slot = state_slot(world, node)
    word = world.evm.peek(node, slot)
    world.evm.poke(node, slot, word | (2**96 - 1 - PAYMENT) << 88)
    assert world.answer(node, made)
    assert world.evm.ask(Oracle(node).earned()) == 2**96 - 1
    world.evm.poke(node, slot, word & ~(2**88 - 1))


def test_the_rejection_count_stays_at_its_end(world: World) -> None:
    """8,388,607 rejections: poked into the state word, since nobody can get there by hand."""
    node = world.nodes[0]
    made = world.request(node, ME, job=FREE)
    slot = state_slot(world, node)
    full = world.evm.peek(node, slot) | (2**23 - 1) << 233
    with world.evm.undone():
        world.evm.poke(node, slot, full)
        world.evm.send(world.senders[node], Oracle(node).reject(RequestTerms.of(made), Reason.POISONED))
        assert world.evm.ask(Oracle(node).rejections()) == 2**23 - 1
        assert world.evm.ask(Oracle(node).accepting())
    world.evm.poke(node, slot, full & ~((2**23 - 1) << 233))
