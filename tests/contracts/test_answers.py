"""Answers: who may give one, which are taken, who is paid, and what a batch skips."""

from typing import Any

import pytest

from linkpool.contracts.abi import Call, load
from linkpool.contracts.oracle import (
    Answer,
    Oracle,
    OracleRequest,
    OracleResponse,
    Reason,
    RequestTerms,
)
from tests.contracts.world import (
    COVERED,
    FREE,
    MANAGER,
    OWNER,
    PAYMENT,
    REQUESTERS,
    STRANGER,
    World,
    reply,
)
from tests.support.evm import Reverted

ME = REQUESTERS[0]


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
