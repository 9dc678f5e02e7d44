"""The ABI as job specs write it: `bytes32 requestId, uint256 value`, with or without name and brackets.

`eth-abi` encodes and decodes. Around it: the textual form, conversions from the values jobs have (a uint256
out of a Decimal, an address out of 20 bytes), and a budget that stops data whose pointers make it read the
same bytes for ever. Everything raises BadValue.
"""

import re
from dataclasses import dataclass
from decimal import ROUND_DOWN
from functools import lru_cache
from typing import Any

from eth_abi import grammar
from eth_abi.abi import default_codec
from eth_abi.codec import ABIDecoder
from eth_abi.decoding import ContextFramesBytesIO
from eth_abi.exceptions import ABITypeError, DecodingError, EncodingError
from eth_abi.exceptions import ParseError as TypeParseError
from eth_hash.auto import keccak

from linkpool.jobs.errors import BadValue, shown
from linkpool.jobs.values import Value, address, number, octets, text, truth, unhex

MAX_SIGNATURE = 4096
MAX_ARGUMENTS = 64
MAX_DIMENSIONS = 4
MAX_TYPE = 64

_SIGNATURE = re.compile(r"\s*([A-Za-z0-9_]*)\s*\(([^()]*)\)\s*")
_ALIASES = {"int": "int256", "uint": "uint256", "byte": "bytes1"}
_LOCATIONS = {"calldata", "memory", "storage"}


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument: its name, its type's text, whether it is a topic of the log."""

    name: str
    type: str
    indexed: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """A function, an event, or with an empty name only arguments."""

    name: str
    arguments: tuple[Argument, ...]

    @property
    def hash(self) -> bytes:
        """keccak256 of `name(type,...)`: a topic, or with its first 4 bytes a selector."""
        return keccak(f"{self.name}({','.join(argument.type for argument in self.arguments)})".encode())


@lru_cache(maxsize=1024)
def parse(source: str, *, event: bool = False) -> Signature:
    """The signature a text writes: `name(type name, ...)`, `(type name, ...)` or `type name, ...`."""
    if len(source) > MAX_SIGNATURE:
        raise BadValue(f"a signature of {len(source)} characters is above {MAX_SIGNATURE}")
    match = _SIGNATURE.fullmatch(source)
    if match is None and ("(" in source or ")" in source):
        raise BadValue(f"{shown(source)} is not of the form name(type name, type name)")
    name, inside = (match[1], match[2]) if match else ("", source)
    written = inside.split(",") if inside.strip() else []
    if len(written) > MAX_ARGUMENTS:
        raise BadValue(f"{len(written)} arguments are more than {MAX_ARGUMENTS}")
    arguments = tuple(_argument(words.split(), words, event) for words in written)
    names = [argument.name for argument in arguments]
    if len(set(names)) < len(names):
        raise BadValue(f"{shown(source)} names an argument twice")
    return Signature(name, arguments)


def _argument(words: list[str], written: str, event: bool) -> Argument:
    words = [word for word in words if word not in _LOCATIONS]
    indexed = event and len(words) == 3 and words[1] == "indexed"
    if indexed:
        words = [words[0], words[2]]
    if len(words) != 2 or words[1] == "indexed":
        form = "type name" if not event else "type name, or type indexed name"
        raise BadValue(f"argument {written.strip()!r} is not of the form {form}")
    return Argument(words[1], _type(words[0]), indexed)


def _type(written: str) -> str:
    if len(written) > MAX_TYPE:
        raise BadValue(f"{shown(written)} is not a type")
    base, bracket, rest = written.partition("[")
    full = _ALIASES.get(base, base) + bracket + rest
    try:
        parsed = grammar.parse(full)
        parsed.validate()
    except (TypeParseError, ABITypeError) as error:
        raise BadValue(f"{written} is not a type: {error}") from None
    dimensions = parsed.arrlist or ()
    known = {"uint", "int", "address", "bool", "bytes", "string"}
    if not isinstance(parsed, grammar.BasicType) or parsed.base not in known:
        raise BadValue(f"type {written} is not read here")
    if len(dimensions) > MAX_DIMENSIONS or any(d and not 0 < d[0] <= 1024 for d in dimensions):
        raise BadValue(f"type {written} has too many dimensions, or one without items")
    return full


