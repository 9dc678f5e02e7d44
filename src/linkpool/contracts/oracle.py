"""NodeOracle: requests as they come out of the log, answers as they go in.

A request is known by (id, expiration, log position). What identifies it to the contract is `RequestTerms`,
taken from `OracleRequest`: hand them back unchanged to answer, reject or lapse it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from eth_utils.crypto import keccak

from linkpool.contracts.abi import BadCalldata, Call, Contract, Event, load, nothing, same

WINDOW_SECONDS = 300
"""A request should be answered in this time; at its expiration it is late."""

CLAIM_SECONDS = 86_400
"""A cover can be claimed this long after expiration; then it may lapse."""

REJECT_SECONDS = 150
"""A request may be rejected while more than this is left of its window."""

MAX_BATCH = 32
MAX_BATCH_DATA = 512
MAX_ANSWER_DATA = 2_048
MAX_REQUEST_DATA = 4_096

SINGLE_GAS = 500_000
"""Gas limit of a single answer, as the protocol promises: 400,000 of it for the callback."""


def batch_gas(answers: int) -> int:
    """Gas limit of `fulfill_many`: a formula, never an estimate."""
    return 100_000 + 450_000 * answers


class Reason(IntEnum):
    """Why a request is rejected."""

    UNKNOWN_JOB = 0
    BAD_PARAMETERS = 1
    SOURCE_FAILED = 2
    SOURCE_REFUSED = 3
    UNPROFITABLE = 4
    POISONED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleRequest(Event):
    """Somebody asks. `payment` in juels, `expiration` in Unix seconds, `data` CBOR without map delimiters."""

    contract = "NodeOracle"
    job: bytes
    requester: str
    request_id: bytes
    payment: int
    callback_address: str
    callback_function_id: bytes
    expiration: int
    data_version: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleResponse(Event):
    """A request was answered and paid."""

    contract = "NodeOracle"
    request_id: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOracleRequest(Event):
    """A requester took its payment back."""

    contract = "NodeOracle"
    request_id: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered(Event):
    """Right after its OracleRequest: so many juels of stake back it. No such event: no cover."""

    contract = "NodeOracle"
    request_id: bytes
    penalty: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected(Event):
    """The node will not answer; its cover is zero from here."""

    contract = "NodeOracle"
    request_id: bytes
    reason: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapsed(Event):
    """Nobody claimed the cover in its day; the refund stays."""

    contract = "NodeOracle"
    request_id: bytes


EVENTS: tuple[type[Event], ...] = (
    OracleRequest,
    OracleResponse,
    CancelOracleRequest,
    Covered,
    Rejected,
    Lapsed,
)


@dataclass(frozen=True, slots=True)
class RequestTerms:
    """What the contract needs to know a request again."""

    request_id: bytes
    payment: int
    callback_address: str
    callback_function_id: bytes
    expiration: int

    @classmethod
    def of(cls, request: OracleRequest) -> "RequestTerms":
        """The terms of a request from the log."""
        return cls(
            request.request_id,
            request.payment,
            request.callback_address,
            request.callback_function_id,
            request.expiration,
        )

    @property
    def values(self) -> tuple[Any, ...]:
        """As the ABI takes them."""
        return (
            self.request_id,
            self.payment,
            self.callback_address,
            self.callback_function_id,
            self.expiration,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """A request's terms, and what its callback gets after the function id: first word the request id."""

    terms: RequestTerms
    data: bytes


def decode_fulfilment(calldata: bytes) -> Answer:
    """The answer in a call of either fulfil function, as a job's `ethtx` makes it. Raises BadCalldata."""
    functions = load("NodeOracle").functions
    for name in ("fulfillOracleRequest2", "fulfillOracleRequest"):
        if calldata[:4] == functions[name].selector:
            *terms, data = functions[name].decode_inputs(calldata)
            answer = Answer(RequestTerms(*terms), data if name[-1] == "2" else terms[0] + data)
            if answer.data[:32] != answer.terms.request_id:
                first = answer.data[:32].hex()
                raise BadCalldata(
                    f"{name}: the first word of an answer must be its request id, it is 0x{first}"
                )
            return answer
    raise BadCalldata(f"0x{calldata[:4].hex()} is no fulfillOracleRequest (4ab0d190) or ...2 (6ae0bc76)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request to make: `transfer_and_call(oracle, payment, ask.calldata)` by the requester itself."""

    job: bytes
    requester: str
    callback_function_id: bytes
    nonce: int
    data: bytes = b""
    data_version: int = 2

    @property
    def calldata(self) -> bytes:
        """A call of oracleRequest; LINK fills in sender and amount."""
        zero = "0x" + "00" * 20
        values = (
            self.job,
            self.requester,
            self.callback_function_id,
            self.nonce,
            self.data_version,
            self.data,
        )
        return load("NodeOracle").functions["oracleRequest"].encode(zero, 0, *values)

    @property
    def request_id(self) -> bytes:
        """The id the request will have."""
        return keccak(bytes.fromhex(self.requester[2:]) + self.nonce.to_bytes(32))


class Oracle(Contract):
    """One node's contract; its address is the node's id."""

    contract = "NodeOracle"

    def fulfill(self, answer: Answer) -> Call[bool]:
        """`fulfillOracleRequest2`, good for every data version. Returns whether the callback succeeded."""
        return self._call("fulfillOracleRequest2", *answer.terms.values, answer.data, read=same)

    def fulfill_many(self, answers: Sequence[Answer]) -> Call[int]:
        """At most 32 answers of at most 512 bytes. Returns how many were looked at."""
        rows = [(*answer.terms.values, answer.data) for answer in answers]
        return self._call("fulfill_many", rows, read=same)

    def reject(self, terms: RequestTerms, reason: Reason) -> Call[None]:
        """In the first half of the window."""
        return self._call("reject", *terms.values, int(reason), read=nothing)

    def lapse(self, terms: RequestTerms) -> Call[None]:
        """A day after expiration, by anyone."""
        return self._call("lapse", *terms.values, read=nothing)

    def cancel(self, terms: RequestTerms) -> Call[None]:
        """By the requester, expired or rejected."""
        parts = (terms.request_id, terms.payment, terms.callback_function_id, terms.expiration)
        return self._call("cancelOracleRequest", *parts, read=nothing)

    def commitment(self, request_id: bytes) -> Call[int]:
        """Zero when no request of that id is open."""
        return self._call("commitments", request_id, read=same)

    def is_authorized_sender(self, sender: str) -> Call[bool]:
        """May that address answer?"""
        return self._call("isAuthorizedSender", sender, read=same)

    def accepting(self) -> Call[bool]:
        """Does the node take requests (it is registered and not draining)?"""
        return self._call("accepting", read=same)

    def escrow(self) -> Call[int]:
        """Juels of open requests."""
        return self._call("escrow", read=same)

    def earned(self) -> Call[int]:
        """Juels ever earned."""
        return self._call("earned", read=same)

    def harvested(self) -> Call[int]:
        """Juels of those already moved to the pool."""
        return self._call("harvested", read=same)

    def reserves(self) -> Call[int]:
        """Juels of stake behind open requests."""
        return self._call("reserves", read=same)

    def rejections(self) -> Call[int]:
        """Requests ever rejected."""
        return self._call("rejections", read=same)
