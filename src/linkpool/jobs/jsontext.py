"""JSON in and out, with exact numbers and bounds.

The standard reader keeps decimals when asked to; what it lacks is a limit on depth and on the size of
numbers. `read` adds both. `write` gives numbers in plain digits and bytes as 0x text.
"""

import json
import re
from collections.abc import Callable
from decimal import Decimal

from linkpool.jobs.errors import BadValue, shown
from linkpool.jobs.values import MAX_DIGITS, Value, bounded, items, mapping, plain

MAX_DEPTH = 64
MAX_BYTES = 1 << 20

_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)
_quote = json.encoder.encode_basestring


def read(source: str | bytes, constant: Callable[[str], Value] | None = None) -> Value:
    """The value of a JSON text: whole numbers as int, others as Decimal, the last of duplicate keys.

    `constant` is called for the words NaN, Infinity and -Infinity, which are otherwise refused. Raises
    BadValue on bad syntax, above MAX_BYTES, MAX_DEPTH levels or MAX_DIGITS digits.
    """
    if len(source) > MAX_BYTES:
        raise BadValue(f"a JSON text of {len(source)} bytes is above {MAX_BYTES}")
    try:
        text = source.decode() if isinstance(source, bytes) else source
    except UnicodeDecodeError as error:
        raise BadValue(f"not JSON: byte {error.start} is not UTF-8") from None
    _check_depth(text)
    try:
        value = json.loads(
            text, parse_float=_decimal, parse_int=_integer, parse_constant=constant or _no_constant
        )
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise BadValue(f"not JSON: {error.msg} at {place} of {shown(text)}") from None
    return _whole_text(value) if "\\ud" in text or "\\uD" in text else value


def _check_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        found = match.group()
        if found in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise BadValue(f"JSON nested deeper than {MAX_DEPTH} levels")
        elif found in "]}":
            depth -= 1


def _decimal(digits: str) -> Decimal:
    if len(digits) > 2 * MAX_DIGITS + 8:
        raise BadValue(f"a number of {len(digits)} characters is too long")
    return bounded(Decimal(digits))


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS + 1:
        raise BadValue(f"a number of {len(digits)} digits is above {MAX_DIGITS}")
    return int(digits)


def _no_constant(word: str) -> Value:
    raise BadValue(f"not JSON: {word} is no number")


def _whole_text(value: Value) -> Value:
    """Escapes can spell half a surrogate pair, which no other encoding can carry: replace it."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_whole_text(item) for item in value]
    if isinstance(value, dict):
        return {_whole_text(key): _whole_text(item) for key, item in value.items()}
    return value


def write(value: Value) -> str:
    """JSON text of a value. Raises BadValue for what no task makes, and below MAX_DEPTH levels."""
    parts: list[str] = []
    _write(value, parts.append, MAX_DEPTH)
    return "".join(parts)


def _write(value: Value, put: Callable[[str], object], depth: int) -> None:
    if depth < 0:
        raise BadValue(f"a value nested deeper than {MAX_DEPTH} levels")
    match value:
        case None | bool():
            put("null" if value is None else "true" if value else "false")
        case str():
            put(_quote(value))
        case int():
            put(str(value))
        case Decimal():
            put(plain(bounded(value)))
        case bytes():
            put(f'"0x{value.hex()}"')
        case list():
            put("[")
            for position, item in enumerate(value):
                put("," if position else "")
                _write(item, put, depth - 1)
            put("]")
        case dict():
            put("{")
            for position, (key, item) in enumerate(value.items()):
                put("," if position else "")
                put(f"{_quote(str(key))}:")
                _write(item, put, depth - 1)
            put("}")
        case _:
            raise BadValue(f"{shown(value)} has no JSON form")


def mapping_of(value: Value) -> dict[str, Value]:
    """An object, given as such or as JSON text; None is an empty one."""
    return mapping(read(value) if isinstance(value, str | bytes) else value)


def items_of(value: Value) -> list[Value]:
    """A list, given as such or as JSON text; None is an empty one."""
    return items(read(value) if isinstance(value, str | bytes) else value)
