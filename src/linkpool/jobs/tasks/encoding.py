"""The ABI: ethabidecodelog, ethabidecode, ethabiencode, ethabiencode2."""

from linkpool.jobs import abi, jsontext
from linkpool.jobs.abi import Signature
from linkpool.jobs.errors import BadValue, shown
from linkpool.jobs.tasks.kit import Call, Parameter, TaskType
from linkpool.jobs.values import Value, items, octets, text


def decode_log(call: Call) -> Value:
    """The arguments of an event by name."""
    return abi.decode_log(call["abi"], call["topics"], call["data"])


def decode(call: Call) -> Value:
    """The values that bytes encode, by name; no bytes are no values."""
    data = call["data"]
    return abi.decode(call["abi"].arguments, data) if data else {}


def encode(call: Call) -> str:
    """0x text of the encoded values, with a selector if the signature has a name."""
    return "0x" + abi.encode(call["abi"], call["data"]).hex()


def _event(value: Value) -> Signature:
    return abi.parse(text(value), event=True)


def _signature(value: Value) -> Signature:
    return abi.parse(text(value))


def _json_signature(value: Value) -> Signature:
    """`{"name": "f", "inputs": [{"name": "x", "type": "uint256"}]}`."""
    parts = jsontext.mapping_of(value)
    arguments = []
    for given in items(parts.get("inputs")):
        if not isinstance(given, dict) or not given.get("name") or not isinstance(given.get("type"), str):
            raise BadValue(f"{shown(given)} lacks a name or a type")
        arguments.append(f"{given['type']} {text(given['name'])}")
    return abi.parse(f"{text(parts.get('name') or '')}({', '.join(arguments)})")


def _topics(value: Value) -> list[bytes]:
    return [octets(topic) for topic in jsontext.items_of(value)]


_DATA = Parameter(octets, required=True, from_input=True)
_VALUES = Parameter(jsontext.mapping_of, default={}, template=True)


TASKS = (
    TaskType(
        "ethabidecodelog",
        decode_log,
        {
            "abi": Parameter(_event, required=True, fixed=True),
            "data": Parameter(octets, default=b"", from_input=True),
            "topics": Parameter(_topics, required=True, template=True),
        },
    ),
    TaskType(
        "ethabidecode", decode, {"abi": Parameter(_signature, required=True, fixed=True), "data": _DATA}
    ),
    TaskType(
        "ethabiencode", encode, {"abi": Parameter(_signature, required=True, fixed=True), "data": _VALUES}
    ),
    TaskType(
        "ethabiencode2",
        encode,
        {"abi": Parameter(_json_signature, required=True, fixed=True), "data": _VALUES},
    ),
)
