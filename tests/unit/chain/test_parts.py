"""The small parts: clock, fees, keys, revert reasons, refusals, history, parsing."""

import asyncio
import copy
import pickle

import pytest
from eth_abi import encode
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from linkpool import log as logs
from linkpool.chain import rpc
from linkpool.chain.clock import ChainClock, NoTime
from linkpool.chain.endpoint import BadUrl, connect
from linkpool.chain.fees import FeeSource, Market, Offer, bumped
from linkpool.chain.history import block_at
from linkpool.chain.keys import BadKey, Key
from linkpool.chain.refusals import decode_error
from linkpool.chain.simulate import custom_errors, explain, simulate
from linkpool.chain.types import Head, parse_head, parse_log, parse_logs, quantity
from linkpool.errors import LinkPoolError
from linkpool.units import Wei
from tests.support import virtual_time
from tests.support.chain_world import BOARD, GWEI, make_chain, task
from tests.support.fake_chain import Call, Revert
from tests.support.fake_endpoint import FakeEndpoint

SECRET = "0x" + "4f" * 32


def head(number: int, timestamp: int, base_fee: int | None = GWEI) -> Head:
    return Head(number, number.to_bytes(32), max(number - 1, 0).to_bytes(32), timestamp, base_fee)


# --- clock ----------------------------------------------------------------------------------------


def test_the_clock_runs_between_heads_and_ignores_one_odd_head() -> None:
    async def main() -> None:
        clock = ChainClock()
        with pytest.raises(NoTime):
            clock.now()
        for number in range(1, 8):
            odd = 5000 if number == 5 else 0
            clock.saw(head(number, 100_000 + 12 * number + odd))
            await asyncio.sleep(12)
            assert clock.now() == pytest.approx(100_000 + 12 * (number + 1), abs=0.01)
        assert clock.block_time == 12

    virtual_time.run(main())


def test_the_clock_follows_a_lasting_change() -> None:
    async def main() -> None:
        clock = ChainClock()
        for number in range(1, 10):
            jump = 3600 if number > 5 else 0
            clock.saw(head(number, 100_000 + number + jump))
            await asyncio.sleep(1)
        assert clock.now() == pytest.approx(103_610, abs=0.01)
        clock.saw(head(3, 5))  # an older block is no sample
        assert clock.now() == pytest.approx(103_610, abs=0.01)

    virtual_time.run(main())


# --- fees -----------------------------------------------------------------------------------------


def test_a_first_offer_leaves_room_and_a_raised_one_replaces() -> None:
    market = Market(Wei(10 * GWEI), Wei(2 * GWEI))
    first = market.first(Wei(100 * GWEI))
    assert first == Offer(Wei(22 * GWEI), Wei(2 * GWEI))
    assert market.first(Wei(20 * GWEI)) == Offer(Wei(14 * GWEI), Wei(2 * GWEI))
    assert market.first(Wei(14 * GWEI)) is None, "70 % of it is below the base fee"
    assert first
    raised = market.raised(first, Wei(100 * GWEI))
    assert raised == Offer(Wei(24_750_000_000), Wei(2_250_000_000))
    assert market.raised(first, Wei(24 * GWEI)) is None
    dear = Market(Wei(200 * GWEI), Wei(2 * GWEI))
    assert dear.raised(first, Wei(100 * GWEI)) is None, "it would outbid, and no block would take it"


@given(
    base=st.integers(0, 10**12) | st.none(),
    tip=st.integers(1, 10**11),
    cap=st.integers(0, 10**13),
    rises=st.lists(st.integers(0, 10**12), max_size=6),
)
def test_no_offer_is_above_its_cap_and_each_beats_the_last_by_an_eighth(
    base: int | None, tip: int, cap: int, rises: list[int]
) -> None:
    market = Market(None if base is None else Wei(base), Wei(tip))
    offer = market.first(Wei(cap))
    for rise in rises:
        if offer is None:
            return
        assert 0 < offer.max_fee <= cap
        assert offer.tip is None or 0 < offer.tip <= offer.max_fee
        market = Market(None if base is None else Wei(base + rise), Wei(tip))
        higher = market.raised(offer, Wei(cap))
        if higher is not None:
            assert higher.max_fee * 8 >= offer.max_fee * 9
            assert offer.tip is None or (higher.tip is not None and higher.tip * 8 >= offer.tip * 9)
        offer = higher


def test_bumping_even_one_wei_gives_more() -> None:
    assert [bumped(fee) for fee in (0, 1, 8, 9)] == [1, 2, 9, 11]


