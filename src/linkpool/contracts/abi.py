"""Contract ABIs without a contract library: calldata in, values out, logs as dataclasses.

An ABI is read from the package when it is first used. Addresses come out as checksummed strings, bytes as
bytes, numbers as ints (juels, wei, seconds, basis points). A `Call` is all a caller needs: where to, which
data, and how to read what comes back.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError
from eth_utils.crypto import keccak

from linkpool.chain.types import Log, checksum, unhex
from linkpool.errors import Permanent

T = TypeVar("T")


class BadCalldata(Permanent):
    """Values that do not fit a function's parameters, or calldata that is none of this function."""


class BadReturn(Permanent):
    """Return data or a log that is not what the ABI says: the wrong contract, or none, at that address."""


class Asks(Protocol):
    """As much of `linkpool.chain.rpc.Rpc` as this room needs."""

    async def call(self, method: str, *params: Any) -> Any:
        """The result of one JSON-RPC call."""
        ...


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One contract call: `eth_call` it and `decode` the answer, or send it as a transaction."""

    to: str
    data: bytes
    decode: Callable[[bytes], T] = field(compare=False, repr=False)
    """Reads the return data; raises BadReturn."""

    @property
    def request(self) -> dict[str, str]:
        """The call object of JSON-RPC."""
        return {"to": self.to, "data": "0x" + self.data.hex()}

    async def ask(self, rpc: "Asks", block: str = "latest") -> T:
        """`eth_call` it and read the answer. Raises BadReturn, and what `rpc` raises."""
        return self.decode(unhex(await rpc.call("eth_call", self.request, block)))


@dataclass(frozen=True)
class Function:
    """One function of a contract."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @cached_property
    def selector(self) -> bytes:
        """First 4 bytes of its calldata."""
        return keccak(text=f"{self.name}({','.join(self.inputs)})")[:4]

    def encode(self, *values: Any) -> bytes:
        """Calldata. Raises BadCalldata."""
        try:
            return self.selector + encode(self.inputs, values)
        except (EncodingError, OverflowError, TypeError, ValueError) as problem:
            raise BadCalldata(f"{self.name}{values}: {problem}") from problem

    def decode_inputs(self, calldata: bytes) -> tuple[Any, ...]:
        """The parameters in calldata of this function. Raises BadCalldata."""
        if calldata[:4] != self.selector:
            raise BadCalldata(f"0x{calldata[:4].hex()} is not the selector of {self.name}")
        try:
            return _plain(self.inputs, decode(self.inputs, calldata[4:]))
        except (DecodingError, ValueError, OverflowError) as problem:
            raise BadCalldata(f"calldata of {self.name}: {problem}") from problem

    def decode_output(self, returned: bytes) -> Any:
        """The return value, a tuple when there are several, None when there is none. Raises BadReturn."""
        try:
            values = _plain(self.outputs, decode(self.outputs, returned))
        except (DecodingError, ValueError, OverflowError) as problem:
            wanted = ",".join(self.outputs)
            raise BadReturn(
                f"{self.name} returned {len(returned)} bytes, no ({wanted}): {problem}"
            ) from problem
        return values if len(values) > 1 else next(iter(values), None)


@dataclass(frozen=True)
class EventType:
    """One event of a contract; `fields` are (name, type, indexed) in order."""

    name: str
    fields: tuple[tuple[str, str, bool], ...]

    @cached_property
    def topic(self) -> bytes:
        """Topic 0 of its logs."""
        return keccak(text=f"{self.name}({','.join(kind for _, kind, _ in self.fields)})")

    def decode(self, log: Log) -> dict[str, Any]:
        """Its values by name. Raises BadReturn."""
        indexed = [(name, kind) for name, kind, yes in self.fields if yes]
        plain = [(name, kind) for name, kind, yes in self.fields if not yes]
        if len(log.topics) != 1 + len(indexed):
            raise BadReturn(f"a log of {self.name} has {len(log.topics)} topics, not {1 + len(indexed)}")
        try:
            tops = [
                decode([kind], topic)[0] for (_, kind), topic in zip(indexed, log.topics[1:], strict=True)
            ]
            rest = decode([kind for _, kind in plain], log.data)
        except (DecodingError, ValueError, OverflowError) as problem:
            raise BadReturn(f"a log of {self.name} does not decode: {problem}") from problem
        names = [name for name, _ in indexed + plain]
        kinds = [kind for _, kind in indexed + plain]
        return dict(zip(names, _plain(kinds, (*tops, *rest)), strict=True))


