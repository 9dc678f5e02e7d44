"""Hostile callbacks: what a requester contract reaches while it is answered, and what it costs the node."""

from pathlib import Path
from typing import Any

import pytest

from linkpool.contracts.abi import Abi, load
from linkpool.contracts.build import compile_contract
from linkpool.contracts.oracle import (
    Ask,
    Oracle,
    OracleRequest,
    OracleResponse,
    Reason,
    RequestTerms,
)
from linkpool.units import link
from tests.contracts.world import (
    FREE,
    PAYMENT,
    REQUESTERS,
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
