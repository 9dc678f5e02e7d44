"""A faulty way to a real node: JSON-RPC over HTTP and WebSocket, broken on purpose and at any moment.

    async with rpc_proxy(chain.http, chain.ws) as proxy:
        proxy.http, proxy.ws            # give these to whoever is tested
        proxy.faults.lag = 50           # change any time

It forwards everything to the node behind it, counts the calls by method, and applies `faults`.
"""

import asyncio
import json
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import WSMsgType, web

_LATEST = ("latest", "pending")
_AT_BLOCK = {"eth_getTransactionCount": 1, "eth_getBalance": 1, "eth_getCode": 1, "eth_call": 1}


@dataclass
class ProxyFaults:
    """What is wrong with the way to the node now."""

    down: bool = False
    """Every connection is cut."""
    slow: float = 0.0
    """Seconds before each answer and notice."""
    lag: int = 0
    """Blocks behind, in answers and notices."""
    chain_id: int | None = None
    """Says that it is this chain."""
    max_range: int | None = None
    """Blocks in one eth_getLogs; more are refused."""
    silent: bool = False
    """Subscriptions stay open and say nothing."""
    silent_logs: bool = False
    """Subscriptions tell heads only."""
    hide_logs: bool = False
    """Subscriptions tell heads only, and eth_getLogs answers nothing."""
    garbage: bool = False
    """Answers and notices are no JSON."""
    swallow: bool = False
    """Transactions are acknowledged and forgotten."""


