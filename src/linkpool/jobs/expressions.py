"""What an attribute's text means: a fixed text, one variable, or JSON with variables in value positions.

`$(fetch)`, `$(decode_cbor.times)` and `$(parse.0)` name what a task gave, or a part of it. Such a reference
is either the whole attribute or stands where JSON wants a value; inside a text it means nothing and is
refused.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from linkpool.jobs import jsontext
from linkpool.jobs.errors import BadValue, TaskError, shown
from linkpool.jobs.values import Value

_REFERENCE = re.compile(r"\$\(\s*([^()$\s]+)\s*\)")
_TEXT_OR_REFERENCE = re.compile(r'"(?:[^"\\]|\\.)*+"|\$\(([^()]*)\)|NaN|-?Infinity', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reference:
    """`$(a.b.0)`: the path through the variables."""

    path: tuple[str, ...]

    def resolve(self, variables: Mapping[str, Value]) -> Value:
        """What stands there. Raises BadValue if nothing does, or the TaskError of a task that failed."""
        value: Value = variables
        for part in self.path:
            if isinstance(value, TaskError):
                raise value
            value = _step(value, part, self)
        return value

    def __str__(self) -> str:
        return f"$({'.'.join(self.path)})"


def _step(value: Value, part: str, whole: Reference) -> Value:
    if isinstance(value, Mapping):
        if part in value:
            return value[part]
        raise BadValue(
            f"{whole}: there is no {part}; there is {', '.join(map(str, value)) or 'nothing'}"[:200]
        )
    if isinstance(value, list):
        if not re.fullmatch("[0-9]{1,9}", part):
            raise BadValue(f"{whole}: {part} is not a place in a list")
        if int(part) < len(value):
            return value[int(part)]
        raise BadValue(f"{whole}: the list has {len(value)} items")
    raise BadValue(f"{whole}: {part} is looked for in {shown(value)}, which has no parts")


@dataclass(frozen=True, slots=True)
class Fixed:
    """A text without variables."""

    text: str


@dataclass(frozen=True, slots=True)
class Template:
    """JSON with a Reference in some value positions."""

    shape: Value

    def resolve(self, variables: Mapping[str, Value], *, errors: bool = False) -> Value:
        """The JSON value; with `errors`, a failed task's place holds its TaskError instead of raising it."""
        return _fill(self.shape, variables, errors)


def _fill(shape: Value, variables: Mapping[str, Value], errors: bool) -> Value:
    match shape:
        case Reference():
            value = shape.resolve(variables)
            if isinstance(value, TaskError) and not errors:
                raise value
            return value
        case dict():
            return {key: _fill(item, variables, errors) for key, item in shape.items()}
        case list():
            return [_fill(item, variables, errors) for item in shape]
    return shape


Expression = Fixed | Reference | Template


def parse(text: str, *, template: bool) -> Expression:
    """The meaning of an attribute; `template` says whether JSON may stand there. Raises BadValue."""
    bare = text.strip()
    if "$(" not in bare:
        return Fixed(bare)
    if whole := _REFERENCE.fullmatch(bare):
        return _reference(whole[1])
    if not template:
        raise BadValue(f"a $(...) is the whole attribute or none of it, not a part of a text: {shown(bare)}")
    return Template(_shape(bare))


def _reference(path: str) -> Reference:
    parts = tuple(path.split("."))
    if not all(parts):
        raise BadValue(f"$({path}) has an empty part")
    return Reference(parts)


def _shape(text: str) -> Value:
    """JSON knows no variables, but its reader calls back for the word NaN: so each variable becomes one."""
    references: list[Reference] = []

    def swap(match: re.Match[str]) -> str:
        token = match.group()
        if token.startswith("$("):
            references.append(_reference(match[1].strip()))
            return "NaN"
        if token.startswith('"') and "$(" in token:
            raise BadValue(f"a $(...) cannot be part of a text: {shown(token)}; put it in place of the text")
        if token.startswith('"'):
            return token
        raise BadValue(f"{token} is no JSON value")

    swapped = _TEXT_OR_REFERENCE.sub(swap, text)
    waiting = iter(references)
    return jsontext.read(swapped, constant=lambda _: next(waiting))


def references(expression: Expression) -> Iterator[Reference]:
    """Every variable that it names."""
    match expression:
        case Reference():
            yield expression
        case Template(shape):
            yield from _in_shape(shape)


def _in_shape(shape: Value) -> Iterator[Reference]:
    match shape:
        case Reference():
            yield shape
        case dict():
            for item in shape.values():
                yield from _in_shape(item)
        case list():
            for item in shape:
                yield from _in_shape(item)