def encode(signature: Signature, values: dict[str, Value]) -> bytes:
    """The arguments, encoded; a selector in front if the signature has a name. Values beyond a type's range
    are refused, fractions of a number are cut off as the Go node does."""
    converted = []
    for argument in signature.arguments:
        if argument.name not in values:
            raise BadValue(f"data: argument {argument.name} is missing")
        try:
            converted.append(_to_abi(values[argument.name], grammar.parse(argument.type)))
        except BadValue as error:
            raise BadValue(f"data: argument {argument.name}: {error}") from None
    try:
        body = default_codec.encode([argument.type for argument in signature.arguments], converted)
    except EncodingError as error:
        raise BadValue(f"data: {error}") from None
    return signature.hash[:4] + body if signature.name else body


def _to_abi(value: Value, kind: Any) -> Any:
    if kind.arrlist:
        size = kind.arrlist[-1]
        if not isinstance(value, list) or (size and len(value) != size[0]):
            raise BadValue(f"{shown(value)} is not a list" + (f" of {size[0]}" if size else ""))
        return [_to_abi(item, kind.item_type) for item in value]
    match kind.base:
        case "uint" | "int":
            return int(number(value).to_integral_value(ROUND_DOWN))
        case "bool":
            return truth(value)
        case "string":
            return text(value)
        case "address":
            return address(value)
    return octets(value) if kind.sub is None else _fixed_bytes(value, kind.sub)


def _fixed_bytes(value: Value, size: int) -> bytes:
    """Shorter bytes and texts are padded right; `0x` text must have exactly the size."""
    if isinstance(value, str) and value[:2] == "0x":
        exact = unhex(value)
        if len(exact) != size:
            raise BadValue(f"{shown(value)} is not {size} bytes long")
        return exact
    if value is None:
        raise BadValue("null is neither bytes nor a text")
    return octets(value).ljust(size, b"\x00")  # longer ones are refused by eth-abi


class _Metered(ContextFramesBytesIO):
    """Data may point at itself; honest data is read once, so reading it eight times over is enough."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)  # type: ignore[no-untyped-call]  # eth-abi leaves it untyped
        self._budget = 8 * len(data) + 4096

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self._budget -= max(len(data), 32)
        if self._budget < 0:
            raise DecodingError("its pointers lead in circles")
        return data


class _BoundedDecoder(ABIDecoder):
    stream_class = _Metered


_decoder = _BoundedDecoder(default_codec._registry)


def decode(arguments: tuple[Argument, ...], data: bytes) -> dict[str, Value]:
    """The values of these arguments by name: integers as int, addresses checksummed, bytes as bytes."""
    try:
        values = _decoder.decode([argument.type for argument in arguments], data, strict=False)
    except (DecodingError, OverflowError, UnicodeDecodeError) as error:
        raise BadValue(f"data does not decode: {shown(str(error), 200)}") from None
    return {
        argument.name: _from_abi(value, grammar.parse(argument.type))
        for argument, value in zip(arguments, values, strict=True)
    }


def _from_abi(value: Any, kind: Any) -> Value:
    if kind.arrlist:
        return [_from_abi(item, kind.item_type) for item in value]
    return address(value) if kind.base == "address" else value


def decode_log(event: Signature, topics: list[bytes], data: bytes) -> dict[str, Value]:
    """The values of an event's arguments; of an indexed text, bytes or list only the hash is known."""
    indexed = tuple(argument for argument in event.arguments if argument.indexed)
    if indexed and len(topics) != len(indexed) + 1:
        raise BadValue(f"topics: {len(topics)} where the event has 1 and {len(indexed)} indexed arguments")
    values = decode(tuple(a for a in event.arguments if not a.indexed), data) if data else {}
    for argument, topic in zip(indexed, topics[1:], strict=False):
        if len(topic) != 32:
            raise BadValue(f"topics: {shown(topic)} is not 32 bytes long")
        hashed = argument.type in {"string", "bytes"} or "[" in argument.type
        values[argument.name] = topic if hashed else decode((argument,), topic)[argument.name]
    return values
