"""Texts and bytes: lowercase, uppercase, hexencode, hexdecode, base64encode, base64decode, length."""

import base64
import binascii
from collections.abc import Callable
from decimal import Decimal

from linkpool.jobs.errors import BadValue, shown
from linkpool.jobs.tasks.kit import Call, Parameter, TaskType
from linkpool.jobs.values import Value, anything, integer, octets, text, unhex


def lowercase(call: Call) -> str:
    """The text in lower case."""
    return str(call["input"]).lower()


def uppercase(call: Call) -> str:
    """The text in upper case."""
    return str(call["input"]).upper()


def hexencode(call: Call) -> str:
    """0x and the hexadecimal digits of a text, bytes or a whole number from 0; nothing for an empty one."""
    value = call["input"]
    match value:
        case str():
            digits = value.encode().hex()
        case bytes():
            digits = value.hex()
        case _:
            whole = integer(value)
            if whole < 0:
                raise BadValue(f"{shown(value)} is negative")
            digits = f"{whole:x}"
    return f"0x{digits}" if digits else ""


def hexdecode(call: Call) -> bytes:
    """The bytes of a text `0x...`."""
    return unhex(call["input"])


def base64encode(call: Call) -> str:
    """Base64 of a text or bytes."""
    value = call["input"]
    if not isinstance(value, str | bytes):
        raise BadValue(f"{shown(value)} is neither bytes nor a text")
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


def base64decode(call: Call) -> bytes:
    """The bytes of a base64 text."""
    try:
        return base64.b64decode(call["input"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadValue(f"{shown(call['input'])} is not base64: {error}") from None


def length(call: Call) -> Decimal:
    """How many bytes a text or bytes have, or how many items a list or an object has."""
    value = call["input"]
    return Decimal(len(value) if isinstance(value, list | dict) else len(octets(value)))


def _type(name: str, run: Callable[[Call], Value], read: Callable[[Value], Value] = text) -> TaskType:
    return TaskType(name, run, {"input": Parameter(read, required=True, from_input=True)}, inputs=(0, 1))


TASKS = (
    _type("lowercase", lowercase),
    _type("uppercase", uppercase),
    _type("hexencode", hexencode, anything),
    _type("hexdecode", hexdecode),
    _type("base64encode", base64encode, anything),
    _type("base64decode", base64decode),
    _type("length", length, anything),
)
