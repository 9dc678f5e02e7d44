"""The envelope of JSON-RPC as a server reads and writes it: single calls, batches, and errors that keep their
meaning.

An error travels so that `chain/refusals.py` reads the same kind out of it at the other end: a replica behind
a relay halves a range, waits or asks elsewhere as it would at a provider.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import structlog

from linkpool.chain.rpc import (
    Behind,
    EndpointTrouble,
    RangeRefused,
    RateLimited,
    Refusal,
    Reverted,
    Unsupported,
)

log = structlog.get_logger(__name__)

MAX_BATCH = 100
Answer = Callable[[str, Sequence[Any]], Awaitable[Any]]

_PARSE, _INVALID, _UNKNOWN, _SERVER, _LIMIT = -32700, -32600, -32601, -32000, -32005
_KINDS: tuple[tuple[type[EndpointTrouble], int, str], ...] = (
    (RangeRefused, _LIMIT, "block range refused"),
    (RateLimited, _LIMIT, "rate limit"),
    (Behind, _SERVER, "header not found"),
    (Unsupported, _UNKNOWN, "method not available"),
    (EndpointTrouble, _SERVER, "temporarily no answer"),
)


@dataclass(frozen=True)
class Asked:
    """One call as it came. `ident` is any JSON scalar."""

    ident: Any
    method: str
    params: Sequence[Any]


async def respond(text: str | bytes, answer: Answer) -> bytes | None:
    """The reply to one message, calls of a batch side by side; none when nobody waits for one."""
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        return orjson.dumps(_failed(None, _PARSE, "parse error: no JSON"))
    if not isinstance(message, list):
        reply = await _one(message, answer)
        return None if reply is None else orjson.dumps(reply)
    if not 0 < len(message) <= MAX_BATCH:
        return orjson.dumps(_failed(None, _INVALID, f"invalid request: a batch has 1 to {MAX_BATCH} calls"))
    replies = await asyncio.gather(*(_one(part, answer) for part in message))
    awaited = [reply for reply in replies if reply is not None]
    return orjson.dumps(awaited) if awaited else None


async def _one(message: Any, answer: Answer) -> dict[str, Any] | None:
    asked = _asked(message)
    if isinstance(asked, str):
        ident = message.get("id") if isinstance(message, dict) else None
        return _failed(ident if _is_ident(ident) else None, _INVALID, f"invalid request: {asked}")
    if asked.ident is None:
        return None  # a notification: none of the methods here has any use without its answer
    try:
        result = await answer(asked.method, asked.params)
    except (Refusal, EndpointTrouble) as problem:
        return {"jsonrpc": "2.0", "id": asked.ident, "error": error_of(asked.method, problem)}
    except Exception:  # one call's failure must not end the connection that others use
        log.exception("call failed", method=asked.method)
        return _failed(asked.ident, -32603, "internal error of the relay")
    return {"jsonrpc": "2.0", "id": asked.ident, "result": result}


def _asked(message: Any) -> Asked | str:
    """The call, or what is wrong with it."""
    if not isinstance(message, dict):
        return "a call is an object"
    method, params, ident = message.get("method"), message.get("params", []), message.get("id")
    if not isinstance(method, str):
        return "method is a string"
    if not isinstance(params, list | None):
        return "params is a list"
    if not _is_ident(ident):
        return "id is a number or a string"
    return Asked(ident, method, params or [])


def _is_ident(value: Any) -> bool:
    return value is None or (isinstance(value, int | float | str) and not isinstance(value, bool))


def error_of(method: str, problem: Refusal | EndpointTrouble) -> dict[str, Any]:
    """The `error` member that says what `problem` says."""
    text = str(problem).removeprefix(f"{method}: ")
    if isinstance(problem, Reverted):
        return {"code": problem.code, "message": problem.reason, "data": problem.data}
    if isinstance(problem, Refusal):
        data = {} if problem.data is None else {"data": problem.data}
        return {"code": problem.code or _SERVER, "message": text, **data}
    code, words = next((code, words) for kind, code, words in _KINDS if isinstance(problem, kind))
    return {"code": code, "message": f"{words}: {text}"}


def _failed(ident: Any, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": ident, "error": {"code": code, "message": message}}
