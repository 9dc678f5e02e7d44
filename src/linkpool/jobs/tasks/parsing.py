"""Reading what others wrote: jsonparse, cborparse."""

import re

from linkpool.jobs import cbor, jsontext
from linkpool.jobs.errors import BadValue, shown
from linkpool.jobs.tasks.kit import Call, Parameter, TaskType
from linkpool.jobs.values import Value, anything, octets, one_of, text, truth

_INDEX = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)


def jsonparse(call: Call) -> Value:
    """What stands at `path` in a JSON text; with `lax`, null where nothing does.

    The path is a list, or a text cut at `separator` (a comma). An index below 0 counts from the end.
    """
    path = _parts(call["path"], call["separator"])
    value = jsontext.read(call["data"])
    for part in path:
        found, value = _step(value, part)
        if not found:
            if call["lax"]:
                return None
            raise BadValue(f"path {'/'.join(path)}: nothing at {shown(part)}")
    return value


def _parts(path: Value, separator: str) -> list[str]:
    if path is None or path in ("", b""):
        return []
    if isinstance(path, list):
        return [
            str(part) if isinstance(part, int) and not isinstance(part, bool) else text(part) for part in path
        ]
    return text(path).split(separator)


def _step(value: Value, part: str) -> tuple[bool, Value]:
    if isinstance(value, dict):
        return part in value, value.get(part)
    if isinstance(value, list):
        if not _INDEX.fullmatch(part):
            raise BadValue(f"path: {shown(part)} is not a place in a list")
        index = int(part)
        inside = -len(value) <= index < len(value)
        return inside, value[index] if inside else None
    raise BadValue(f"path: {shown(part)} is looked for in {shown(value)}, which has no parts")


def cborparse(call: Call) -> Value:
    """The value of CBOR bytes. Mode `diet` (the default) reads key and value pairs without brackets."""
    return cbor.read_diet(call["data"]) if call["mode"] == "diet" else cbor.read(call["data"])


def _document(value: Value) -> str | bytes:
    if isinstance(value, str | bytes):
        return value
    raise BadValue(f"{shown(value)} is not a JSON text")


TASKS = (
    TaskType(
        "jsonparse",
        jsonparse,
        {
            "path": Parameter(anything, default=""),
            "separator": Parameter(text, default=","),
            "data": Parameter(_document, required=True, from_input=True),
            "lax": Parameter(truth, default=False),
        },
        inputs=(0, 1),
    ),
    TaskType(
        "cborparse",
        cborparse,
        {
            "data": Parameter(octets, required=True, from_input=True),
            "mode": Parameter(one_of("diet", "standard"), default="diet", fixed=True),
        },
    ),
)
