"""Calldata and logs: what goes in comes out, and what is none of ours is refused with a reason."""

import subprocess
import sys
from dataclasses import fields

import pytest
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from linkpool.chain.types import Log, checksum
from linkpool.contracts import events, oracle, pool_events
from linkpool.contracts.abi import SNAKE, BadCalldata, BadReturn, Event, load
from linkpool.contracts.oracle import Answer, Ask, Oracle, RequestTerms, batch_gas, decode_fulfilment
from linkpool.contracts.pool import NodeBooks, Pool, Status
from linkpool.contracts.view import Summary, View

ADDRESS = st.binary(min_size=20, max_size=20).map(lambda raw: checksum("0x" + raw.hex()))
WORD = st.integers(0, 2**256 - 1)
NODE = checksum("0x" + "ab" * 20)
TERMS = st.builds(
    RequestTerms,
    request_id=st.binary(min_size=32, max_size=32),
    payment=WORD,
    callback_address=ADDRESS,
    callback_function_id=st.binary(min_size=4, max_size=4),
    expiration=WORD,
)


def log(topics: list[bytes], data: bytes = b"") -> Log:
    return Log(NODE, tuple(topics), data, 1, bytes(32), 0, bytes(32), 0)


@pytest.mark.parametrize(
    ("function", "selector"),
    [
        ("oracleRequest", "40429946"),
        ("operatorRequest", "3c6d41b9"),
        ("fulfillOracleRequest", "4ab0d190"),
        ("fulfillOracleRequest2", "6ae0bc76"),
        ("cancelOracleRequest", "6ee4d553"),
        ("onTokenTransfer", "a4c0ed36"),
    ],
)
def test_selectors_are_operators(function: str, selector: str) -> None:
    assert load("NodeOracle").functions[function].selector.hex() == selector


def test_topics_are_operators() -> None:
    assert oracle.OracleRequest.topic().hex().startswith("d8d7ecc4800d25fa53ce0372f13a416d")
    assert oracle.CancelOracleRequest.topic().hex().startswith("a7842b9ec549398102c0d91b1b9919b2")
    assert oracle.OracleResponse.topic().hex().startswith("9e9bc7616d42c2835d05ae617e508454")


@given(terms=TERMS, words=st.binary(max_size=200))
def test_an_answer_survives_its_calldata(terms: RequestTerms, words: bytes) -> None:
    answer = Answer(terms, terms.request_id + words)
    assert decode_fulfilment(Oracle(NODE).fulfill(answer).data) == answer


@given(terms=TERMS, word=st.binary(min_size=32, max_size=32))
def test_a_one_word_answer_becomes_the_same_as_the_second_kind(terms: RequestTerms, word: bytes) -> None:
    first = load("NodeOracle").functions["fulfillOracleRequest"].encode(*terms.values, word)
    assert decode_fulfilment(first) == Answer(terms, terms.request_id + word)


@given(data=st.binary(max_size=400))
def test_no_calldata_breaks_the_decoder(data: bytes) -> None:
    for start in (b"", bytes.fromhex("4ab0d190"), bytes.fromhex("6ae0bc76")):
        try:
            answer = decode_fulfilment(start + data)
        except BadCalldata:
            continue
        assert answer.data[:32] == answer.terms.request_id


def test_an_answer_to_another_id_is_refused() -> None:
    terms = RequestTerms(b"\1" * 32, 1, NODE, b"\0" * 4, 1)
    wrong = Oracle(NODE).fulfill(Answer(terms, bytes(64))).data
    with pytest.raises(BadCalldata, match="the first word of an answer must be its request id"):
        decode_fulfilment(wrong)
    with pytest.raises(BadCalldata, match="0x12345678 is no fulfillOracleRequest"):
        decode_fulfilment(bytes.fromhex("12345678"))


def test_values_that_do_not_fit_are_refused() -> None:
    with pytest.raises(BadCalldata, match="stake"):
        Pool(NODE).stake("not an address", 1, NODE)
    with pytest.raises(BadCalldata, match="request_unstake"):
        Pool(NODE).request_unstake(NODE, -1)


def test_return_data_of_another_contract_is_refused() -> None:
    for returned in (b"", bytes(31), b"\xff" * 32):
        with pytest.raises(BadReturn, match="node_of returned"):
            Pool(NODE).node_of(NODE).decode(returned)
    with pytest.raises(BadReturn, match="summary returned 0 bytes"):
        View(NODE).summary(NODE).decode(b"")


def test_returned_structs_become_dataclasses() -> None:
    words = [n.to_bytes(32) for n in range(13)]
    words[5] = (2).to_bytes(32)
    books = Pool(NODE).node(NODE).decode(b"".join(words))
    assert isinstance(books, NodeBooks)
    assert (books.active, books.status, books.day) == (0, Status.DRAINING, 12)
    row = View(NODE).summary(NODE).decode(b"".join([bytes(12) + b"\xab" * 20] * 7 + words[:12]))
    assert isinstance(row, Summary)
    assert (row.link, row.live_nodes) == (NODE, 11)


def test_every_event_class_has_the_fields_of_the_abi() -> None:
    for event in (*oracle.EVENTS, *pool_events.EVENTS):
        named = [name for name, _, _ in load(event.contract).events[event.__name__].fields]
        own = [item.name for item in fields(event) if item.name != "log"]
        assert own == [SNAKE.get(name, name) for name in named], event
    known = {name for contract in ("StakingPool", "NodeOracle") for name in load(contract).events}
    assert {event.__name__ for event in events.by_topic().values()} == known


def test_a_log_becomes_its_event_and_others_none() -> None:
    rejected = log([oracle.Rejected.topic(), b"\7" * 32], (3).to_bytes(32))
    event = events.decode(rejected)
    assert isinstance(event, oracle.Rejected)
    assert (event.request_id, event.reason, event.log) == (b"\7" * 32, oracle.Reason.SOURCE_REFUSED, rejected)
    assert events.decode(log([])) is None
    assert events.decode(log([keccak(b"another")])) is None


@pytest.mark.parametrize(
    ("kind", "topics", "data"),
    [
        (oracle.Rejected, [], (3).to_bytes(32)),
        (oracle.Rejected, [b"\7" * 32], b""),
        (oracle.Rejected, [b"\7" * 32], (256).to_bytes(32)),
        (oracle.OracleRequest, [b"\7" * 32], b"\xff" * 320),
        (pool_events.Staked, [b"\xff" * 32, b"\xff" * 32], bytes(128)),
    ],
)
def test_a_broken_log_of_ours_is_refused(kind: type[Event], topics: list[bytes], data: bytes) -> None:
    with pytest.raises(BadReturn, match=f"a log of {kind.__name__}"):
        events.decode(log([kind.topic(), *topics], data))


def test_the_request_id_is_the_hash_of_requester_and_nonce() -> None:
    ask = Ask(job=bytes(32), requester=NODE, callback_function_id=bytes(4), nonce=5)
    assert ask.request_id == keccak(b"\xab" * 20 + (5).to_bytes(32))


def test_the_gas_of_a_batch_is_a_formula() -> None:
    assert [batch_gas(n) for n in (1, 8, 32)] == [550_000, 3_700_000, 14_500_000]


def test_a_replica_loads_no_contract_library() -> None:
    """Neither vyper nor web3 nor bytecode comes with what a replica imports."""
    code = (
        "import sys, linkpool.contracts.oracle, linkpool.contracts.events\n"
        "heavy = ('vyper', 'web3', 'pyrevm', 'eth_account', 'aiohttp')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
