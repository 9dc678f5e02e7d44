"""A node behind ws or wss: calls, and subscriptions that push heads and logs in 3 ms.

Calls share one connection, opened when first needed and again after it is lost. Each subscription has a
connection of its own, so that leaving it leaves nothing behind and a burst of logs delays no call.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any, Self

import aiohttp
import orjson
from yarl import URL

from linkpool.chain.jsonrpc import MAX_ANSWER, outcome, request, show_name
from linkpool.chain.rpc import Call, EndpointTrouble, Garbage, Notice, Refusal, TimedOut, Unreachable

PING_SECONDS = 12.0
"""A connection whose peer does not answer a ping of this rhythm within half of it is lost: a peer that was
stopped is left within 18 s, and one that is only busy for 6 s is not."""


class _Wire:
    """One open connection: answers go to those who asked, notices into one queue."""

    def __init__(self, name: str, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._name = name
        self._socket = socket
        self._ids = count(1)
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self.notices: asyncio.Queue[tuple[str, Any] | EndpointTrouble] = asyncio.Queue()
        self.lost: EndpointTrouble | None = None
        self._reader = asyncio.create_task(self._read(), name=f"read {name}")

    async def ask(self, calls: Sequence[Call], limit: float) -> list[Any]:
        """Results in order of `calls`; a Refusal stands in its place. Raises EndpointTrouble."""
        if self.lost:
            raise self.lost
        sent = {next(self._ids): call for call in calls}
        futures = [asyncio.get_running_loop().create_future() for _ in sent]
        self._asked.update(zip(sent, futures, strict=True))
        try:
            async with asyncio.timeout(limit):
                for ident, call in sent.items():
                    await self._socket.send_str(orjson.dumps(request(ident, call)).decode())
                answers = [await future for future in futures]
        except TimeoutError as problem:
            raise TimedOut(f"{self._name}: no answer within {limit:g} s") from problem
        except (aiohttp.ClientError, OSError) as problem:
            raise Unreachable(f"{self._name}: {type(problem).__name__}") from problem
        finally:
            for ident, future in zip(sent, futures, strict=True):
                self._asked.pop(ident, None)
                if not future.cancel() and not future.cancelled():
                    future.exception()  # seen: the first failure was raised for all
        return [outcome(call, answer) for call, answer in zip(calls, answers, strict=True)]

    async def close(self) -> None:
        """Leave; whoever waits gets Unreachable."""
        self._reader.cancel()
        with suppress(asyncio.CancelledError):
            await self._reader
        await self._socket.close()

    async def _read(self) -> None:
        trouble: EndpointTrouble = Unreachable(f"{self._name}: the connection was closed")
        try:
            async for message in self._socket:
                if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    break
                self._take(message.data)
        except Garbage as problem:
            trouble = problem
        except (aiohttp.ClientError, OSError) as problem:
            trouble = Unreachable(f"{self._name}: {type(problem).__name__}")
        finally:
            self._lose(trouble)

    def _lose(self, trouble: EndpointTrouble) -> None:
        self.lost = trouble
        self.notices.put_nowait(trouble)
        for future in self._asked.values():
            if not future.done():
                future.set_exception(trouble)

    def _take(self, text: str | bytes) -> None:
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError as problem:
            raise Garbage(f"{self._name}: no JSON but {text[:80]!r}") from problem
        if not isinstance(message, dict):
            raise Garbage(f"{self._name}: a message that is no object: {text[:80]!r}")
        if message.get("method") == "eth_subscription":
            params = message.get("params")
            if not isinstance(params, dict) or "result" not in params:
                raise Garbage(f"{self._name}: a notice without result: {text[:80]!r}")
            self.notices.put_nowait((str(params.get("subscription")), params["result"]))
            return
        ident = message.get("id")
        future = self._asked.get(ident) if isinstance(ident, int) else None
        if future is not None and not future.done():
            future.set_result(message)


class SocketEndpoint:
    """A node behind ws or wss."""

    pushes = True

    def __init__(self, url: URL, session: aiohttp.ClientSession, timeout: float) -> None:
        self._url = url
        self._session = session
        self._timeout = timeout
        self._shared: _Wire | None = None
        self._opening = asyncio.Lock()
        self.name = show_name(url)
        self.calls: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"SocketEndpoint({self.name})"

    async def call(self, method: str, *params: Any) -> Any:
        """The result of one call. Raises EndpointTrouble or Refusal."""
        [result] = await self.batch([(method, params)])
        if isinstance(result, Refusal):
            raise result
        return result

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        """Results in order of `calls`; a Refusal stands in its place. Raises EndpointTrouble."""
        wire = await self._wire()
        self.calls.update(call[0] for call in calls)
        return await wire.ask(calls, self._timeout)

    @asynccontextmanager
    async def subscribe(self, *params: tuple[Any, ...]) -> AsyncIterator[AsyncIterator[Notice]]:
        """Subscriptions on a connection of their own, for as long as the context lasts."""
        wire = await self._open()
        try:
            calls: list[Call] = [("eth_subscribe", one) for one in params]
            self.calls.update(call[0] for call in calls)
            kinds: dict[str, str] = {}
            for one, ident in zip(params, await wire.ask(calls, self._timeout), strict=True):
                if isinstance(ident, Refusal):
                    raise Unreachable(f"{self.name}: refuses to subscribe {one[0]}: {ident}") from ident
                kinds[str(ident)] = one[0]
            yield _Notices(wire, kinds)
        finally:
            await wire.close()

    async def close(self) -> None:
        """Close the connection that calls share."""
        if self._shared:
            await self._shared.close()
            self._shared = None

    async def _wire(self) -> _Wire:
        async with self._opening:
            if self._shared is None or self._shared.lost:
                await self.close()
                self._shared = await self._open()
            return self._shared

    async def _open(self) -> _Wire:
        try:
            async with asyncio.timeout(self._timeout):
                socket = await self._session.ws_connect(
                    self._url, heartbeat=PING_SECONDS, max_msg_size=MAX_ANSWER
                )
        except TimeoutError as problem:
            raise TimedOut(f"{self.name}: no connection within {self._timeout:g} s") from problem
        except (aiohttp.ClientError, OSError) as problem:
            raise Unreachable(f"{self.name}: {type(problem).__name__}") from problem
        return _Wire(self.name, socket)


class _Notices:
    """The notices of one wire, named by kind. Waiting for the next one may be cancelled at any time."""

    def __init__(self, wire: _Wire, kinds: dict[str, str]) -> None:
        self._wire = wire
        self._kinds = kinds

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Notice:
        while True:
            notice = await self._wire.notices.get()
            if isinstance(notice, EndpointTrouble):
                self._wire.notices.put_nowait(notice)
                raise notice
            ident, payload = notice
            if ident in self._kinds:
                return self._kinds[ident], payload