@pytest.mark.parametrize(("base_fee", "calls"), [(GWEI, {"eth_feeHistory": 1}), (None, {"eth_gasPrice": 1})])
def test_the_market_costs_one_call_in_half_a_minute(base_fee: int | None, calls: dict[str, int]) -> None:
    async def main() -> None:
        endpoint = FakeEndpoint(make_chain(base_fee=base_fee))
        fees = FeeSource(endpoint)
        for number in range(10):
            market = await fees.market(head(number, number, base_fee))
            assert market == Market(None if base_fee is None else Wei(base_fee), Wei(GWEI))
        assert endpoint.calls == calls

    virtual_time.run(main())


# --- keys -----------------------------------------------------------------------------------------


def test_a_key_signs_and_never_shows_itself() -> None:
    key = Key(SECRET)
    assert key.address == Account.from_key(SECRET).address
    raw, _ = key.sign({"chainId": 1, "nonce": 0, "to": BOARD, "value": 0, "gas": 21_000, "gasPrice": 1})
    assert Account.recover_transaction(raw) == key.address
    signature = key.sign_digest(bytes(32))
    assert Account._recover_hash(bytes(32), signature=signature) == key.address
    assert "4f4f" not in repr(key) + str(vars(Key).get("__dict__", ""))
    assert "4f4f" not in logs.scrub(f"the key is {SECRET}")
    for refuse in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled or copied"):
            refuse(key)


@pytest.mark.parametrize("bad", ["0x1234", "zz" * 32, b"short", "0x" + "00" * 32, "0x" + "ff" * 32])
def test_a_bad_key_is_refused_without_repeating_it(bad: str | bytes) -> None:
    with pytest.raises(BadKey) as caught:
        Key(bad)
    shown = bad if isinstance(bad, str) else bad.decode()
    assert shown not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


# --- revert reasons -------------------------------------------------------------------------------

ERROR = bytes.fromhex("08c379a0")
PANIC = bytes.fromhex("4e487b71")
ERRORS = custom_errors("NotOwner(address)", "Paused()")
[NOT_OWNER, PAUSED] = ERRORS


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no reason given"),
        (ERROR + encode(["string"], ["StakingPool: paused"]), "StakingPool: paused"),
        (PANIC + encode(["uint256"], [0x11]), "panic 0x11: arithmetic overflow or underflow"),
        (PANIC + encode(["uint256"], [0x99]), "panic 0x99: unknown"),
        (NOT_OWNER + encode(["address"], ["0x" + "22" * 20]), "NotOwner(0x" + "22" * 20 + ")"),
        (PAUSED, "Paused()"),
        (b"plain words" + bytes(21), "plain words"),
        (bytes.fromhex("deadbeef01"), "custom error 0xdeadbeef01"),
        (ERROR + b"\xff" * 40, "undecodable revert data 0x08c379a0" + "ff" * 40),
    ],
)
def test_revert_data_in_words(data: bytes, words: str) -> None:
    assert explain(data, ERRORS) == words


@given(st.binary(max_size=200))
def test_any_revert_data_has_words(data: bytes) -> None:
    assert explain(data, ERRORS)
    assert explain(ERROR + data)
    assert explain(NOT_OWNER + data, ERRORS)