class Abi:
    """One contract's functions by name and events by name."""

    def __init__(self, entries: Sequence[Mapping[str, Any]]) -> None:
        self.functions = {
            entry["name"]: Function(entry["name"], _types(entry["inputs"]), _types(entry["outputs"]))
            for entry in entries
            if entry["type"] == "function"
        }
        self.events = {
            entry["name"]: EventType(
                entry["name"],
                tuple((item["name"], _type(item), bool(item["indexed"])) for item in entry["inputs"]),
            )
            for entry in entries
            if entry["type"] == "event"
        }
        (self.constructor,) = [
            _types(entry["inputs"]) for entry in entries if entry["type"] == "constructor"
        ] or [()]


@cache
def load(contract: str) -> Abi:
    """The ABI of one of the package's contracts, by its name."""
    return Abi(json.loads(_artifact(f"{contract}.abi.json")))


@dataclass(frozen=True)
class Code:
    """What deploys a contract. `runtime_size` in bytes."""

    creation: bytes
    blueprint: bytes
    runtime_size: int


def load_code(contract: str) -> Code:
    """The bytecode of one of the package's contracts, by its name."""
    code = json.loads(_artifact(f"{contract}.bin.json"))
    creation, blueprint = (bytes.fromhex(code[key].removeprefix("0x")) for key in ("bytecode", "blueprint"))
    return Code(creation, blueprint, code["runtime_size"])


@dataclass(frozen=True)
class Contract:
    """A contract of known ABI at an address; its subclasses give each function its types."""

    contract: ClassVar[str]
    address: str

    def _call(self, function: str, *values: Any, read: Callable[[Any], T]) -> Call[T]:
        item = load(self.contract).functions[function]
        return Call(self.address, item.encode(*values), lambda returned: read(item.decode_output(returned)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A decoded log; `log` says where it stands and which contract wrote it."""

    contract: ClassVar[str]
    log: Log

    @classmethod
    def topic(cls) -> bytes:
        """Topic 0 of these logs."""
        return load(cls.contract).events[cls.__name__].topic

    @classmethod
    def decode(cls, log: Log) -> Self:
        """From a log of this event. Raises BadReturn."""
        values = load(cls.contract).events[cls.__name__].decode(log)
        return cls(log=log, **{SNAKE.get(name, name): value for name, value in values.items()})


SNAKE = {
    "specId": "job",
    "requestId": "request_id",
    "callbackAddr": "callback_address",
    "callbackFunctionId": "callback_function_id",
    "cancelExpiration": "expiration",
    "dataVersion": "data_version",
}
"""Operator's names in ours."""


def same(value: Any) -> Any:
    """`read` of a call whose return value is what it is."""
    return value


def nothing(_value: Any) -> None:
    """`read` of a call that returns nothing."""


def _artifact(name: str) -> str:
    return files("linkpool.contracts").joinpath("artifacts", name).read_text()


def _type(item: Mapping[str, Any]) -> str:
    if not item["type"].startswith("tuple"):
        return str(item["type"])
    return f"({','.join(_types(item['components']))}){item['type'].removeprefix('tuple')}"


def _types(items: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(map(_type, items))


def _plain(kinds: Sequence[str], values: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(_checksummed(kind, value) for kind, value in zip(kinds, values, strict=True))


def _checksummed(kind: str, value: Any) -> Any:
    if kind == "address":
        return checksum(value)
    if kind.endswith("]"):
        return tuple(_checksummed(kind[: kind.rindex("[")], item) for item in value)
    if kind.startswith("("):
        return _plain(_split(kind[1:-1]), value)
    return value


def _split(kinds: str) -> list[str]:
    parts, depth = [""], 0
    for letter in kinds:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return parts
