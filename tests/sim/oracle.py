"""NodeOracle in Python, as far as replicas and requesters can tell it from the real one.

Requests, covers, answers first come first served, a batch that skips what it cannot answer, cancels, and
rejections in the first half of the window: the rules of `NodeOracle.vy`, and its own events. Besides them it
logs `GIVEN` with the data of each answer, so that the chain itself says what was answered, and when.

A requester asks by a call of `ask_data`, where the real contract hears from LINK.
"""

import hashlib
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any

from eth_abi.abi import encode
from eth_hash.auto import keccak

from linkpool.chain.types import checksum
from linkpool.contracts.abi import load
from linkpool.contracts.oracle import WINDOW_SECONDS
from tests.support.fake_chain import Call, Revert, Tx

ADDRESS = checksum("0x" + "0a" * 20)
GIVEN = hashlib.sha256(b"an answer was given").digest()
ASK = b"ask "
CALLBACK = bytes.fromhex("4357855e")
PAYMENT = 10**17
GWEI_LINK = 10**9
BATCH_BASE, ANSWER_COST, REJECT_COST = 30_000, 60_000, 40_000


@dataclass(frozen=True)
class Commitment:
    """What the contract keeps of one open request; `penalty` in juels."""

    payment: int
    requester: str
    function_id: bytes
    expiration: int
    penalty: int = 0
    rejected: bool = False

    def fits(self, payment: int, requester: str, function_id: bytes, expiration: int) -> bool:
        """These are the terms it was made with."""
        mine = (self.payment, self.requester, self.function_id, self.expiration)
        return mine == (payment, requester, function_id, expiration)


@dataclass(frozen=True)
class Question:
    """A request to be: `number` is the requester's nonce, so asking it again re-uses the id."""

    requester: str
    number: int
    job: bytes
    params: bytes
    penalty: int

    @property
    def request_id(self) -> bytes:
        """As the contract derives it."""
        return _request_id(self.requester, self.number)


def request_tx(question: Question, nonce: int) -> Tx:
    """The requester's transaction; it needs no signature, because it goes straight into the mempool."""
    parts = (question.number, question.penalty, question.job, question.params)
    data = ASK + encode(["uint256", "uint256", "bytes32", "bytes"], parts)
    return _unsigned(question.requester, nonce, data)


def cancel_tx(requester: str, nonce: int, data: bytes) -> Tx:
    """The requester takes its money back; `data` is the call that `linkpool.contracts.oracle` encodes."""
    return _unsigned(requester, nonce, data)


def _unsigned(sender: str, nonce: int, data: bytes) -> Tx:
    name = hashlib.sha256(sender.encode() + nonce.to_bytes(8) + data).digest()
    return Tx(b"", name, sender, nonce, ADDRESS, 0, data, 400_000, 10**13, 10**9)


def contract(senders: frozenset[str]) -> Any:
    """The handler for `FakeChain.contracts`, with these authorized senders."""

    def handle(call: Call) -> bytes:
        if call.data[:4] == ASK:
            _ask(call)
            return b""
        name, values = _decoded(call.data)
        if name in _FOR_SENDERS and call.sender not in senders:
            raise Revert("Not authorized sender")
        return _HANDLERS[name](call, *values)

    return handle


def _ask(call: Call) -> None:
    number, penalty, job, params = _asked(call.data)
    request_id = _request_id(call.sender, number)
    if request_id in call.storage:
        raise Revert("Must use a unique ID")
    expiration = call.block.timestamp + WINDOW_SECONDS
    call.storage[request_id] = Commitment(PAYMENT, call.sender, CALLBACK, expiration, penalty)
    body = (call.sender, request_id, PAYMENT, call.sender, CALLBACK, expiration, 2, params)
    call.emit([_topic("OracleRequest"), job], _request_body(*body))
    if penalty:
        call.emit([_topic("Covered"), request_id], penalty.to_bytes(32))


def _fulfill(call: Call, request_id: bytes, *rest: Any) -> bytes:
    *terms, data = rest
    call.gas_used = ANSWER_COST
    if data[:32] != request_id:
        raise Revert("First word must be requestId")
    held = call.storage.get(request_id)
    if held is None:
        raise Revert("Must have a valid requestId")
    if not held.fits(*terms):
        raise Revert("Params do not match request ID")
    _give(call, request_id, data)
    return (1).to_bytes(32)


def _fulfill_many(call: Call, answers: Any) -> bytes:
    call.gas_used = BATCH_BASE
    for request_id, *terms, data in answers:
        held = call.storage.get(request_id)
        if held is None or data[:32] != request_id or not held.fits(*terms):
            continue
        call.gas_used += ANSWER_COST
        _give(call, request_id, data)
    return len(answers).to_bytes(32)


def _give(call: Call, request_id: bytes, data: bytes) -> None:
    del call.storage[request_id]
    call.emit([_topic("OracleResponse"), request_id])
    call.emit([GIVEN, request_id], data)


def _cancel(call: Call, request_id: bytes, payment: int, function_id: bytes, expiration: int) -> bytes:
    held = call.storage.get(request_id)
    if held is None or not held.fits(payment, call.sender, function_id, expiration):
        raise Revert("Params do not match request ID")
    if not held.rejected and call.block.timestamp < expiration:
        raise Revert("Request is not expired")
    del call.storage[request_id]
    call.emit([_topic("CancelOracleRequest"), request_id])
    return b""


def _reject(call: Call, request_id: bytes, *rest: Any) -> bytes:
    *terms, reason = rest
    call.gas_used = REJECT_COST
    held = call.storage.get(request_id)
    if held is None or not held.fits(*terms):
        raise Revert("Params do not match request ID")
    if held.rejected:
        raise Revert("Already rejected")
    if call.block.timestamp + WINDOW_SECONDS // 2 >= held.expiration:
        raise Revert("Too late to reject")
    call.storage[request_id] = replace(held, penalty=0, rejected=True)
    call.emit([_topic("Rejected"), request_id], reason.to_bytes(32))
    return b""


_HANDLERS = {
    "fulfillOracleRequest2": _fulfill,
    "fulfill_many": _fulfill_many,
    "cancelOracleRequest": _cancel,
    "reject": _reject,
}
_FOR_SENDERS = {"fulfillOracleRequest2", "fulfill_many", "reject"}


@lru_cache(maxsize=4096)
def _decoded(data: bytes) -> tuple[str, tuple[Any, ...]]:
    name = _selectors().get(data[:4])
    if name is None:
        raise Revert("no such function")
    return name, load("NodeOracle").functions[name].decode_inputs(data)


@cache
def _selectors() -> dict[bytes, str]:
    functions = load("NodeOracle").functions
    return {functions[name].selector: name for name in _HANDLERS}


@lru_cache(maxsize=4096)
def _asked(data: bytes) -> tuple[int, int, bytes, bytes]:
    from eth_abi.abi import decode

    return decode(["uint256", "uint256", "bytes32", "bytes"], data[4:])


@lru_cache(maxsize=4096)
def _request_body(*values: Any) -> bytes:
    kinds = ["address", "bytes32", "uint256", "address", "bytes4", "uint256", "uint256", "bytes"]
    return encode(kinds, values)


@lru_cache(maxsize=4096)
def _request_id(requester: str, number: int) -> bytes:
    return keccak(bytes.fromhex(requester[2:]) + number.to_bytes(32))


@cache
def _topic(event: str) -> bytes:
    return load("NodeOracle").events[event].topic
