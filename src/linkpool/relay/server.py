"""The relay's face: JSON-RPC by POST and by WebSocket on one port, beside `/live`, `/ready` and `/metrics`.

While it is not sure that its tip is the chain's newest block it answers nothing and ends all subscriptions,
so that replicas go to the next endpoint at once and come back when it is sure again.
"""

import asyncio
import hmac
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import aiohttp
from aiohttp import WSMsgType, web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from linkpool.chain.rpc import RateLimited, Unreachable, Unsupported
from linkpool.relay.answers import Answers
from linkpool.relay.clients import Client, Clients, Subscription
from linkpool.relay.messages import respond

MAX_REQUEST = 2 * 2**20
"""Bytes of one message."""

MAX_SUBSCRIPTIONS = 32
"""Of one connection."""

AT_ONCE = 32
"""Messages of one connection answered side by side; the next one is read after that."""

MAX_POSTS = 512
PING_SECONDS = 20.0
LOOK_SECONDS = 0.25


class Server:
    """Serves `answers` to `clients`. `not_ready` says why nothing may be answered, or None."""

    def __init__(
        self,
        answers: Answers,
        clients: Clients,
        not_ready: Callable[[], str | None],
        registry: CollectorRegistry,
        *,
        token: str | None = None,
        max_clients: int = 2_000,
    ) -> None:
        self._answers, self._clients, self._not_ready = answers, clients, not_ready
        self._registry, self._token, self._max_clients = registry, token, max_clients
        self._posts = 0

    async def watch(self) -> None:
        """End all subscriptions whenever the relay stops being sure; for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._not_ready():
                self._clients.cut_all()

    @asynccontextmanager
    async def listening(self, host: str, port: int, tls: ssl.SSLContext | None) -> AsyncIterator[int]:
        """Serve while the context is open; yields the port. Raises OSError when it is taken."""
        app = web.Application(client_max_size=MAX_REQUEST)
        app.add_routes(
            [
                web.get("/live", self._live),
                web.get("/ready", self._ready),
                web.get("/metrics", self._metrics),
                web.post("/{token:.*}", self._post),
                web.get("/{token:.*}", self._socket),
            ]
        )
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port, ssl_context=tls).start()
            yield runner.addresses[0][1]
        finally:
            await runner.cleanup()

    # --- health -----------------------------------------------------------------------------------

    async def _live(self, _request: web.Request) -> web.Response:
        return web.Response(text="live\n")

    async def _ready(self, _request: web.Request) -> web.Response:
        reason = self._not_ready()
        return web.Response(text=f"{reason or 'ready'}\n", status=503 if reason else 200)

    async def _metrics(self, _request: web.Request) -> web.Response:
        body = generate_latest(self._registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    # --- calls ------------------------------------------------------------------------------------

    def _admit(self, request: web.Request) -> None:
        """Whoever knows the token: in the path, as providers have it, or as a bearer."""
        if self._token is None:
            return
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        for shown in (request.match_info["token"], bearer):
            if hmac.compare_digest(shown.encode(), self._token.encode()):
                return
        raise web.HTTPUnauthorized(text="this relay wants its token: URL/TOKEN\n")

    async def _post(self, request: web.Request) -> web.Response:
        self._admit(request)
        if self._posts >= MAX_POSTS:
            raise web.HTTPServiceUnavailable(text="too many calls at once\n")
        self._posts += 1
        try:
            reply = await respond(await request.read(), self._answer)
        finally:
            self._posts -= 1
        return web.Response(body=reply or b"", content_type="application/json")

    async def _answer(self, method: str, params: Sequence[Any]) -> Any:
        if reason := self._not_ready():
            raise Unreachable(reason)
        if method in ("eth_subscribe", "eth_unsubscribe"):
            raise Unsupported("notifications are not supported over HTTP: use WebSocket")
        return await self._answers.answer(method, params)

    # --- connections ------------------------------------------------------------------------------

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        self._admit(request)
        if not web.WebSocketResponse().can_prepare(request):
            raise web.HTTPBadRequest(text="JSON-RPC comes by POST or WebSocket\n")
        if len(self._clients.all) >= self._max_clients:
            raise web.HTTPServiceUnavailable(text="too many connections\n")
        socket = web.WebSocketResponse(heartbeat=PING_SECONDS, max_msg_size=MAX_REQUEST, compress=False)
        await socket.prepare(request)
        client = Client(socket.send_str, partial(_abort, request))
        self._clients.all.add(client)
        work = {asyncio.create_task(self._send(client), name="send")}
        try:
            await self._listen(socket, client, work)
        finally:
            self._clients.left(client)
            for task in work:
                task.cancel()
        return socket

    async def _listen(
        self, socket: web.WebSocketResponse, client: Client, work: set["asyncio.Task[None]"]
    ) -> None:
        room = asyncio.Semaphore(AT_ONCE)

        def over(task: "asyncio.Task[None]") -> None:
            work.discard(task)
            room.release()

        async for message in socket:
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                break
            await room.acquire()
            task = asyncio.create_task(self._reply(client, message.data), name="reply")
            work.add(task)
            task.add_done_callback(over)

    async def _send(self, client: Client) -> None:
        with suppress(ConnectionError, aiohttp.ClientError, RuntimeError):
            await client.run()
        client.cut()

    async def _reply(self, client: Client, text: str | bytes) -> None:
        made: list[Subscription] = []
        reply = await respond(text, partial(self._answer_client, client, made))
        if reply is not None:
            client.put(reply.decode())
            self._clients.begin(client, made)

    async def _answer_client(
        self, client: Client, made: list[Subscription], method: str, params: Sequence[Any]
    ) -> Any:
        if reason := self._not_ready():
            raise Unreachable(reason)
        if method == "eth_unsubscribe":
            return self._clients.unsubscribe(client, params)
        if method != "eth_subscribe":
            return await self._answers.answer(method, params)
        if len(client.heads) + len(client.logs) + len(made) >= MAX_SUBSCRIPTIONS:
            raise RateLimited(f"more than {MAX_SUBSCRIPTIONS} subscriptions on one connection")
        made.append(self._clients.subscribe(params))
        return made[-1].ident


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
