"""The few calls of the Docker Engine API that Swarm needs, over the daemon's socket.

aiodocker has no call that changes a service's count, so half of them would go around it
(`docs/decisions/1001-docker-by-hand.md`).
"""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson

from linkpool.engines.protocol import EngineRefused, EngineUnreachable

API = "v1.41"
"""Of Docker 20.10, and spoken by every later one."""
SECONDS = 30.0


class NotFound(EngineRefused):
    """The daemon knows no such thing."""


class Conflict(EngineRefused):
    """It is there already, or is being changed by another."""


class Docker:
    """One daemon, a manager of its swarm; an async context manager.

    Every call raises EngineUnreachable, EngineRefused (NotFound and Conflict among them).
    """

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(str(self._socket)), timeout=aiohttp.ClientTimeout(total=SECONDS)
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def get(self, path: str, **query: str) -> Any:
        """What the daemon says of `path`, as JSON."""
        return await self._ask("GET", path, query)

    async def listed(self, path: str, **filters: str | list[str]) -> list[dict[str, Any]]:
        """A list narrowed by Docker's filters."""
        wanted = {name: [each] if isinstance(each, str) else each for name, each in filters.items()}
        found: list[dict[str, Any]] = await self._ask("GET", path, {"filters": orjson.dumps(wanted).decode()})
        return found

    async def post(self, path: str, body: Mapping[str, Any] | None = None, **query: str) -> Any:
        """Have something done."""
        return await self._ask("POST", path, query, body)

    async def delete(self, path: str) -> None:
        """Have something removed; what is not there is removed."""
        try:
            await self._ask("DELETE", path, {})
        except NotFound:
            return

    async def _ask(
        self, method: str, path: str, query: Mapping[str, str], body: Mapping[str, Any] | None = None
    ) -> Any:
        what = f"{method} {path}"
        try:
            async with self._http.request(
                method, f"http://docker/{API}/{path}", params=query, json=body
            ) as reply:
                answer = await reply.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            why = str(error) or "timed out"
            raise EngineUnreachable(
                f"Docker at {self._socket} does not answer {what}: {why}; is the daemon up?"
            ) from error
        if reply.status >= 400:
            raise _refusal(reply.status, what, answer)
        try:
            return orjson.loads(answer) if answer.strip() else None
        except orjson.JSONDecodeError as error:
            raise EngineUnreachable(f"Docker's answer to {what} is no JSON: {answer[:100]!r}") from error


def _refusal(status: int, what: str, answer: bytes) -> EngineRefused | EngineUnreachable:
    try:
        reason = orjson.loads(answer)["message"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        reason = answer[:200].decode(errors="replace")
    text = f"Docker refuses {what}: {status}: {reason}"
    if status == 404:
        return NotFound(text)
    if status == 409 or "out of sequence" in str(reason):
        return Conflict(text)
    return EngineUnreachable(text) if status >= 500 else EngineRefused(text)
