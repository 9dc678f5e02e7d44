"""The DOT dialect of `observationSource`: nodes with attributes, and arrows between them.

It is what the Go node reads, without the `digraph { }` around it. `;` and `,` are optional, comments are
`//`, `#` and `/* */`. A value is a bare word, a number, a text in double quotes with
the escapes of Go strings, or anything between `<` and its matching `>`. Attribute names match in any case;
the last of two wins.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from linkpool.jobs.place import PlacedError

MAX_NODES = 256
MAX_EDGES = 1024
MAX_SOURCE = 1 << 17

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/|\#[^\n]*)
      | (?P<arrow>->)
      | (?P<mark>[\[\]{};,=])
      | (?P<word>[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)
      | (?P<number>-?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?))
      | (?P<quoted>"(?:[^"\\]|\\.)*+")
      | (?P<angle><)""",
    re.VERBOSE | re.DOTALL,
)
_ANGLES = re.compile(r"[<>]")
_ESCAPE = re.compile(
    r"\\(?:(?P<hex>x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U00[0-9a-fA-F]{6})|(?P<octal>[0-7]{3})|(?P<other>.))",
    re.DOTALL,
)
_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\n": ""}
_VALUES = {"word", "number", "quoted", "angle"}
_RESERVED = {"strict", "graph", "digraph", "subgraph", "node", "edge"}


class Attribute(NamedTuple):
    """`name=value`: the name as written, the value without its quotes, and where both begin."""

    name: str
    value: str
    name_at: int
    value_at: int


@dataclass(frozen=True, slots=True)
class Node:
    """A task as drawn; `attributes` by lower-case name. Without attributes it was only seen in an arrow."""

    name: str
    at: int
    attributes: dict[str, Attribute] = field(default_factory=dict)


class Edge(NamedTuple):
    """`source -> target`; `at` is where the target stands."""

    source: str
    target: str
    at: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """Nodes by name in order of appearance, arrows in order; `repeated` are attributes given twice."""

    nodes: dict[str, Node]
    edges: list[Edge]
    repeated: list[Attribute]


def read(source: str) -> Drawing:
    """The graph that the text draws. Raises PlacedError."""
    if len(source) > MAX_SOURCE:
        raise PlacedError(f"a graph of {len(source)} characters is above {MAX_SOURCE}", 0)
    return _Reader(source).drawing()


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def _tokens(source: str) -> Iterator[_Token]:
    at = 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            raise PlacedError(_complaint(source, at), at)
        kind = str(match.lastgroup)
        end = match.end() if kind != "angle" else _closing(source, at)
        if kind != "space":
            yield _Token(kind, source[at:end], at)
        at = end
    yield _Token("end", "the end of the graph", at)


def _complaint(source: str, at: int) -> str:
    if source[at] == '"':
        return 'this " has no partner'
    if source.startswith("--", at):
        return "-- joins without direction; write ->"
    if source.startswith("/*", at):
        return "this comment has no end"
    return f"{source[at]!r} is not expected here; a value with such a character needs quotes"


def _closing(source: str, start: int) -> int:
    depth = 0
    for match in _ANGLES.finditer(source, start):
        depth += 1 if match.group() == "<" else -1
        if depth == 0:
            return match.end()
    raise PlacedError("this < has no partner", start)


def _unquoted(token: _Token) -> str:
    text = token.text
    if token.kind == "quoted":
        text = _ESCAPE.sub(_unescaped, text[1:-1]) if "\\" in text else text[1:-1]
    bare = text.strip()
    return bare[1:-1] if token.kind in {"quoted", "angle"} and _in_angles(bare) else text


def _in_angles(text: str) -> bool:
    return len(text) > 2 and text[0] == "<" and text[-1] == ">"


def _unescaped(match: re.Match[str]) -> str:
    if match["hex"]:
        return _character(int(match["hex"][1:], 16))
    if match["octal"]:
        return _character(int(match["octal"], 8))
    return _LETTERS.get(match["other"], match["other"] if match["other"] in "\\\"'" else match.group())


def _character(code: int) -> str:
    return chr(code) if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else "\ufffd"


class _Reader:
    def __init__(self, source: str) -> None:
        self._tokens = _tokens(source)
        self._now = next(self._tokens)
        self._nodes: dict[str, Node] = {}
        self._edges: list[Edge] = []
        self._repeated: list[Attribute] = []

    def drawing(self) -> Drawing:
        while self._now.kind != "end":
            if self._now.text not in {";", ","}:
                self._statement()
            else:
                self._step()
        return Drawing(self._nodes, self._edges, self._repeated)

    def _step(self) -> _Token:
        token, self._now = self._now, next(self._tokens, self._now)
        return token

    def _statement(self) -> None:
        names = self._endpoint()
        first = names
        while self._now.kind == "arrow":
            self._step()
            at = self._now.at
            targets = self._endpoint()
            for source in names:
                for target in targets:
                    self._join(source, target, at)
            names = targets
        if self._is("[") and names is first:
            for name in names:
                self._attributes(self._nodes[name].attributes)
        elif self._is("["):
            self._attributes({})  # arrows may carry attributes, which mean nothing here
        elif self._is("="):
            raise PlacedError("attributes stand in [ ] after the name of a task", self._now.at)

    def _join(self, source: str, target: str, at: int) -> None:
        if len(self._edges) >= MAX_EDGES:
            raise PlacedError(f"more than {MAX_EDGES} arrows", at)
        if not any(edge.source == source and edge.target == target for edge in self._edges):
            self._edges.append(Edge(source, target, at))

    def _endpoint(self) -> list[str]:
        if not self._is("{"):
            return [self._name()]
        self._step()
        names = []
        while not self._is("}"):
            if self._now.text in {";", ","}:
                self._step()
            else:
                names.append(self._name())
        self._step()
        return names

    def _name(self) -> str:
        token = self._step()
        if token.kind not in {"word", "number", "quoted"}:
            raise PlacedError(f"the name of a task is expected here, not {token.text}", token.at)
        if token.kind == "word" and token.text.lower() in _RESERVED:
            raise PlacedError(f"{token.text} is a word of the language and names no task", token.at)
        name = _unquoted(token)
        if name not in self._nodes:
            if len(self._nodes) >= MAX_NODES:
                raise PlacedError(f"more than {MAX_NODES} tasks", token.at)
            self._nodes[name] = Node(name, token.at)
        return name

    def _attributes(self, into: dict[str, Attribute]) -> None:
        while self._is("["):
            self._step()
            while not self._is("]"):
                if self._now.text in {";", ","}:
                    self._step()
                else:
                    self._attribute(into)
            self._step()

    def _attribute(self, into: dict[str, Attribute]) -> None:
        name = self._step()
        if name.kind not in _VALUES:
            raise PlacedError(f"an attribute is expected here, not {name.text}", name.at)
        if not self._is("="):
            raise PlacedError(
                f"attribute {name.text} needs = and a value, found {self._now.text}", self._now.at
            )
        self._step()
        value = self._step()
        if value.kind not in _VALUES:
            raise PlacedError(f"attribute {name.text} needs a value, found {value.text}", value.at)
        key = _unquoted(name)
        attribute = Attribute(key, _unquoted(value), name.at, value.at)
        if key.lower() in into:
            self._repeated.append(attribute)
        into[key.lower()] = attribute

    def _is(self, mark: str) -> bool:
        return self._now.kind == "mark" and self._now.text == mark
