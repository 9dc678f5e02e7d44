"""Texts and bytes: case, hexadecimal, base64, length."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkpool.jobs.errors import TaskPermanent
from tests.support.jobs import failure_of, value_of


@pytest.mark.parametrize(
    ("kind", "given_value", "expected"),
    [
        ("lowercase", "HeLLo ÀÉ", "hello àé"),
        ("uppercase", "straße", "STRASSE"),
        ("lowercase", "", ""),
        ("hexencode", "abc", "0x616263"),
        ("hexencode", "é", "0xc3a9"),
        ("hexencode", b"\x00\xff", "0x00ff"),
        ("hexencode", "", ""),
        ("hexencode", b"", ""),
        ("hexencode", 0, "0x0"),
        ("hexencode", 255, "0xff"),
        ("hexencode", 2**256 - 1, "0x" + "f" * 64),
        ("hexencode", Decimal("16.00"), "0x10"),
        ("hexdecode", "0x616263", b"abc"),
        ("hexdecode", "0xABcd", b"\xab\xcd"),
        ("hexdecode", "0x", b""),
        ("base64encode", "hello", "aGVsbG8="),
        ("base64encode", b"\xff\xfe", "//4="),
        ("base64decode", "aGVsbG8=", b"hello"),
        ("base64decode", "", b""),
        ("length", "é", 2),
        ("length", b"abc", 3),
        ("length", "0xabcdef", 3),
        ("length", "", 0),
        ("length", [1, 2], 2),
        ("length", {"a": 1}, 1),
    ],
)
def test_table(kind: str, given_value: Any, expected: Any) -> None:
    assert value_of(f't [type={kind} input="$(jobRun.x)"]', x=given_value) == expected


@pytest.mark.parametrize(
    ("kind", "bad"),
    [
        ("lowercase", 5),
        ("uppercase", None),
        ("hexencode", -1),
        ("hexencode", Decimal("1.5")),
        ("hexencode", [1]),
        ("hexencode", None),
        ("hexdecode", "616263"),
        ("hexdecode", "0x123"),
        ("hexdecode", "0xzz"),
        ("hexdecode", "0x 61 62"),
        ("base64decode", "a"),
        ("base64decode", "aGV\nsbG8="),
        ("base64decode", "é"),
        ("base64encode", 5),
        ("length", 5),
    ],
)
def test_bad_inputs(kind: str, bad: Any) -> None:
    assert isinstance(failure_of(f't [type={kind} input="$(jobRun.x)"]', x=bad), TaskPermanent)


@given(st.binary(max_size=64))
def test_there_and_back(data: bytes) -> None:
    for there, back in (("hexencode", "hexdecode"), ("base64encode", "base64decode")):
        if data:
            graph = f'a [type={there} input="$(jobRun.x)"] b [type={back}] a -> b'
            assert value_of(graph, x=data) == data
