"""NodeOracle beside Chainlink's Operator 1.5.0: same client, same acts, same events, callbacks and balances.

Every history runs on both, each with a LinkToken and a client of its own; addresses and request ids are
replaced by names before comparing, and events that Operator has not (`Covered`) are left out. The stated
differences are at the end.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkpool.chain.types import Log
from linkpool.contracts.abi import load_code
from linkpool.contracts.events import decode
from linkpool.contracts.link import Link
from linkpool.contracts.oracle import Oracle, OracleRequest, RequestTerms
from linkpool.contracts.pool import Offer, Pool
from linkpool.contracts.view import View
from linkpool.units import link
from tests.contracts.test_answers import fulfil
from tests.contracts.world import FREE, MANAGER, OWNER, STRANGER, World, pool_arguments
from tests.support.chainlink import Compiled, client, operator
from tests.support.evm import DEPLOYER, Evm, Reverted, account
from tests.support.examples import examples

SENDER = account("sender0")
PAYMENT = link(1)
OURS_ONLY = {"Covered", "Rejected", "Lapsed"}


@dataclass
class Side:
    """One oracle with everything around it: ours, or theirs."""

    evm: Evm
    coin: Link
    oracle: str
    names: dict[str, str] = field(default_factory=dict)
    told: list[tuple[Any, ...]] = field(default_factory=list)
    """What can be seen from outside, with names for addresses."""

    def name(self, address: str) -> str:
        return self.names.get(address, address)

    def client(self, kind: Compiled, *more: Any, name: str = "client") -> str:
        made = self.evm.create(kind.creation(self.coin.address, self.oracle, *more))
        self.names[made] = name
        self.evm.send(DEPLOYER, self.coin.transfer(made, link(10)))
        return made

    def act(self, sender: str, to: str, data: bytes, gas: int = 16_000_000) -> bytes | None:
        """Do it and note everything: success, return data, oracle events, balances."""
        start = len(self.evm.logs)
        try:
            returned: bytes | None = self.evm.raw(sender, to, data, gas)
        except Reverted as problem:
            self.told.append(("reverted", str(problem)))
            return None
        told = [told for log in self.evm.logs[start:] if (told := self._tell(log))]
        self.told += [("returned", self.ids.get(returned or b"", returned)), *told]
        self.told.append(tuple(sorted((n, self.balance(at)) for at, n in self.names.items())))
        return returned

    def balance(self, who: str) -> int:
        return self.evm.ask(self.coin.balance_of(who))

    def _tell(self, log: Log) -> tuple[Any, ...] | None:
        event = decode(log)
        if log.address != self.oracle:
            return (self.name(log.address), log.topics[0], len(log.topics), len(log.data))
        if event is None or type(event).__name__ in OURS_ONLY:
            return None
        if not isinstance(event, OracleRequest):
            return (type(event).__name__, self.ids.get(log.topics[1], log.topics[1]))
        self.ids[event.request_id] = f"request {len(self.ids)}"
        asked = (event.job, self.name(event.requester), event.payment, self.name(event.callback_address))
        return (*asked, event.callback_function_id, event.expiration, event.data_version, event.data)

    @property
    def requests(self) -> list[OracleRequest]:
        return [e for e in map(decode, self.evm.logs) if isinstance(e, OracleRequest)]

    def __post_init__(self) -> None:
        self.names |= {self.oracle: "oracle", self.coin.address: "link"}
        self.ids: dict[bytes, str] = {}


def ours() -> Side:
    evm = Evm()
    coin = Link(evm.create(client("v0.4", "LinkToken").creation()))
    blueprint = evm.create(load_code("NodeOracle").blueprint)
    code = load_code("StakingPool").creation
    pool = Pool(evm.create(code, *pool_arguments(coin.address, blueprint, 1_000)))
    world = World(evm, coin, pool, View(pool.address))
    node = world.register(0)
    evm.send(MANAGER, pool.set_offer(Offer(FREE, 0, 0, 0, True)))
    return Side(evm, coin, node)


def theirs() -> Side:
    evm = Evm()
    coin = Link(evm.create(client("v0.4", "LinkToken").creation()))
    at = evm.create(operator().creation(coin.address, OWNER))
    evm.raw(OWNER, at, operator().calldata("setAuthorizedSenders", [SENDER]))
    return Side(evm, coin, at)


def same(history: Callable[[Side], None]) -> Side:
    """Run a history on both sides: they must tell the same. Returns ours."""
    sides = [ours(), theirs()]
    for side in sides:
        history(side)
    mine, other = sides
    assert mine.told == other.told
    assert mine.told
    return mine


def answer_all(side: Side, function: str = "fulfillOracleRequest2") -> None:
    for request in side.requests:
        side.act(SENDER, side.oracle, fulfil(request, function), gas=600_000)


# --- clients --------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", ["fulfillOracleRequest", "fulfillOracleRequest2"])
def test_basic_consumer_v04(function: str) -> None:
    kind = client("v0.4", "tests/BasicConsumer")

    def history(side: Side) -> None:
        at = side.client(kind, FREE)
        side.act(STRANGER, at, kind.calldata("requestEthereumPrice", "USD"))
        answer_all(side, function)
        answer_all(side, function)
        side.act(STRANGER, at, kind.calldata("currentPrice"))

    mine = same(history)
    assert ("returned", (1).to_bytes(32)) in mine.told
    assert mine.told[-2] == ("returned", (7).to_bytes(32)), "the price arrived"
    assert [request.data_version for request in mine.requests] == [1]


@pytest.mark.parametrize("function", ["fulfillOracleRequest", "fulfillOracleRequest2"])
def test_consumer_v07(function: str) -> None:
    kind = client("v0.7", "tests/Consumer")

    def history(side: Side) -> None:
        at = side.client(kind, FREE)
        side.act(STRANGER, at, kind.calldata("requestEthereumPrice", "USD", PAYMENT))
        answer_all(side, function)
        side.act(STRANGER, at, kind.calldata("currentPrice"))

    mine = same(history)
    assert ("reverted", "Data versions must match") in mine.told if function[-1] != "2" else True


def test_multi_word_consumer_v07() -> None:
    kind = client("v0.7", "tests/MultiWordConsumer")

    def history(side: Side) -> None:
        at = side.client(kind, FREE)
        side.act(STRANGER, at, kind.calldata("requestMultipleParameters", "USD", PAYMENT))
        (request,) = side.requests
        words = request.request_id + b"".join(n.to_bytes(32) for n in (1, 2, 3))
        side.act(SENDER, side.oracle, fulfil(request, data=words))
        for word in ("usd", "eur", "jpy"):
            side.act(STRANGER, at, kind.calldata(word))

    mine = same(history)
    words = [told[1] for told in mine.told if told[0] == "returned"][-3:]
    assert [int.from_bytes(word) for word in words] == [1, 2, 3]


@pytest.mark.parametrize("version", ["v0.4", "v0.5"])
@pytest.mark.parametrize(
    "callback",
    [
        "assertFail",
        "cancelRequestOnFulfill",
        "stealEthCall",
        "stealEthSend",
        "stealEthTransfer",
        "doesNothing",
    ],
)
def test_malicious_consumer(version: str, callback: str) -> None:
    kind = client(version, "tests/MaliciousConsumer")

    def history(side: Side) -> None:
        at = side.client(kind)
        data = kind.calldata("requestData", FREE, f"{callback}(bytes32,bytes32)".encode())
        side.act(STRANGER, at, data)
        answer_all(side)

    mine = same(history)
    assert len(mine.requests) == 1
    assert mine.evm.ask(Oracle(mine.oracle).earned()) == mine.requests[0].payment


@pytest.mark.parametrize("version", ["v0.4", "v0.5"])
@pytest.mark.parametrize("trick", ["maliciousWithdraw", "maliciousRequestCancel", "maliciousPrice"])
def test_malicious_requester(version: str, trick: str) -> None:
    kind = client(version, "tests/MaliciousRequester")
    values = {
        "maliciousWithdraw": (),
        "maliciousRequestCancel": (FREE, b"doesNothing(bytes32,bytes32)"),
        "maliciousPrice": (FREE,),
    }[trick]

    def history(side: Side) -> None:
        at = side.client(kind)
        side.act(STRANGER, at, kind.calldata(trick, *values))
        answer_all(side)

    same(history)


def test_gas_guzzling_consumer_v06() -> None:
    kind = client("v0.6", "tests/GasGuzzlingConsumer")

    def history(side: Side) -> None:
        at = side.client(kind, FREE)
        side.act(STRANGER, at, kind.calldata("gassyRequestEthereumPrice", PAYMENT))
        side.act(STRANGER, at, kind.calldata("gassyMultiWordRequest", PAYMENT))
        answer_all(side)

    mine = same(history)
    assert mine.evm.ask(Oracle(mine.oracle).earned()) == 2 * PAYMENT, "paid, whatever the callback ate"


# --- histories at random --------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["ask", "operator", "answer", "answer1", "cancel", "wait", "twice", "wrong payment", "stranger"]
        ),
        st.integers(0, 4),
        st.integers(0, 2),
    ),
    min_size=3,
    max_size=14,
)


def request_call(side: Side, who: str, version: int, nonce: int, operator_way: bool, data: bytes) -> bytes:
    """What goes with transferAndCall, either way to ask."""
    function = "operatorRequest" if operator_way else "oracleRequest"
    callback = () if operator_way else (who,)
    zero = "0x" + "00" * 20
    return operator().calldata(function, zero, 0, FREE, *callback, b"\1\2\3\4", nonce, version, data)


def play(side: Side, steps: Sequence[tuple[str, int, int]]) -> None:
    """A history of a plain account as requester."""
    who = account("requester0")
    side.names[who] = "requester"
    side.evm.send(DEPLOYER, side.coin.transfer(who, link(1_000)))
    for number, (what, pick, version) in enumerate(steps):
        made = side.requests
        if what in {"ask", "operator"}:
            data = request_call(side, who, version, number, what == "operator", bytes(pick * 33))
            side.act(who, side.coin.address, side.coin.transfer_and_call(side.oracle, pick, data).data)
        elif what == "wait":
            side.evm.now += (1, 150, 299, 300, 100_000)[pick]
        elif made:
            request = made[pick % len(made)]
            cancel = Oracle(side.oracle).cancel(RequestTerms.of(request)).data
            data = {
                "answer": fulfil(request),
                "answer1": fulfil(request, "fulfillOracleRequest"),
                "cancel": cancel,
                "twice": fulfil(request),
                "wrong payment": fulfil(request, payment=pick + 1),
                "stranger": fulfil(request),
            }[what]
            sender = {"cancel": who, "stranger": STRANGER}.get(what, SENDER)
            side.act(sender, side.oracle, data)
            if what == "twice":
                side.act(sender, side.oracle, data)


@settings(max_examples=examples(40))
@given(steps=STEPS)
def test_histories_of_a_plain_account(steps: list[tuple[str, int, int]]) -> None:
    sides = [ours(), theirs()]
    for side in sides:
        play(side, steps)
    assert sides[0].told == sides[1].told


# --- the stated differences -----------------------------------------------------------------------


def refusals(data: Callable[[Side], bytes], amount: int = 5) -> tuple[Any, ...]:
    """What each side says to one transferAndCall by a plain account."""
    said = []
    for side in (ours(), theirs()):
        who = account("requester0")
        side.evm.send(DEPLOYER, side.coin.transfer(who, link(1)))
        side.act(who, side.coin.address, side.coin.transfer_and_call(side.oracle, amount, data(side)).data)
        said.append(side.told[0][0])
    return tuple(said)


@pytest.mark.parametrize(
    ("what", "values"),
    [
        ("a foreign callback address", (FREE, STRANGER, b"\1\2\3\4", 1, 2, b"")),
        ("data version above 2", (FREE, account("requester0"), b"\1\2\3\4", 1, 3, b"")),
        ("data above 4,096 bytes", (FREE, account("requester0"), b"\1\2\3\4", 1, 2, bytes(4_097))),
        ("a job without an offer", (bytes(32), account("requester0"), b"\1\2\3\4", 1, 2, b"")),
    ],
)
def test_refused_here_and_taken_there(what: str, values: tuple[Any, ...]) -> None:
    zero = "0x" + "00" * 20
    call = operator().calldata("oracleRequest", zero, 0, *values)
    assert refusals(lambda _: call) == ("reverted", "returned"), what


@pytest.mark.parametrize("version", ["v0.4", "v0.5"])
def test_a_request_in_the_name_of_another_contract_is_refused_here(version: str) -> None:
    """MaliciousRequester aims its request's callback at somebody else's contract."""
    kind = client(version, "tests/MaliciousRequester")
    said = []
    for side in (ours(), theirs()):
        at = side.client(kind)
        side.act(STRANGER, at, kind.calldata("maliciousTargetConsumer", side.client(kind, name="victim")))
        said.append(side.told[0][0])
    assert said == ["reverted", "returned"]


@pytest.mark.parametrize(
    "values",
    [
        (b"\0\0\0\0", b""),
        (b"\xd8\xd7\xec\xc4", bytes(64)),
    ],
)
def test_neither_takes_another_function(values: tuple[bytes, bytes]) -> None:
    assert refusals(lambda _: values[0] + values[1]) == ("reverted", "reverted")
