"""Logs for people and machines, with secrets scrubbed before anything is written.

Secrets are registered once (`hide`) where they enter the process; the last processor replaces every
occurrence, in messages, fields and traces alike. One line per event: key=value on a terminal, JSON elsewhere.
"""

import logging
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, TextIO

import structlog

_HEAD = 8
"""Characters by which secrets are looked up; shorter ones would eat ordinary words."""
_hidden: dict[str, set[str]] = {}
"""Secrets by how they begin: a fleet has thousands, and each line is searched for all of them at once."""
_MASK = "[secret]"


def hide(secret: str) -> str:
    """Register a secret, so that no log line shows it again; returns it. Both 0x and bare hex are covered."""
    bare = secret.removeprefix("0x")
    if len(bare) >= _HEAD:
        _hidden.setdefault(bare[:_HEAD], set()).add(bare)
    return secret


def scrub(text: str) -> str:
    """`text` with every registered secret replaced."""
    heads = {text[at : at + _HEAD] for at in range(len(text) - _HEAD + 1)} & _hidden.keys()
    for secret in sorted((one for head in heads for one in _hidden[head]), key=len, reverse=True):
        text = text.replace(secret, _MASK)
    return text


def _always(fields: dict[str, object]) -> structlog.typing.Processor:
    """Puts `fields` on every line, whichever task, signal handler or callback writes it."""

    def add(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {**fields, **event}

    return add


def _scrub_event(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if not isinstance(value, int | float | bool | None):
            event[key] = scrub(value if isinstance(value, str) else str(value))
    return event


class _Lines:
    """Writes lines. One that cannot be written is lost: a full disk must not end an oracle."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        """Write it and flush."""
        with suppress(OSError):
            self._stream.write(line + "\n")
            self._stream.flush()

    debug = info = warning = error = critical = exception = msg


def configure(stream: TextIO | None = None, *, level: str = "INFO", **fields: object) -> None:
    """Set up logging for one process; `fields` (task, node, ...) stand on every line."""
    stream = stream or sys.stderr
    human = stream.isatty()
    structlog.configure(
        processors=[
            _always(fields),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _scrub_event,
            structlog.dev.ConsoleRenderer() if human else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=lambda *_: _Lines(stream),
        cache_logger_on_first_use=False,
    )
