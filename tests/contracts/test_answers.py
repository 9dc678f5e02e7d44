"""Answers, rejections, cancels and lapses: who may, when, who is paid, and what hostile callbacks reach."""

from pathlib import Path
from typing import Any

import pytest

from linkpool.contracts.abi import Abi, Call, load
from linkpool.contracts.build import compile_contract
from linkpool.contracts.oracle import (
    Answer,
    Ask,
    CancelOracleRequest,
    Lapsed,
    Oracle,
    OracleRequest,
    OracleResponse,
    Reason,
    Rejected,
    RequestTerms,
)
from linkpool.contracts.pool_events import Penalized
from linkpool.units import link
from tests.contracts.world import (
    COVERED,
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
from tests.support.evm import Reverted, account

ME = REQUESTERS[0]
SOURCES = Path(__file__).parent / "sources"

HOSTILE = {
    "reverts": bytes.fromhex("5f5ffd"),
    "fails an assertion": bytes.fromhex("fe"),
    "eats all gas": bytes.fromhex("5b5f56"),
    "returns half a megabyte": bytes.fromhex("6207a1205ff3"),
    "reverts with half a megabyte": bytes.fromhex("6207a1205ffd"),
    "destroys itself": bytes.fromhex("33ff"),
    "stores all it can": bytes.fromhex("5b5a5a5556"),
}


def caller_code() -> tuple[Abi, bytes]:
    """The hostile requester of sources/Caller.vy."""
    output = compile_contract("Caller", SOURCES)
    return Abi(output["abi"]), bytes.fromhex(output["bytecode"][2:])


CALLER = caller_code()


class Caller:
    """A requester contract and what it does in its callback."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.abi, code = CALLER
        self.address = world.evm.create(code, ["address"], [world.coin.address])
        world.fund(self.address, link(100))

    def do(self, function: str, *values: Any) -> bytes:
        return self.world.evm.raw(STRANGER, self.address, self.abi.functions[function].encode(*values))

    def get(self, function: str) -> Any:
        with self.world.evm.undone():
            return self.abi.functions[function].decode_output(self.do(function))

    def calldata(self, callback: str, nonce: int, job: bytes = FREE) -> bytes:
        function_id = self.abi.functions[callback].selector
        ask = Ask(job=job, requester=self.address, callback_function_id=function_id, nonce=nonce)
        return ask.calldata

    def ask(self, node: str, data: bytes) -> OracleRequest:
        self.do("ask", node, PAYMENT, data)
        (made,) = [e for e in self.world.evm.events if isinstance(e, OracleRequest)]
        return made


def fulfil(request: OracleRequest, function: str = "fulfillOracleRequest2", **changes: Any) -> bytes:
    """Calldata of a single answer with some field changed."""
    word: Any = (7).to_bytes(32)
    values: dict[str, Any] = {
        "requestId": request.request_id,
        "payment": request.payment,
        "callbackAddress": request.callback_address,
        "callbackFunctionId": request.callback_function_id,
        "expiration": request.expiration,
        "data": word if function[-1] != "2" else request.request_id + word,
    }
    return load("NodeOracle").functions[function].encode(*{**values, **changes}.values())


# --- answers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "ok"), [(0, True), (1, True), (2, False)])
def test_the_first_fulfil_function_answers_versions_up_to_one(world: World, version: int, ok: bool) -> None:
    node = world.nodes[0]
    made = world.request(node, ME, job=FREE, version=version)
    data = fulfil(made, "fulfillOracleRequest")
    if ok:
        assert int.from_bytes(world.evm.raw(world.senders[node], node, data)) == 1
        assert world.evm.ask(Oracle(node).earned()) == PAYMENT
    else:
        with pytest.raises(Reverted, match="Data versions must match"):
            world.evm.raw(world.senders[node], node, data)


@pytest.mark.parametrize("version", [0, 1, 2])
def test_the_second_answers_every_version(world: World, version: int) -> None:
    node = world.nodes[0]
    assert world.answer(node, world.request(node, ME, job=FREE, version=version))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"payment": PAYMENT + 1}, "Params do not match request ID"),
        ({"callbackAddress": STRANGER}, "Params do not match request ID"),
        ({"callbackFunctionId": b"\0\0\0\1"}, "Params do not match request ID"),
        ({"expiration": 1}, "Params do not match request ID"),
        ({"requestId": bytes(31) + b"\1", "data": bytes(31) + b"\1"}, "Must have a valid requestId"),
        ({"data": bytes(32)}, "First word must be requestId"),
        ({"data": b""}, "Response must be > 32 bytes"),
        ({"data": bytes(31)}, "Response must be > 32 bytes"),
    ],
)
def test_a_wrong_answer_reverts_with_operators_reasons(
    world: World, changes: dict[str, Any], reason: str
) -> None:
    node = world.nodes[0]
    made = world.request(node, ME, job=FREE)
    with pytest.raises(Reverted, match=reason):
        world.evm.raw(world.senders[node], node, fulfil(made, **changes))
    assert world.answer(node, made), "and the right one is still good"


@pytest.mark.parametrize("who", [STRANGER, OWNER, MANAGER, ME, "the other node's sender"])
def test_only_the_nodes_senders_answer(world: World, who: str) -> None:
    node, other = world.nodes[:2]
    sender = world.senders[other] if who.startswith("the") else who
    made = world.request(node, ME, job=FREE)
    oracle = Oracle(node)
    for call in (
        oracle.fulfill(reply(made)),
        oracle.fulfill_many([reply(made)]),
        oracle.reject(RequestTerms.of(made), Reason.POISONED),
    ):
        with pytest.raises(Reverted, match="Not authorized sender"):
            world.evm.send(sender, call)
    with pytest.raises(Reverted, match="Not authorized sender"):
        world.evm.raw(sender, node, fulfil(made, "fulfillOracleRequest"))


def test_an_answer_is_paid_once(world: World) -> None:
    node = world.nodes[0]
    made = world.request(node, ME, job=FREE)
    world.answer(node, made)
    with pytest.raises(Reverted, match="Must have a valid requestId"):
        world.answer(node, made)
    assert world.evm.send(world.senders[node], Oracle(node).fulfill_many([reply(made)] * 2)) == 2
    assert world.evm.ask(Oracle(node).earned()) == PAYMENT


def test_too_little_gas_for_the_callback_reverts(world: World) -> None:
    node = world.nodes[0]
    made = world.request(node, ME, job=FREE)
    with pytest.raises(Reverted, match="Must provide consumer enough gas"):
        world.evm.send(world.senders[node], Oracle(node).fulfill(reply(made)), gas=400_000)
    assert world.evm.send(world.senders[node], Oracle(node).fulfill(reply(made)), gas=500_000)


def test_a_long_answer_goes_singly_and_not_in_a_batch(world: World) -> None:
    node = world.nodes[0]
    made = world.request(node, ME, job=FREE)
    long = Answer(RequestTerms.of(made), made.request_id + bytes(2_048 - 32))
    with pytest.raises(Reverted):
        world.evm.send(world.senders[node], Oracle(node).fulfill_many([long]))
    assert world.evm.send(world.senders[node], Oracle(node).fulfill(long))


def test_a_batch_skips_what_is_bad_and_pays_the_rest(world: World) -> None:
    node = world.nodes[0]
    good = [world.request(node, ME, job=FREE) for _ in range(3)]
    terms = RequestTerms.of(good[2])
    bad = [
        Answer(RequestTerms(bytes(32), 1, ME, b"\0\0\0\0", 1), bytes(32)),
        Answer(terms, bytes(64)),
        Answer(terms, b"short"),
        Answer(RequestTerms(terms.request_id, 1, ME, terms.callback_function_id, 1), terms.request_id),
    ]
    batch = [reply(good[0]), *bad, reply(good[0]), reply(good[1])]
    assert world.evm.send(world.senders[node], Oracle(node).fulfill_many(batch)) == len(batch)
    answered = [e.request_id for e in world.evm.events if isinstance(e, OracleResponse)]
    assert answered == [good[0].request_id, good[1].request_id]
    assert world.evm.ask(Oracle(node).earned()) == 2 * PAYMENT
    assert world.evm.ask(Oracle(node).commitment(good[2].request_id)) != 0


# --- hostile callbacks ----------------------------------------------------------------------------


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.parametrize("batch", [False, True])
def test_a_hostile_callback_costs_only_its_gas(world: World, what: str, batch: bool) -> None:
    node, villain = world.nodes[0], account(f"villain {list(HOSTILE).index(what)} {batch}")
    world.fund(villain)
    askers = (REQUESTERS[0], villain, REQUESTERS[1])
    first, hostile, last = (world.request(node, who, job=FREE) for who in askers)
    world.evm.put_code(villain, HOSTILE[what])
    if batch:
        answers = [reply(first), reply(hostile), reply(last)]
        sender, oracle = world.senders[node], Oracle(node)
        assert world.evm.send(sender, oracle.fulfill_many(answers), gas=1_450_000) == 3
        assert sum(isinstance(e, OracleResponse) for e in world.evm.events) == 3
    else:
        call = Oracle(node).fulfill(reply(hostile))
        worked = world.evm.send(world.senders[node], call, gas=500_000)
        assert worked == (what == "destroys itself")
        world.answer(node, first)
        world.answer(node, last)
    assert world.evm.ask(Oracle(node).earned()) == 3 * PAYMENT


def test_a_callback_may_ask_again(world: World) -> None:
    node, caller = world.nodes[0], Caller(world)
    made = caller.ask(node, caller.calldata("asks_again", 1))
    caller.do("remember", caller.calldata("takes", 2))
    assert world.answer(node, made)
    (second,) = [e for e in world.evm.events if isinstance(e, OracleRequest)]
    assert world.evm.ask(Oracle(node).escrow()) == PAYMENT
    assert world.answer(node, second, word=42)
    assert int.from_bytes(caller.get("last")) == 42
    assert world.evm.ask(Oracle(node).earned()) == 2 * PAYMENT


def test_asking_again_inside_a_batch_keeps_the_books(world: World) -> None:
    node, caller = world.nodes[0], Caller(world)
    made = caller.ask(node, caller.calldata("asks_again", 1))
    caller.do("remember", caller.calldata("takes", 2))
    other = world.request(node, ME, job=FREE)
    batch = [reply(made), reply(other)]
    assert world.evm.send(world.senders[node], Oracle(node).fulfill_many(batch)) == 2
    assert world.evm.ask(Oracle(node).escrow()) == PAYMENT
    assert world.evm.ask(Oracle(node).earned()) == 2 * PAYMENT
    assert world.balance(node) == 3 * PAYMENT


@pytest.mark.parametrize("late", [False, True])
def test_a_callback_that_cancels_gets_nothing(staked: World, late: bool) -> None:
    node, caller = staked.nodes[0], Caller(staked)
    made = caller.ask(node, caller.calldata("calls_back", 1))
    caller.do("remember", Oracle(node).cancel(RequestTerms.of(made)).data)
    staked.evm.now += 301 * late
    held = staked.balance(caller.address)
    assert staked.answer(node, made)
    assert caller.get("worked") is False
    assert staked.balance(caller.address) == held


def test_a_callback_cannot_answer_or_reject_or_reach_the_pool(staked: World) -> None:
    node, caller = staked.nodes[0], Caller(staked)
    other = staked.request(node, ME)
    penalize = load("StakingPool").functions["penalize"].encode(bytes(32), caller.address, 1)
    for again in (
        Oracle(node).fulfill(reply(other)).data,
        Oracle(node).reject(RequestTerms.of(other), Reason.POISONED).data,
        load("NodeOracle").functions["harvest"].encode(),
        penalize,
    ):
        staked.asked += 1
        made = caller.ask(node, caller.calldata("calls_back", 1_000 + staked.asked))
        caller.do("remember", again)
        assert staked.answer(node, made)
        assert caller.get("worked") is False
    with pytest.raises(Reverted, match="Not a node of this pool"):
        staked.evm.raw(STRANGER, staked.pool.address, penalize)


def test_a_batched_callback_gets_exactly_400000_gas(world: World) -> None:
    node, caller = world.nodes[0], Caller(world)
    made = [caller.ask(node, caller.calldata("takes", nonce)) for nonce in range(3)]
    for gas in (16_000_000, 100_000 + 3 * 450_000):
        with world.evm.undone():
            batch = [reply(request) for request in made]
            assert world.evm.send(world.senders[node], Oracle(node).fulfill_many(batch), gas=gas) == 3
            assert 399_000 < caller.get("gas_seen") <= 400_000


def test_a_starved_batch_stops_before_an_answer_and_never_in_it(staked: World) -> None:
    """At every gas limit: whoever was answered was paid, called with 400,000 gas; the rest is open."""
    node, caller = staked.nodes[0], Caller(staked)
    made = [caller.ask(node, caller.calldata("takes", nonce)) for nonce in range(2)]
    batch = [reply(request) for request in made]
    seen = set()
    for gas in range(300_000, 1_000_000, 9_973):
        with staked.evm.undone():
            done = staked.evm.send(staked.senders[node], Oracle(node).fulfill_many(batch), gas=gas)
            answered = caller.get("answers")
            left = [staked.evm.ask(Oracle(node).commitment(request.request_id)) != 0 for request in made]
            assert answered == done == left.count(False)
            assert staked.evm.ask(Oracle(node).earned()) == done * PAYMENT
            if done:
                assert caller.get("gas_seen") > 399_000
            seen.add(done)
    assert seen == {0, 1, 2}


@pytest.mark.parametrize(
    ("covered", "late", "done"), [(True, True, 0), (True, False, 1), (False, True, 1), (False, False, 1)]
)
def test_gas_for_a_penalty_is_needed_when_there_is_one(
    staked: World, covered: bool, late: bool, done: int
) -> None:
    node = staked.nodes[0]
    made = staked.request(node, ME, job=COVERED if covered else FREE)
    staked.evm.now += 300 * late
    call = Oracle(node).fulfill_many([reply(made)])
    assert staked.evm.send(staked.senders[node], call, gas=500_000) == done
    assert staked.evm.send(staked.senders[node], call, gas=650_000) == 1


@pytest.mark.parametrize("batch", [False, True])
def test_an_answer_of_the_id_alone_is_long_enough(world: World, batch: bool) -> None:
    node = world.nodes[0]
    made = world.request(node, ME, job=FREE)
    answer = Answer(RequestTerms.of(made), made.request_id)
    call: Call[Any] = Oracle(node).fulfill_many([answer]) if batch else Oracle(node).fulfill(answer)
    world.evm.send(world.senders[node], call)
    assert world.evm.ask(Oracle(node).earned()) == PAYMENT


# --- not answered ---------------------------------------------------------------------------------


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