class RpcProxy:
    """The proxy while it runs. `faults` and `calls` are the test's to use."""

    def __init__(self, upstream_http: str, upstream_ws: str, session: aiohttp.ClientSession) -> None:
        self.faults = ProxyFaults()
        self.calls: Counter[str] = Counter()
        self.port = 0
        self._upstream_http = upstream_http
        self._upstream_ws = upstream_ws
        self._session = session
        self._sockets: list[web.WebSocketResponse] = []

    @property
    def http(self) -> str:
        """URL for calls."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        """URL for calls and subscriptions."""
        return f"ws://127.0.0.1:{self.port}"

    async def cut(self) -> None:
        """Be down from now on, and cut what is open."""
        self.faults.down = True
        for socket in list(self._sockets):
            if socket._req and socket._req.transport:
                socket._req.transport.abort()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Any request of a client."""
        if self.faults.down:
            if request.transport:
                request.transport.abort()
            return web.Response(status=503)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._serve_socket(request)
        body = await request.json()
        await asyncio.sleep(self.faults.slow)
        if self.faults.garbage:
            return web.Response(text="<html>Bad gateway, politely</html>")
        calls = body if isinstance(body, list) else [body]
        answers = [await self._answer(call) for call in calls]
        return web.json_response(answers if isinstance(body, list) else answers[0])

    # --- calls ------------------------------------------------------------------------------------

    async def _answer(self, call: dict[str, Any]) -> dict[str, Any]:
        method, params = call["method"], list(call.get("params") or [])
        self.calls[method] += 1
        invented = self._invent(method, params)
        if invented is None and self.faults.lag:
            invented = await self._set_back(method, params)
        if invented is not None:
            return {"jsonrpc": "2.0", "id": call["id"], **invented}
        answer = await self._forward({**call, "params": params})
        return await self._forget_late(method, answer) if self.faults.lag else answer

    def _invent(self, method: str, params: list[Any]) -> dict[str, Any] | None:
        """Answers that need no node."""
        faults = self.faults
        if method == "eth_chainId" and faults.chain_id is not None:
            return {"result": hex(faults.chain_id)}
        if method == "eth_sendRawTransaction" and faults.swallow:
            return {"result": "0x" + "00" * 32}
        if method == "eth_getLogs" and faults.hide_logs:
            return {"result": []}
        if method == "eth_getLogs" and faults.max_range is not None and "toBlock" in params[0]:
            blocks = int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) + 1
            if blocks > faults.max_range:
                return {"error": _error(f"block range is limited to {faults.max_range} blocks", -32005)}
        return None

    async def _set_back(self, method: str, params: list[Any]) -> dict[str, Any] | None:
        """Make a call speak of the block that is `lag` behind; answer it if it speaks of a later one."""
        head = await self._head()
        if method == "eth_getBlockByNumber":
            if params[0] in _LATEST:
                params[0] = hex(head)
            elif params[0].startswith("0x") and int(params[0], 16) > head:
                return {"result": None}
        elif method == "eth_getLogs" and "toBlock" in params[0]:
            if int(params[0]["toBlock"], 16) > head:
                return {"error": _error("block range extends beyond current head block")}
        elif (place := _AT_BLOCK.get(method)) is not None:
            params[place:] = [hex(head)]
        return None

    async def _forget_late(self, method: str, answer: dict[str, Any]) -> dict[str, Any]:
        """An answer without what happened after the block that is `lag` behind."""
        head, result = await self._head(), answer.get("result")
        if method == "eth_blockNumber":
            return {**answer, "result": hex(head)}
        if method == "eth_getTransactionReceipt" and result and int(result["blockNumber"], 16) > head:
            return {**answer, "result": None}
        return answer

    async def _head(self) -> int:
        call = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}
        return max(int((await self._forward(call))["result"], 16) - self.faults.lag, 0)

    async def _forward(self, call: dict[str, Any]) -> dict[str, Any]:
        async with self._session.post(self._upstream_http, json=call) as response:
            return await response.json()

    # --- subscriptions ----------------------------------------------------------------------------

    async def _serve_socket(self, request: web.Request) -> web.StreamResponse:
        client = web.WebSocketResponse()
        await client.prepare(request)
        self._sockets.append(client)
        async with self._session.ws_connect(self._upstream_ws, max_msg_size=0) as node:
            back = asyncio.create_task(self._to_client(node, client))
            try:
                async for message in client:
                    if message.type is WSMsgType.TEXT:
                        await self._from_client(json.loads(message.data), client, node)
            finally:
                back.cancel()
                self._sockets.remove(client)
        return client

    async def _from_client(
        self, call: dict[str, Any], client: web.WebSocketResponse, node: aiohttp.ClientWebSocketResponse
    ) -> None:
        if call["method"] in ("eth_subscribe", "eth_unsubscribe"):
            self.calls[call["method"]] += 1
            await node.send_json(call)
            return
        await asyncio.sleep(self.faults.slow)
        answer = await self._answer(call)
        await client.send_str("<html>" if self.faults.garbage else json.dumps(answer))

    async def _to_client(self, node: aiohttp.ClientWebSocketResponse, client: web.WebSocketResponse) -> None:
        held: deque[tuple[int, str]] = deque()
        tip = 0
        async for message in node:
            told = json.loads(message.data)
            if told.get("method") != "eth_subscription":
                await client.send_str(message.data)
                continue
            result = told["params"]["result"]
            is_head = "parentHash" in result
            number = int(result["number" if is_head else "blockNumber"], 16)
            tip = number if is_head else max(tip, number)
            few = self.faults.silent_logs or self.faults.hide_logs
            if self.faults.silent or (few and not is_head):
                continue
            held.append((number, "<html>" if self.faults.garbage else message.data))
            await asyncio.sleep(self.faults.slow)
            while held and held[0][0] <= tip - self.faults.lag:
                await client.send_str(held.popleft()[1])


def _error(message: str, code: int = -32000) -> dict[str, Any]:
    return {"code": code, "message": message}


@asynccontextmanager
async def rpc_proxy(upstream_http: str, upstream_ws: str) -> AsyncIterator[RpcProxy]:
    """A proxy on a free port, in the test's own loop, until the context ends."""
    many = aiohttp.TCPConnector(limit=0)  # each client's socket has one of its own behind it
    async with aiohttp.ClientSession(connector=many) as session:
        proxy = RpcProxy(upstream_http, upstream_ws, session)
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_route("*", "/{path:.*}", proxy.handle)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.2)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            proxy.port = runner.addresses[0][1]
            yield proxy
        finally:
            await proxy.cut()
            await runner.cleanup()
