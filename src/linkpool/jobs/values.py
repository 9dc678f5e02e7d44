"""The values that flow between tasks, and how one kind is read as another.

A value is what JSON has, plus bytes; numbers are int or Decimal and never float. Every reading is bounded: a
number has at most `MAX_DIGITS` digits before and after the point, so that no exponent can become a gigabyte.
All readers raise BadValue.
"""

import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache
from typing import Any

from eth_utils.address import to_checksum_address

from linkpool.jobs.errors import BadValue, TaskError, shown

Value = Any
"""None, bool, int, Decimal, str, bytes, list[Value], dict[str, Value]; a TaskError where a task failed."""

MAX_DIGITS = 512
EXACT = Context(prec=4 * MAX_DIGITS, rounding=ROUND_HALF_UP)
"""Wide enough that sums and products of two bounded numbers are exact."""

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,6})?", re.ASCII)
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_TRUE = {"1", "t", "T", "true", "TRUE", "True"}
_FALSE = {"0", "f", "F", "false", "FALSE", "False"}


def bounded(number: Decimal) -> Decimal:
    """The same number, if it has at most MAX_DIGITS digits on either side of its point."""
    if not number.is_finite():
        raise BadValue(f"{number} is not a number")
    _, digits, exponent = number.as_tuple()
    if len(digits) > 2 * MAX_DIGITS or number.adjusted() >= MAX_DIGITS or int(exponent) < -MAX_DIGITS:
        raise BadValue(f"a number needs more than {MAX_DIGITS} digits: {shown(str(number), 40)}")
    return number


def number(value: Value) -> Decimal:
    """An int, a Decimal, or a decimal text such as `-1.5e3`. Refuses bool, hexadecimal and float."""
    match value:
        case bool():
            pass
        case Decimal():
            return bounded(value)
        case int():
            if value.bit_length() <= 3 * MAX_DIGITS:  # 2**3 < 10, so this is fewer digits than allowed
                return Decimal(value)
        case str() if len(value) <= 2 * MAX_DIGITS + 8 and _NUMBER.fullmatch(value):
            return bounded(Decimal(value))
    raise BadValue(f"{shown(value)} is not a decimal number")


def plain(value: Decimal) -> str:
    """A bounded number in plain digits: `1500`, never `1.5E+3`."""
    return f"{value:f}"


def divided(dividend: Decimal, divisor: Decimal, places: int = 16) -> Decimal:
    """The quotient to that many decimal places, halves away from zero; negative places round to tens."""
    if divisor == 0:
        raise BadValue("division by zero")
    if abs(places) > MAX_DIGITS:
        raise BadValue(f"precision {places} is beyond {MAX_DIGITS} places")
    over, under = EXACT.scaleb(dividend, places), divisor
    shift = min(int(over.as_tuple().exponent), int(under.as_tuple().exponent))
    n = int(EXACT.scaleb(over, -shift)) if shift < 0 else int(over)
    d = int(EXACT.scaleb(under, -shift)) if shift < 0 else int(under)
    quotient = (2 * abs(n) + abs(d)) // (2 * abs(d))
    signed = quotient if (n < 0) == (d < 0) else -quotient
    return bounded(EXACT.scaleb(Decimal(signed), -places))


def integer(value: Value) -> int:
    """A whole number, given as such or as text; fractions are refused."""
    exact = number(value)
    if exact != exact.to_integral_value():
        raise BadValue(f"{shown(value)} is not a whole number")
    return int(exact)


def count(value: Value) -> int:
    """A whole number from 0."""
    whole = integer(value)
    if whole < 0:
        raise BadValue(f"{shown(value)} is negative")
    return whole


def text(value: Value) -> str:
    """A str, or bytes that are UTF-8."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    raise BadValue(f"{shown(value)} is not a text")


def octets(value: Value) -> bytes:
    """Bytes as they are, `0x` hexadecimal decoded, other text as UTF-8; None is empty."""
    match value:
        case bytes():
            return value
        case str() if value[:2] == "0x":
            return unhex(value)
        case str():
            return value.encode()
        case None:
            return b""
    raise BadValue(f"{shown(value)} is neither bytes nor a text")


def unhex(value: str) -> bytes:
    """The bytes of `0x...`."""
    try:
        return bytes.fromhex(value[2:]) if value[:2] == "0x" and " " not in value else _no_hex(value)
    except ValueError:
        return _no_hex(value)


def _no_hex(value: str) -> bytes:
    raise BadValue(f"{shown(value)} is not 0x followed by pairs of hexadecimal digits")


def truth(value: Value) -> bool:
    """A bool, or one of the texts 1, t, true, 0, f, false (also TRUE, True, ...)."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in _TRUE | _FALSE:
        return value in _TRUE
    raise BadValue(f"{shown(value)} is neither true nor false")


def address(value: Value) -> str:
    """A checksummed address, from 20 bytes or 0x text; a mixed-case text must carry a right checksum."""
    if isinstance(value, bytes) and len(value) == 20:
        return _checksummed(f"0x{value.hex()}")
    if isinstance(value, str) and _ADDRESS.fullmatch(value):
        right = _checksummed(value.lower())
        if value == right or value[2:] in {value[2:].lower(), value[2:].upper()}:
            return right
        raise BadValue(f"{value} has a wrong checksum: a digit was mistyped")
    raise BadValue(f"{shown(value)} is not an address")


@lru_cache(maxsize=4096)
def _checksummed(lower: str) -> str:
    """A checksum costs a hash, and a run meets the same few addresses again and again."""
    return str(to_checksum_address(lower))


def mapping(value: Value) -> dict[str, Value]:
    """An object, or None for an empty one."""
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    raise BadValue(f"{shown(value)} is not an object")


def items(value: Value) -> list[Value]:
    """A list, or None for an empty one."""
    if value is None:
        return []
    if isinstance(value, list):
        return value
    raise BadValue(f"{shown(value)} is not a list")


def anything(value: Value) -> Value:
    """The value as it is."""
    return value


def one_of(*words: str) -> Callable[[Value], str]:
    """A reader of one of these words."""

    def read(value: Value) -> str:
        if value not in words:
            raise BadValue(f"{shown(value)} is none of {', '.join(words)}")
        return str(value)

    return read


def without_errors(values: list[Value]) -> tuple[list[Value], list[TaskError]]:
    """What arrived, and what failed."""
    failed = [value for value in values if isinstance(value, TaskError)]
    return [value for value in values if not isinstance(value, TaskError)], failed
