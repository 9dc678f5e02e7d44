"""The control plane's API as its callers use it: the command line, `linkpool dev`, the tests and the benches.

Here are the line itself and the calls everybody makes. The calls of one concern stand in a file of their
own, `api/client_CONCERN.py`, as functions that take the client first and give wire models:

    async def releases(client: Client) -> list[ReleaseView]:
        return ReleaseList.model_validate(await client.ask("GET", "/releases")).releases
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import aiohttp

from linkpool.errors import Permanent, Temporary
from linkpool.units import Juels
from linkpool.wire.api import (
    EventView,
    MakeNode,
    NodeList,
    NodeMade,
    NodeView,
    OperationView,
)

NODE_SECONDS = 60.0
"""A node that takes longer than this to serve is in trouble."""

TRY_AGAIN = frozenset({408, 429})
"""Refusals that pass by themselves, beside all from 500 on."""


class ControlTrouble(Temporary):
    """The control plane did not answer, or could not."""


class Refused(Permanent):
    """The control plane said no: asking again changes nothing. `status` is HTTP's."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Client:
    """One control plane at `url` (without the version), opened by `token`; without one, what is public."""

    def __init__(self, http: aiohttp.ClientSession, url: str, token: str | None) -> None:
        self._http, self.url = http, url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def ask(self, method: str, path: str, body: object | None = None, *, key: str | None = None) -> Any:
        """One call under `/api/v1`; its JSON, None for an empty answer.

        `key` is an Idempotency-Key: the same call again with the same key does nothing twice.
        Raises ControlTrouble and Refused.
        """
        headers = self._headers if key is None else {**self._headers, "Idempotency-Key": key}
        try:
            async with self._http.request(
                method, f"{self.url}/api/v1{path}", json=body, headers=headers
            ) as reply:
                answer = await reply.json(content_type=None) if reply.status != 204 else None
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ControlTrouble(
                f"{method} {path}: the control plane does not answer: {error}; does it run at {self.url}?"
            ) from error
        if reply.status >= 400:
            raise _no(f"{method} {path}", reply.status, answer)
        return answer

    async def events(self, after: int | None = None) -> AsyncIterator[EventView]:
        """Every change as it happens, from number `after` on. Raises ControlTrouble when the line is lost."""
        url = f"{self.url}/api/v1/events" + ("" if after is None else f"?after={after}")
        forever = aiohttp.ClientTimeout(total=None, sock_connect=10)
        try:
            async with self._http.get(url, headers=self._headers, timeout=forever) as reply:
                if reply.status != 200:
                    raise _no("GET /events", reply.status, await reply.json(content_type=None))
                async for line in reply.content:
                    if line.startswith(b"data:"):
                        yield EventView.model_validate_json(line.removeprefix(b"data:"))
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ControlTrouble(f"GET /events: the line was lost: {error}") from error

    async def ready(self) -> bool:
        """It leads and works."""
        try:
            async with self._http.get(f"{self.url}/leads") as reply:
                return reply.status == 200
        except aiohttp.ClientError:
            return False

    async def nodes(self) -> list[NodeView]:
        """All nodes, oldest first. Raises ControlTrouble and Refused."""
        return NodeList.model_validate(await self.ask("GET", "/nodes")).nodes

    async def node(self, oracle: str) -> NodeView:
        """One node by its id. Raises ControlTrouble and Refused."""
        return NodeView.model_validate(await self.ask("GET", f"/nodes/{quote(oracle, safe='')}"))

    async def make_node(self, capacity: Juels | None = None, *, key: str | None = None) -> NodeMade:
        """Ask for a node that takes so much stake. Raises ControlTrouble and Refused."""
        wanted = MakeNode(capacity=None if capacity is None else str(capacity))
        return NodeMade.model_validate(await self.ask("POST", "/nodes", wanted.model_dump(), key=key))

    async def operation(self, operation: str) -> OperationView:
        """How far something asked for is. Raises ControlTrouble and Refused."""
        return OperationView.model_validate(await self.ask("GET", f"/operations/{quote(operation, safe='')}"))


def _no(call: str, status: int, answer: object) -> ControlTrouble | Refused:
    detail = answer.get("detail", answer) if isinstance(answer, dict) else answer
    if status >= 500 or status in TRY_AGAIN:
        return ControlTrouble(f"{call}: {status}: {detail}")
    return Refused(f"{call}: {status}: {detail}", status)


def serving(node: NodeView, replicas: int = 2) -> bool:
    """The node serves with that many ready replicas."""
    return (
        node.state == "serving" and sum(r.state == "serving" and r.ready for r in node.replicas) >= replicas
    )


async def until_serving(client: Client, index: int, seconds: float, replicas: int = 2) -> NodeView:
    """Wait until node number `index` serves. Raises ControlTrouble naming where it stands."""
    last: NodeView | None = None
    try:
        async with asyncio.timeout(seconds):
            while True:
                try:
                    last = next((node for node in await client.nodes() if node.index == index), last)
                except ControlTrouble:
                    last = None
                if last is not None and serving(last, replicas):
                    return last
                await asyncio.sleep(0.05)
    except TimeoutError as error:
        where = "is unknown" if last is None else f"is {last.state}: {[r.state for r in last.replicas]}"
        raise ControlTrouble(f"node {index} does not serve after {seconds:.0f} s; it {where}") from error
