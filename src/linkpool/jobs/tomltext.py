"""A TOML text whose fields know where they stand.

`tomllib` reads, and keeps no places. Fields of the top level begin a line with their name, so they are found
again by name; a place inside a multi-line text is found by walking its escapes.
"""

import re
import tomllib
from decimal import Decimal
from typing import Any

from linkpool.jobs.errors import BadValue, JobError
from linkpool.jobs.place import Lines
from linkpool.jobs.values import bounded

MAX_DOTS = 1000
"""`tomllib` takes time with the square of a dotted key's parts."""

_AT = re.compile(r"\(at (?:line (\d+), column (\d+)|end of document)\)")
_STRING = re.compile(
    r'"""(?P<basic>(?:[^"\\]|\\.|"{1,2}(?!"))*+"{0,2})"""'
    r"|'''(?P<literal>.*?'{0,2})'''"
    r'|"(?P<short>(?:[^"\\\n]|\\.)*)"'
    r"|'(?P<bare>[^'\n]*)'",
    re.DOTALL,
)
_NAME = r"(?m)^[ \t]*(?:\[[ \t]*{0}[ \t]*\]|(?:{0}|\"{0}\"|'{0}')[ \t]*=)"
_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[ \t]*\n\s*|.)", re.DOTALL)


class TomlText:
    """`fields` are the top level's values, numbers with a point as Decimal. Raises JobError on bad TOML."""

    def __init__(self, source: str) -> None:
        self.source = source.replace("\r\n", "\n")
        self._lines = Lines(self.source)
        self._check_dots()
        self.fields = self._read()
        self._shadow = _STRING.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), self.source)

    def _check_dots(self) -> None:
        for number, line in enumerate(self.source.splitlines(), 1):
            if line.count(".") > MAX_DOTS:
                raise JobError(f"more than {MAX_DOTS} dots in one line", number)

    def _read(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self.source, parse_float=_decimal)
        except tomllib.TOMLDecodeError as error:
            reason = str(error)
            match = _AT.search(reason)
            end = self._lines.at(len(self.source))
            line, column = (int(match[1]), int(match[2])) if match and match[1] else end
            raise JobError(f"not TOML: {_AT.sub('', reason).strip()}", line, column) from None
        except (BadValue, ValueError) as error:
            raise JobError(f"not TOML: {error}") from None
        except RecursionError:
            raise JobError("not TOML: nested too deep") from None

    def place(self, name: str) -> tuple[int, int]:
        """(line, column) of a field of the top level; (1, 1) if it is missing."""
        match = re.search(_NAME.format(re.escape(name)), self._shadow)
        if match is None:
            return 1, 1
        written = match.group()
        return self._lines.at(match.start() + len(written) - len(written.lstrip()))

    def within(self, name: str, value: str, offset: int) -> tuple[int, int]:
        """(line, column) of the character at `offset` in the text that a field holds."""
        field = re.search(_NAME.format(re.escape(name)), self._shadow)
        string = _STRING.match(self.source, _skip_blanks(self.source, field.end())) if field else None
        if string is None:
            return self.place(name)
        start = string.start(str(string.lastgroup))
        if string.lastgroup in {"basic", "literal"} and self.source.startswith("\n", start):
            start += 1
        if string.lastgroup in {"literal", "bare"}:
            return self._lines.at(start + offset)
        return self._lines.at(_walk(self.source, start, offset))


def _skip_blanks(source: str, at: int) -> int:
    while source[at : at + 1] in {" ", "\t"}:
        at += 1
    return at


def _walk(source: str, at: int, characters: int) -> int:
    """Where in `source` the text is that many characters further, escapes counted as what they stand for."""
    while characters > 0 and at < len(source):
        escape = _ESCAPE.match(source, at) if source[at] == "\\" else None
        at = escape.end() if escape else at + 1
        characters -= 0 if escape and "\n" in escape.group() else 1
    return at


def _decimal(digits: str) -> Decimal:
    return bounded(Decimal(digits.replace("_", "")))
