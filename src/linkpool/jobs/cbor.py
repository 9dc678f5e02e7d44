"""The parameters of a request: CBOR, mostly without its outermost brackets.

`cbor2` decodes; before it does, `_measure` walks the bytes without making anything and refuses what would
cost more than it brought: depth, counts, lengths beyond the end, and every tag but the two of big numbers.
"""

import math
from decimal import Decimal

import cbor2

from linkpool.jobs.errors import BadValue
from linkpool.jobs.values import MAX_DIGITS, Value

MAX_DEPTH = 16
MAX_BYTES = 1 << 16

_BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = 2, 3, 4, 5, 6, 7
_BIG_NUMBERS = (2, 3)
_INDEFINITE = 31


def read_diet(data: bytes) -> dict[str, Value]:
    """Key and value pairs, with or without the brackets of a map around them; no bytes are no pairs.

    Bytes after the map are ignored, as the Go node does. Raises BadValue.
    """
    if not data:
        return {}
    framed = data if data[0] >> 5 == _MAP else b"\xbf" + data + b"\xff"
    pairs: dict[str, Value] = read(framed)
    return pairs


def read(data: bytes) -> Value:
    """The first CBOR item in `data`. Floats become Decimals, `undefined` None; map keys must be text."""
    if len(data) > MAX_BYTES:
        raise BadValue(f"CBOR of {len(data)} bytes is above {MAX_BYTES}")
    end = _measure(data, 0, MAX_DEPTH)
    try:
        return _plain(cbor2.loads(data[:end]))
    except (cbor2.CBORDecodeError, ValueError, TypeError) as error:
        raise BadValue(f"not CBOR: {error}") from None


def _measure(data: bytes, at: int, depth: int) -> int:
    """Where the item that begins at `at` ends; refuses what is broken, too deep or not ours to read."""
    if depth < 0:
        raise BadValue(f"CBOR nested deeper than {MAX_DEPTH} levels")
    major, size, at = _head(data, at)
    if major in (_BYTES, _TEXT):
        return _measure_chunks(data, at, major) if size is None else _skip(data, at, size)
    if major in (_ARRAY, _MAP):
        return _measure_items(data, at, depth, size, 2 if major == _MAP else 1)
    if major == _TAG:
        if size not in _BIG_NUMBERS:
            raise BadValue(f"CBOR tag {size} is not read; only 2 and 3, big numbers, are")
        inner, length, _ = _head(data, at)
        if inner != _BYTES or length is None or 8 * length > 3 * MAX_DIGITS:
            raise BadValue("a CBOR big number is not a byte string of bounded length")
        return _measure(data, at, depth - 1)
    if size is None:
        raise BadValue(f"CBOR byte {at - 1} is out of place")
    return at


def _measure_chunks(data: bytes, at: int, major: int) -> int:
    while data[at : at + 1] != b"\xff":
        chunk, size, at = _head(data, at)
        if chunk != major or size is None:
            raise BadValue(f"a CBOR string has a foreign chunk before byte {at}")
        at = _skip(data, at, size)
    return at + 1


def _measure_items(data: bytes, at: int, depth: int, size: int | None, each: int) -> int:
    if size is None:
        while data[at : at + 1] != b"\xff":
            for _ in range(each):
                at = _measure(data, at, depth - 1)
        return at + 1
    for _ in range(size * each):  # each takes a byte at least, so a false promise ends with the data
        at = _measure(data, at, depth - 1)
    return at


def _head(data: bytes, at: int) -> tuple[int, int | None, int]:
    """(major type, argument or None if indefinite, where the content begins)."""
    if at >= len(data):
        raise BadValue(f"CBOR ends early, at byte {at}")
    major, short = data[at] >> 5, data[at] & 31
    at += 1
    if short < 24:
        return major, short, at
    if short == _INDEFINITE and major in (_BYTES, _TEXT, _ARRAY, _MAP, _SIMPLE):
        return major, None, at
    if short > 27:
        raise BadValue(f"CBOR byte {at - 1} is not the head of an item")
    width = 1 << (short - 24)
    end = _skip(data, at, width)
    return major, int.from_bytes(data[at:end]), end


def _skip(data: bytes, at: int, size: int) -> int:
    if at + size > len(data):
        raise BadValue(f"CBOR ends early, at byte {len(data)}")
    return at + size


def _plain(value: object) -> Value:
    match value:
        case None | bool() | int() | str() | bytes():
            return value
        case float():
            if not math.isfinite(value):
                raise BadValue(f"CBOR number {value} is not finite")
            return Decimal(repr(value))
        case cbor2.CBORSimpleValue():
            raise BadValue(f"CBOR simple value {value.value} means nothing")
        case list() | tuple():
            return [_plain(item) for item in value]
        case dict():
            if not all(isinstance(key, str) for key in value):
                raise BadValue("a CBOR map has a key that is not a text")
            return {key: _plain(item) for key, item in value.items()}
    if value is cbor2.undefined:
        return None
    raise BadValue(f"CBOR value of type {type(value).__name__} is not read")


def write_diet(pairs: dict[str, Value]) -> bytes:
    """The bytes a `ChainlinkClient` contract would send for these pairs: no brackets around them."""
    return b"".join(cbor2.dumps(key) + cbor2.dumps(item) for key, item in pairs.items())
