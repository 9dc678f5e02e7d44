"""The ABI tasks: the textual form, conversions, what eth-abi says, and data that lies."""

import contextlib
import time
from decimal import Decimal
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from linkpool.jobs import abi
from linkpool.jobs.errors import BadValue, Cause, JobError, TaskPermanent
from linkpool.jobs.variables import ORACLE_REQUEST
from tests.support.jobs import failure_of, job_of, value_of

ADDRESS = to_checksum_address("0x" + "ab" * 20)
WORD = bytes(range(32))


@pytest.mark.parametrize(
    ("kind", "value", "canonical"),
    [
        ("uint256", "12345", 12345),
        ("uint256", Decimal("123.99"), 123),
        ("uint256", Decimal("1e18"), 10**18),
        ("uint", 2**256 - 1, 2**256 - 1),
        ("int", "-1", -1),
        ("int8", -128, -128),
        ("int256", Decimal("-0.5"), 0),
        ("bool", "true", True),
        ("bool", False, False),
        ("address", ADDRESS, ADDRESS),
        ("address", ADDRESS.lower(), ADDRESS),
        ("address", bytes.fromhex("ab" * 20), ADDRESS),
        ("bytes32", WORD, WORD),
        ("bytes32", "0x" + WORD.hex(), WORD),
        ("bytes32", "text", b"text".ljust(32, b"\x00")),
        ("bytes32", b"", bytes(32)),
        ("bytes4", "0x01020304", b"\x01\x02\x03\x04"),
        ("bytes", "0x0102", b"\x01\x02"),
        ("bytes", "text", b"text"),
        ("bytes", None, b""),
        ("string", "héllo", "héllo"),
        ("string", b"bytes", "bytes"),
        ("string", "", ""),
        ("uint256[]", ["1", 2, Decimal("3.5")], [1, 2, 3]),
        ("uint8[2]", [1, 2], [1, 2]),
        ("bytes32[]", [], []),
        ("string[][1]", [["a", "b"]], [["a", "b"]]),
    ],
)
def test_encode_converts_and_agrees_with_eth_abi(kind: str, value: Any, canonical: Any) -> None:
    graph = f'e [type=ethabiencode abi="{kind} x" data=<{{"x": $(jobRun.x)}}>]'
    full = {"uint": "uint256", "int": "int256"}.get(kind, kind)
    assert value_of(graph, x=value) == "0x" + encode([full], [canonical]).hex()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("uint256", -1),
        ("uint256", 2**256),
        ("uint8", 256),
        ("int8", 128),
        ("uint256", "0x10"),
        ("uint256", True),
        ("uint256", None),
        ("bool", 1),
        ("bool", "yes"),
        ("address", "0x1234"),
        ("address", ADDRESS[:-1] + ("a" if ADDRESS[-1] != "a" else "b")),
        ("address", b"\x01" * 19),
        ("bytes32", "0x" + "00" * 31),
        ("bytes32", b"\x01" * 33),
        ("bytes32", None),
        ("bytes4", "12345"),
        ("bytes", 5),
        ("bytes", "0x123"),
        ("string", 5),
        ("uint256[]", 5),
        ("uint8[2]", [1]),
        ("uint8[2]", [1, 2, 3]),
        ("uint256[]", [1, "x"]),
    ],
)
def test_encode_refuses_what_does_not_fit(kind: str, value: Any) -> None:
    error = failure_of(f'e [type=ethabiencode abi="{kind} x" data=<{{"x": $(jobRun.x)}}>]', x=value)
    assert isinstance(error, TaskPermanent)
    assert error.cause is Cause.PARAMETERS
    assert "data" in error.reason


def test_a_name_makes_a_selector_and_brackets_do_not() -> None:
    selector = keccak(b"f(uint256,address)")[:4].hex()
    arguments = encode(["uint256", "address"], [1, ADDRESS]).hex()
    data = f'data=<{{"a": 1, "b": "{ADDRESS}"}}>'
    for name, expected in (("f", "0x" + selector + arguments), ("", "0x" + arguments)):
        graph = f'e [type=ethabiencode abi=" {name} ( uint a , address calldata b )" {data}]'
        assert value_of(graph) == expected
    assert value_of('e [type=ethabiencode abi="f()"]') == "0x" + keccak(b"f()")[:4].hex()


def test_encode2_takes_a_json_signature() -> None:
    signature = '{"name": "g", "inputs": [{"name": "x", "type": "uint256"}, {"name": "y", "type": "bytes"}]}'
    found = value_of(f'e [type=ethabiencode2 abi=<{signature}> data=<{{"x": 1, "y": "0xff"}}>]')
    assert (
        found == "0x" + (keccak(b"g(uint256,bytes)")[:4] + encode(["uint256", "bytes"], [1, b"\xff"])).hex()
    )


@pytest.mark.parametrize(
    "bad",
    [
        "[1]",
        "{}}",
        '{"inputs": [{"name": "x"}]}',
        '{"inputs": [{"type": "uint256"}]}',
        '{"inputs": [1]}',
        '{"inputs": [{"name": "x y", "type": "uint256"}]}',
        '{"inputs": 5}',
        '{"name": 5}',
        "f(uint256 x)",
    ],
)
def test_bad_json_signatures(bad: str) -> None:
    with pytest.raises(JobError, match="abi"):
        job_of(f"e [type=ethabiencode2 abi=<{bad}> data=<{{}}>]")


def test_a_missing_argument_is_named() -> None:
    assert "argument y is missing" in str(
        failure_of('e [type=ethabiencode abi="uint256 x, uint256 y" data=<{"x": $(jobRun.x)}>]', x=1)
    )