def test_a_simulation_returns_data_or_the_reason() -> None:
    def moody(call: Call) -> bytes:
        if call.data == task(1):
            raise Revert("not one")
        call.storage["touched"] = True
        return b"fine"

    async def main() -> None:
        chain = make_chain()
        chain.contracts[BOARD] = moody
        endpoint = FakeEndpoint(chain)
        assert await simulate(endpoint, {"to": BOARD, "data": "0x"}) == b"fine"
        assert not chain.state.storage.get(BOARD), "nothing is changed by trying"
        with pytest.raises(rpc.Reverted, match="reverted: not one") as caught:
            await simulate(endpoint, {"to": BOARD, "data": "0x" + task(1).hex()})
        assert caught.value.reason == "not one"

    virtual_time.run(main())


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("already known", rpc.AlreadyKnown),
        ("transaction already imported", rpc.AlreadyKnown),
        ("AlreadyKnown", rpc.AlreadyKnown),
        ("replacement transaction underpriced", rpc.Underpriced),
        ("ReplacementNotAllowed", rpc.Underpriced),
        ("transaction underpriced: gas tip cap 0, minimum needed 1", rpc.FeeTooLow),
        ("max fee per gas less than block base fee: address 0x1, maxFeePerGas: 1", rpc.FeeTooLow),
        ("FeeTooLow, EffectivePriorityFeePerGas too low", rpc.FeeTooLow),
        ("nonce too low: next nonce 4, tx nonce 2", rpc.NonceTooLow),
        ("OldNonce, Current nonce: 4, nonce of rejected tx: 2", rpc.NonceTooLow),
        ("nonce too high", rpc.NonceTooHigh),
        ("insufficient funds for gas * price + value: have 1 want 2", rpc.InsufficientFunds),
        ("Insufficient funds for gas * price + value", rpc.InsufficientFunds),
        ("Upfront cost exceeds account balance", rpc.InsufficientFunds),
        ("intrinsic gas too low: gas 100, minimum needed 21000", rpc.IntrinsicGas),
        ("exceeds block gas limit", rpc.GasLimitTooHigh),
        ("txpool is full", rpc.Unreachable),
        ("invalid sender", rpc.Refusal),
    ],
)
def test_what_nodes_say_about_a_transaction(message: str, kind: type[LinkPoolError]) -> None:
    error = decode_error("eth_sendRawTransaction", {"code": -32000, "message": message})
    assert type(error) is kind
    assert message in str(error)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": -32005, "message": "query returned more than 10000 results"}, rpc.RangeRefused),
        (
            {"code": -32602, "message": "Log response size exceeded. You can make eth_getLogs"},
            rpc.RangeRefused,
        ),
        ({"code": -32600, "message": "eth_getLogs is limited to a 10,000 range"}, rpc.RangeRefused),
        ({"code": -32701, "message": "exceed maximum block range: 5000"}, rpc.RangeRefused),
        ({"code": -32005, "message": "daily request count exceeded, request rate limited"}, rpc.RateLimited),
        (
            {"code": 429, "message": "Your app has exceeded its compute units per second capacity"},
            rpc.RateLimited,
        ),
        ({"code": -32000, "message": "header not found"}, rpc.Behind),
        ({"code": -32000, "message": "unknown block"}, rpc.Behind),
        ({"code": -32601, "message": "the method x does not exist/is not available"}, rpc.Unsupported),
        ("oops", rpc.Garbage),
        ({"code": "x"}, rpc.Refusal),
    ],
)
def test_what_nodes_say_about_reading(error: object, kind: type[LinkPoolError]) -> None:
    assert type(decode_error("eth_getLogs", error)) is kind


@pytest.mark.parametrize(
    "data", ["0x" + PAUSED.hex(), {"data": "0x" + PAUSED.hex()}, "Reverted 0x" + PAUSED.hex()]
)
def test_revert_data_wherever_nodes_put_it(data: object) -> None:
    error = decode_error("eth_call", {"code": 3, "message": "execution reverted", "data": data})
    assert isinstance(error, rpc.Reverted)
    assert error.revert_data == PAUSED


# --- history, parsing, URLs -----------------------------------------------------------------------


@given(gaps=st.lists(st.integers(0, 500), min_size=1, max_size=60), at=st.integers(-10, 12_000))
def test_the_block_of_a_moment(gaps: list[int], at: int) -> None:
    async def main() -> None:
        chain = make_chain(genesis_time=1000)
        for gap in gaps:
            chain.mine(timestamp=chain.head.timestamp + gap)
        stamps = [block.timestamp for block in chain.blocks]
        expected = next((i for i, stamp in enumerate(stamps) if stamp >= 1000 + at), len(stamps) - 1)
        assert await block_at(FakeEndpoint(chain), 1000 + at) == expected

    virtual_time.run(main())


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["0x1", "0x", "0x" + "ab" * 32]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["number", "hash", "parentHash", "timestamp", "topics", "address", "data"]), inner
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_whatever_an_endpoint_says_is_parsed_or_garbage(value: object) -> None:
    for parse in (parse_head, parse_log, parse_logs, quantity):
        try:
            parse(value)
        except rpc.Garbage:
            continue


@given(JSON)
def test_whatever_error_an_endpoint_gives_is_one_of_ours(value: object) -> None:
    assert isinstance(decode_error("eth_call", value), LinkPoolError)
    assert isinstance(
        decode_error("eth_call", {"message": value, "code": value, "data": value}), LinkPoolError
    )


@pytest.mark.parametrize("url", ["ftp://host", "host:8545", "http://", "", "ws:///path", "http://[bad"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(BadUrl):
        connect(url, None)  # type: ignore[arg-type]


def test_an_endpoint_shows_its_host_and_hides_its_key() -> None:
    async def main() -> None:
        endpoint = connect("https://mainnet.example/v3/0123456789abcdef0123456789abcdef", None)  # type: ignore[arg-type]
        assert endpoint.name == "https://mainnet.example:443"
        assert "0123456789" not in repr(endpoint)
        assert "0123456789abcdef" not in logs.scrub("POST /v3/0123456789abcdef0123456789abcdef")

    virtual_time.run(main())
