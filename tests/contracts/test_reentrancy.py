"""A hostile LINK calls back in the middle of a transfer: no entry of the pool opens, no request ends twice.

The puppet it calls holds every role, stake, a ripe ticket and an expired covered request, so that nothing
but the lock can refuse it: each act is first shown to work by itself.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from linkpool.contracts.abi import Abi, Call, load, load_code
from linkpool.contracts.build import compile_contract
from linkpool.contracts.link import Link
from linkpool.contracts.oracle import Ask, Oracle, OracleRequest, RequestTerms
from linkpool.contracts.pool import Offer, Pool, stake_data
from linkpool.contracts.view import View
from linkpool.units import link
from tests.contracts.world import (
    CALLBACK,
    COVERED,
    FEES,
    FREE,
    MANAGER,
    PAYMENT,
    STRANGER,
    UNBONDING,
    World,
    reply,
)
from tests.support.evm import Evm, Reverted, account

ALL = 2**255


def token_code() -> tuple[Abi, bytes]:
    output = compile_contract("ReentrantLink", Path(__file__).parent / "sources")
    return Abi(output["abi"]), bytes.fromhex(output["bytecode"][2:])


TOKEN = token_code()
HOOK = load("NodeOracle").functions["onTokenTransfer"]


class Hostile:
    """A pool whose LINK calls back. `puppet` has every role but the manager's, stakes, and asks."""

    def __init__(self) -> None:
        self.abi, code = TOKEN
        self.evm = Evm()
        self.token, self.puppet = self.evm.create(code), self.evm.create(code)
        blueprint = self.evm.create(load_code("NodeOracle").blueprint)
        roles = (self.puppet, MANAGER, self.puppet, FEES)
        settings = (self.token, blueprint, *roles, 1_000, UNBONDING, 10, link(100_000))
        self.pool = Pool(
            self.evm.create(load_code("StakingPool").creation, load("StakingPool").constructor, settings)
        )
        self.world = World(self.evm, Link(self.token), self.pool, View(self.pool.address))
        self.open, self.draining, self.retired = (self.world.register(number) for number in range(3))
        for who in (self.pool.address, self.puppet, self.open):
            self.do("mint", who, link(1_000))
        for offer in (Offer(COVERED, PAYMENT, link("0.1"), 10**18, True), Offer(FREE, 0, 0, 0, True)):
            self.act(self.pool.set_offer(offer))
        for node in (self.open, self.retired):
            self.act(self.pool.stake(node, link(100), self.puppet))
        self.act(self.pool.request_unstake(self.open, link(5)))
        self.ticket = int(self.puppet, 16) << 96
        for call in (self.pool.drain(self.draining), self.pool.drain(self.retired)):
            self.act(call)
        self.act(self.pool.retire(self.retired))
        self.world.answer(self.open, self.ask(FREE, 1))
        self.evm.now += UNBONDING
        self.request = self.ask(COVERED, 2)
        self.evm.now = self.request.expiration

    def do(self, function: str, *values: Any) -> bytes:
        return self.evm.raw(STRANGER, self.token, self.abi.functions[function].encode(*values))

    def get(self, function: str) -> Any:
        return self.abi.functions[function].decode_output(self.do(function))

    def route(self, call: Call[Any]) -> tuple[str, bytes]:
        """How the token gets the puppet to make this call; the token's own ones it makes itself."""
        if call.data[:4] == HOOK.selector:
            return call.to, call.data
        return self.puppet, self.abi.functions["act"].encode(call.to, call.data)

    def act(self, call: Call[Any]) -> None:
        """The token has this call made."""
        self.do("act", *self.route(call))

    def ask(self, job: bytes, nonce: int) -> OracleRequest:
        """A request of the puppet, as LINK brings it."""
        ask = Ask(job=job, requester=self.puppet, callback_function_id=CALLBACK, nonce=nonce)
        self.act(Call(self.open, HOOK.encode(self.puppet, PAYMENT, ask.calldata), bytes))
        (made,) = [event for event in self.evm.events if isinstance(event, OracleRequest)]
        return made

    def cancel(self) -> Call[Any]:
        return Oracle(self.open).cancel(RequestTerms.of(self.request))


@pytest.fixture
def hostile() -> Hostile:
    return Hostile()


def brought(h: Hostile) -> Call[Any]:
    data = HOOK.encode(h.puppet, link(1), stake_data(h.open, h.puppet))
    return Call(h.pool.address, data, bytes)


def invited(h: Hostile) -> Call[Any]:
    invite = h.world.invite(9)
    return h.pool.register(invite, h.world.signed(invite))


ENTRIES: dict[str, Callable[[Hostile], Call[Any]]] = {
    "register": invited,
    "add_sender": lambda h: h.pool.add_sender(h.open, account("fresh")),
    "remove_sender": lambda h: h.pool.remove_sender(h.open, h.world.senders[h.open]),
    "drain": lambda h: h.pool.drain(h.open),
    "reopen": lambda h: h.pool.reopen(h.draining),
    "retire": lambda h: h.pool.retire(h.draining),
    "set_capacity": lambda h: h.pool.set_capacity(h.open, 1),
    "onTokenTransfer": brought,
    "stake": lambda h: h.pool.stake(h.open, link(1), h.puppet),
    "request_unstake": lambda h: h.pool.request_unstake(h.open, ALL),
    "withdraw": lambda h: h.pool.withdraw(h.ticket),
    "move": lambda h: h.pool.move(h.retired, h.open, ALL),
    "sync": lambda h: h.pool.sync(h.open),
    "harvest": lambda h: h.pool.harvest([h.open]),
    "claim": lambda h: h.pool.claim([h.open]),
    "pay_fees": lambda h: h.pool.pay_fees(),
    "penalize": lambda h: h.cancel(),
}


def test_every_locked_entry_is_named_here() -> None:
    source = (Path(load_code.__code__.co_filename).parent / "sources" / "StakingPool.vy").read_text()
    locked = [part.split("(")[0] for part in source.split("@nonreentrant\ndef ")[1:]]
    assert sorted(locked) == sorted(ENTRIES)


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_transfer_cannot_enter_the_pool_again(hostile: Hostile, entry: str) -> None:
    call = ENTRIES[entry](hostile)
    with hostile.evm.undone():
        hostile.act(call)
    hostile.do("plan", *hostile.route(call))
    hostile.evm.send(STRANGER, hostile.pool.pay_fees())
    assert hostile.get("tried")
    assert (hostile.get("worked"), hostile.get("returned")) == (False, b"")


def test_a_transfer_cannot_cancel_or_answer_the_request_it_refunds(hostile: Hostile) -> None:
    """A node has no lock: what is over is over before LINK is called."""
    answer = Oracle(hostile.open).fulfill(reply(hostile.request))
    had = hostile.world.balance(hostile.puppet)
    with hostile.evm.undone():
        hostile.act(hostile.cancel())
        paid = hostile.world.balance(hostile.puppet) - had
    hostile.do("plan", *hostile.route(hostile.cancel()))
    hostile.act(hostile.cancel())
    assert (hostile.get("tried"), hostile.get("worked")) == (True, False)
    assert hostile.world.balance(hostile.puppet) - had == paid == PAYMENT + link("0.1")
    with pytest.raises(Reverted, match="Must have a valid requestId"):
        hostile.evm.send(hostile.world.senders[hostile.open], answer)
