"""`/live`, `/ready` and `/metrics` of one replica.

`/live` is 200 while the event loop turns. `/ready` is 200 only while serving and fresh, else 503 with the
reason, so that `curl -f` fails when it should.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

NotReady = str


@asynccontextmanager
async def serve(
    host: str, port: int, ready: Callable[[], NotReady | None], registry: CollectorRegistry
) -> AsyncIterator[str]:
    """Serve while the context is open; yields the base URL. Port 0 takes a free one.

    `ready` returns None, or why the replica is not ready. Raises OSError when the port is taken.
    """

    async def live(_request: web.Request) -> web.Response:
        return web.Response(text="live\n")

    async def readiness(_request: web.Request) -> web.Response:
        reason = ready()
        return web.Response(text=f"{reason or 'ready'}\n", status=503 if reason else 200)

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/live", live), web.get("/ready", readiness), web.get("/metrics", metrics)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        bound = runner.addresses[0]
        yield f"http://{bound[0]}:{bound[1]}"
    finally:
        await runner.cleanup()
