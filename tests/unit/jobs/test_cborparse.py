"""cborparse: what ChainlinkClient contracts send, with and without brackets, and what attackers send."""

import contextlib
import time
import tracemalloc
from decimal import Decimal
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkpool.jobs import cbor
from linkpool.jobs.errors import BadValue, Cause, TaskPermanent
from tests.support.jobs import failure_of, value_of

URL = "https://min-api.cryptocompare.com/data/price?fsym=ETH&tsyms=USD"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", {}),
        (bytes.fromhex("a0"), {}),
        (bytes.fromhex("bfff"), {}),
        (bytes.fromhex("bf6375726c781a68747470733a2f2f657468657270726963652e636f6d2f61706964706174689f66726563656e"
                       "7463757364ffff"), {"url": "https://etherprice.com/api", "path": ["recent", "usd"]}),
        (bytes.fromhex("6375726c6161"), {"url": "a"}),
        (b"\x61a\x01\x61b\x20", {"a": 1, "b": -1}),
        (b"\x61a\xc2\x58\x20" + b"\xff" * 32, {"a": 2**256 - 1}),
        (b"\x61a\xc3\x58\x20" + b"\x7f" + b"\xff" * 31, {"a": -(2**255)}),
        (b"\x61a\x44\xde\xad\xbe\xef", {"a": b"\xde\xad\xbe\xef"}),
        (b"\x61a\x5f\x42ab\x41c\xff", {"a": b"abc"}),
        (b"\x61a\x7f\x62ab\x61c\xff", {"a": "abc"}),
        (b"\x61a\xf5\x61b\xf4\x61c\xf6\x61d\xf7", {"a": True, "b": False, "c": None, "d": None}),
        (b"\x61a\xf9\x3e\x00", {"a": Decimal("1.5")}),
        (b"\x61a\xbf\x61b\x80\xff", {"a": {"b": []}}),
        (b"\x61a\x01\x61a\x02", {"a": 2}),
        (b"\xa1\x61a\x01\xff\xff", {"a": 1}),  # bytes after the map are ignored
    ],
)  # fmt: skip
def test_diet(data: bytes, expected: dict[str, Any]) -> None:
    assert value_of('c [type=cborparse data="$(jobRun.d)"]', d=data) == expected
    assert value_of('c [type=CborParse DATA="$(jobRun.d)" mode=diet]', d="0x" + data.hex()) == expected


def test_standard_mode_reads_any_item() -> None:
    graph = 'c [type=cborparse data="$(jobRun.d)" mode=standard]'
    assert value_of(graph, d=cbor2.dumps([1, "x", {"y": b"z"}])) == [1, "x", {"y": b"z"}]
    failure_of(graph, d=b"")


@pytest.mark.parametrize(
    "data",
    [
        b"\x61",  # a text that ends early
        b"\x61a",  # a key without a value
        b"\x01\x02",  # a key that is no text
        b"\x61a\x9b\xff\xff\xff\xff\xff\xff\xff\xff",  # an array of 2**64 items
        b"\x61a\x5b\x00\x00\x00\xff\xff\xff\xff\xff",  # a terabyte of bytes
        b"\x61a\xbb\x00\x00\x00\x00\x10\x00\x00\x00",  # a map of 2**28 pairs
        b"\x61a" + b"\x81" * 17 + b"\x01",
        b"\x61a" + b"\x9f" * 5000,
        b"\x61a\xd8\x1c\x81\xd8\x1d\x00",  # shared references: a list that holds itself
        b"\x61a\xd8\x23\x63a+b",  # a regular expression
        b"\x61a\xc4\x82\x1b\x7f\xff\xff\xff\xff\xff\xff\xff\x01",  # 10 to the power of 2**63
        b"\x61a\xd9\xd9\xf7\x41\x01",  # a tag that says only that this is CBOR
        b"\x61a\xc1\x1a\x00\x00\x00\x00",  # a date
        b"\x61a\xc2\x59\xff\xff" + b"\xff" * 0xFFFF,  # a number of 64 kB
        b"\x61a\xc2\x01",  # a big number that is not bytes
        b"\x61a\xc2\xc2\x41\x01",
        b"\x61a\xf9\x7c\x00",  # infinity
        b"\x61a\xf9\x7e\x00",  # not a number
        b"\x61a\x61\xff",  # a text that is not UTF-8
        b"\x61a\xff",  # a break in place of a value
        b"\x61a\x1c",  # reserved
        b"\x61a\x7f\x41a\xff",  # bytes as a chunk of a text
        b"\x61a\x7f\x7f\xff\xff",
        b"\x61a\xf8\x20",  # an unassigned simple value
        b"\x80" * 70_000,
    ],
)
def test_hostile_bytes_are_the_requesters_fault_and_cost_nothing(data: bytes) -> None:
    tracemalloc.start()
    start = time.process_time()
    error = failure_of('c [type=cborparse data="$(jobRun.d)"]', d=data)
    assert time.process_time() - start < 1
    assert tracemalloc.get_traced_memory()[1] < 3_000_000
    tracemalloc.stop()
    assert isinstance(error, TaskPermanent)
    assert error.cause is Cause.PARAMETERS


_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**256), 2**256) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), _values, max_size=5))
def test_as_the_library_reads_it(pairs: dict[str, Any]) -> None:
    assert cbor.read_diet(cbor.write_diet(pairs)) == pairs
    assert cbor.read_diet(cbor2.dumps(pairs)) == cbor2.loads(cbor2.dumps(pairs)) == pairs
    assert cbor.read(cbor2.dumps(pairs)) == pairs


@given(st.binary(max_size=80))
def test_no_bytes_crash_it(data: bytes) -> None:
    for read in (cbor.read, cbor.read_diet):
        with contextlib.suppress(BadValue):
            read(data)
