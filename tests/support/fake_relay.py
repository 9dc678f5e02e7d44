"""A relay in virtual time, and its face as the chain room's `Endpoint`: no sockets, all else is real.

    async with relaying(provider) as relay:             # FakeEndpoints are its upstreams
        await relay.face.call("eth_blockNumber")
        Endpoints([relay.face, other.face, provider], chain_id=31337)

What crosses between face and core is JSON text, as on a wire.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, Self

import orjson

from linkpool.chain.endpoints import Endpoints
from linkpool.chain.jsonrpc import outcome, request
from linkpool.chain.rpc import Call, EndpointTrouble, Notice, Refusal, Unreachable
from linkpool.relay.clients import Client
from linkpool.relay.core import Core
from tests.support.chain_world import until
from tests.support.fake_endpoint import FakeEndpoint


class RelayFace:
    """What a replica has of a relay."""

    pushes = True

    def __init__(self, core: Core, name: str) -> None:
        self.core, self.name = core, name
        self.calls: Counter[str] = Counter()
        self.down = False
        self.lines: list[_Line] = []

    async def call(self, method: str, *params: Any) -> Any:
        """As linkpool.chain.rpc.Endpoint."""
        [result] = await self.batch([(method, params)])
        if isinstance(result, Refusal):
            raise result
        return result

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        """As linkpool.chain.rpc.Endpoint."""
        self.calls.update(method for method, _ in calls)
        if self.down:
            raise Unreachable(f"{self.name}: down")
        replies = orjson.loads(
            await self.core.post(orjson.dumps([request(place, call) for place, call in enumerate(calls)]))
        )
        return [outcome(call, reply) for call, reply in zip(calls, replies, strict=True)]

    @asynccontextmanager
    async def subscribe(self, *params: tuple[Any, ...]) -> AsyncIterator[AsyncIterator[Notice]]:
        """As linkpool.chain.rpc.Endpoint."""
        if self.down:
            raise Unreachable(f"{self.name}: down")
        line = _Line(self)
        self.lines.append(line)
        self.core.clients.all.add(line.client)
        sending = asyncio.create_task(line.client.run())
        try:
            for one in params:
                await line.subscribe(one)
            yield line
        finally:
            sending.cancel()
            self.core.clients.left(line.client)
            self.lines.remove(line)

    def cut(self) -> None:
        """As a killed process: whoever is connected knows at once."""
        self.down = True
        for line in self.lines:
            line.lose()


class _Line:
    """One connection."""

    def __init__(self, face: RelayFace) -> None:
        self._face = face
        self._idents = count(1)
        self._kinds: dict[str, str] = {}
        self._notices: asyncio.Queue[Notice | EndpointTrouble] = asyncio.Queue()
        self._acks: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.client = Client(self._take, self.lose)

    async def subscribe(self, one: tuple[Any, ...]) -> None:
        call: Call = ("eth_subscribe", one)
        await self._face.core.hear(self.client, orjson.dumps(request(next(self._idents), call)))
        ident = outcome(call, await self._acks.get())
        if isinstance(ident, Refusal):
            raise ident
        self._kinds[ident] = one[0]

    def lose(self) -> None:
        self._notices.put_nowait(Unreachable(f"{self._face.name}: the connection was lost"))

    async def _take(self, text: str) -> None:
        message = orjson.loads(text)
        if "id" in message:
            self._acks.put_nowait(message)
        else:
            told = message["params"]
            self._notices.put_nowait((told["subscription"], told["result"]))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Notice:
        notice = await self._notices.get()
        if isinstance(notice, EndpointTrouble):
            self._notices.put_nowait(notice)
            raise notice
        return self._kinds[notice[0]], notice[1]


@dataclass
class FakeRelay:
    """A relay that runs."""

    core: Core
    face: RelayFace
    ups: tuple[FakeEndpoint, ...]

    @property
    def tip(self) -> int:
        """Number of its newest block; -1 before the first."""
        return self.core.feed.blocks.tip.head.number if self.core.feed.blocks.tip else -1


@asynccontextmanager
async def relaying(
    *ups: FakeEndpoint, name: str = "relay", window: int = 320, offset: float = 0.0
) -> AsyncIterator[FakeRelay]:
    """A relay over these upstreams, with its first block when entered."""
    core = Core(Endpoints(ups, chain_id=31337), chain_id=31337, window=window, offset=offset)
    working = asyncio.create_task(core.run())
    try:
        await until(lambda: core.not_ready() is None)
        yield FakeRelay(core, RelayFace(core, name), ups)
    finally:
        working.cancel()
        ended = await asyncio.gather(working, return_exceptions=True)
    if isinstance(ended[0], Exception):
        raise ended[0]
