"""A data source of which each path answers as the test says: late, wrong, or not at all."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(frozen=True)
class Reply:
    """`body`: JSON, or a text as it stands. It is sent after `seconds`, or when `held` is set."""

    body: Any
    status: int = 200
    seconds: float = 0.0
    held: asyncio.Event | None = None


@dataclass
class Source:
    """`replies` by path; a path that is not there gives status 404.

    `asked`: paths in order; `asked_at`: when, in seconds since 1970; `asked_from`: who asks, by its port.
    """

    url: str = ""
    replies: dict[str, Reply] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    asked_at: list[float] = field(default_factory=list)
    asked_from: list[int] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One request."""
        self.asked.append(request.path)
        self.asked_at.append(time.time())
        self.asked_from.append(request.transport.get_extra_info("peername")[1] if request.transport else 0)
        reply = self.replies.get(request.path, Reply({"error": "no such path"}, 404))
        if reply.held is not None:
            await reply.held.wait()
        await asyncio.sleep(reply.seconds)
        if isinstance(reply.body, str):
            return web.Response(text=reply.body, status=reply.status)
        return web.json_response(reply.body, status=reply.status)


@asynccontextmanager
async def open_source() -> AsyncIterator[Source]:
    """Serve one on loopback while the context is open; `/price` gives what the demo job wants."""
    source = Source(replies={"/price": Reply({"data": {"price": "15.2301"}})})
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", source.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        source.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield source
    finally:
        await runner.cleanup()
