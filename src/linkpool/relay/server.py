"""The relay's face: JSON-RPC by POST and WebSocket, beside `/live`, `/ready` and `/metrics`, on one port."""

import asyncio
import hmac
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import aiohttp
from aiohttp import WSMsgType, web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from linkpool.relay.clients import Client
from linkpool.relay.core import Core

MAX_REQUEST = 2 * 2**20
"""Bytes of one message."""

AT_ONCE = 32
"""Messages of one connection answered side by side; the next one is read after that."""

MAX_POSTS = 512
PING_SECONDS = 20.0


class Server:
    """Serves one core. token: what callers must show, if anything."""

    def __init__(
        self, core: Core, registry: CollectorRegistry, *, token: str | None = None, max_clients: int
    ) -> None:
        self._core, self._registry = core, registry
        self._token, self._max_clients = token, max_clients
        self._posts = 0

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
            for client in [*self._core.clients.all]:
                client.cut()
            await runner.cleanup()

    # --- health -----------------------------------------------------------------------------------

    async def _live(self, _request: web.Request) -> web.Response:
        return web.Response(text="live\n")

    async def _ready(self, _request: web.Request) -> web.Response:
        reason = self._core.not_ready()
        return web.Response(text=f"{reason or 'ready'}\n", status=503 if reason else 200)

    async def _metrics(self, _request: web.Request) -> web.Response:
        body = generate_latest(self._registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    # --- JSON-RPC ---------------------------------------------------------------------------------

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
            reply = await self._core.post(await request.read())
        finally:
            self._posts -= 1
        return web.Response(body=reply, content_type="application/json")

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        self._admit(request)
        socket = web.WebSocketResponse(heartbeat=PING_SECONDS, max_msg_size=MAX_REQUEST, compress=False)
        if not socket.can_prepare(request):
            raise web.HTTPBadRequest(text="JSON-RPC comes by POST or WebSocket\n")
        clients = self._core.clients
        if len(clients.all) >= self._max_clients:
            raise web.HTTPServiceUnavailable(text="too many connections\n")
        await socket.prepare(request)
        client = Client(socket.send_str, partial(_abort, request))
        clients.all.add(client)
        work = {asyncio.create_task(_send(client), name="send")}
        try:
            await self._listen(socket, client, work)
        finally:
            clients.left(client)
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
            task = asyncio.create_task(self._core.hear(client, message.data), name="hear")
            work.add(task)
            task.add_done_callback(over)


async def _send(client: Client) -> None:
    with suppress(ConnectionError, aiohttp.ClientError, RuntimeError):
        await client.run()
    client.cut()


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