@pytest.mark.parametrize(
    "bad",
    [
        "uint256",
        "uint256 a,",
        "uint256 a b c",
        "uint7 a",
        "uint256[ a",
        "uint256[0][] a",
        "uint8[][][][][] a",
        "foo a",
        "(uint256 a, (uint256 b))",
        "f(uint256 a",
        "bytes33 a",
        "uint256 indexed a",
        "uint256 indexed",
        "uint256 a, uint256 a",
        "fixed128x18 a",
        "uint256[99999999] a",
        "uint" + "9" * 61 + " a",
        "uint" + "9" * 5000 + " a",
        "uint256" + "[]" * 5000 + " a",
        "(" * 3000,
        " " * 5000,
        ", ".join(f"uint256 a{i}" for i in range(65)),
    ],
)
def test_a_bad_signature_is_refused_when_the_job_is_read(bad: str) -> None:
    with pytest.raises(JobError, match="abi"):
        job_of(f'e [type=ethabiencode abi="{bad}" data=<{{}}>]')


def test_decode() -> None:
    data = encode(["uint256", "bytes32", "address[]", "string"], [7, WORD, [ADDRESS.lower()], "é"])
    graph = 'd [type=ethabidecode abi="uint256 a, bytes32 b, address[] c, string d" data="$(jobRun.x)"]'
    assert value_of(graph, x="0x" + data.hex()) == {"a": 7, "b": WORD, "c": [ADDRESS], "d": "é"}
    assert value_of(graph, x=b"") == {}
    failure_of(graph, x=data[:-33])


def test_decode_takes_its_input() -> None:
    graph = """
    e [type=ethabiencode abi="uint256 a" data=<{"a": 5}>]
    d [type=ethabidecode abi="uint256 a"]
    e -> d
    """
    assert value_of(graph) == {"a": 5}


def test_decode_a_log_with_indexed_arguments() -> None:
    text = "E(uint256 indexed a, string indexed b, bytes32 c, address indexed d, uint256[] e)"
    event = abi.parse(text, event=True)
    topics = [event.hash, (5).to_bytes(32), WORD, bytes.fromhex(ADDRESS[2:]).rjust(32, b"\x00")]
    data = encode(["bytes32", "uint256[]"], [WORD, [1, 2]])
    graph = f'd [type=ethabidecodelog abi="{text}" data="$(jobRun.d)" topics="$(jobRun.t)"]'
    expected = {"a": 5, "b": WORD, "c": WORD, "d": ADDRESS, "e": [1, 2]}
    assert value_of(graph, d=data, t=topics) == expected
    assert value_of(graph, d="0x" + data.hex(), t=["0x" + topic.hex() for topic in topics]) == expected
    failure_of(graph, d=data, t=topics[:-1])
    failure_of(graph, d=data, t=[*topics[:-1], b"short"])


def test_the_oracle_request_event_is_the_one_on_chain() -> None:
    topic = "d8d7ecc4800d25fa53ce0372f13a416d98907a7ef3d8d3bdd79cf4fe75529c65"
    assert ORACLE_REQUEST.hash.hex() == topic


@pytest.mark.parametrize("dimensions", [3, 4])
def test_pointers_that_lead_in_circles_stop_early(dimensions: int) -> None:
    """64 items that are all the same list, whose 64 items are all the same list: 64 ** dimensions reads."""
    level = (64).to_bytes(32) + (64 * 32).to_bytes(32) * 64
    data = (32).to_bytes(32) + level * dimensions
    signature = abi.parse(f"uint256{'[]' * dimensions} x")
    start = time.process_time()
    with pytest.raises(BadValue, match="circles"):
        abi.decode(signature.arguments, data)
    assert time.process_time() - start < 1


_scalars = {
    "uint256": st.integers(0, 2**256 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "bytes32": st.binary(min_size=32, max_size=32),
    "bytes": st.binary(max_size=70),
    "string": st.text(max_size=40),
    "bool": st.booleans(),
    "address": st.binary(min_size=20, max_size=20).map(to_checksum_address),
}


@st.composite
def _typed(draw: st.DrawFn) -> tuple[list[str], list[Any]]:
    kinds = draw(st.lists(st.sampled_from(sorted(_scalars)), min_size=1, max_size=5))
    listed = [draw(st.booleans()) for _ in kinds]
    values = [
        draw(st.lists(_scalars[kind], max_size=3) if many else _scalars[kind])
        for kind, many in zip(kinds, listed, strict=True)
    ]
    return [kind + "[]" * many for kind, many in zip(kinds, listed, strict=True)], values


@given(_typed())
def test_encode_agrees_with_eth_abi_and_decodes_back(typed: tuple[list[str], list[Any]]) -> None:
    kinds, values = typed
    signature = abi.parse(", ".join(f"{kind} a{i}" for i, kind in enumerate(kinds)))
    named = {f"a{i}": value for i, value in enumerate(values)}
    data = abi.encode(signature, named)
    assert data == encode(kinds, values)
    assert abi.decode(signature.arguments, data) == named


@given(_typed(), st.binary(max_size=300))
def test_no_data_crashes_the_decoder(typed: tuple[list[str], list[Any]], data: bytes) -> None:
    signature = abi.parse(", ".join(f"{kind} a{i}" for i, kind in enumerate(typed[0])))
    with contextlib.suppress(BadValue):
        abi.decode(signature.arguments, data)


@given(st.text(alphabet="abuint256[](), indexed_", max_size=40))
def test_no_signature_crashes_the_reader(text: str) -> None:
    with contextlib.suppress(BadValue):
        abi.parse(text, event=True)
