"""A demo data source: one price that wanders a little, and ways to misbehave for those who try things out.

`GET /price` answers `{"data": {"price": "15.2301"}}`. `?status=500`, `?delay=SECONDS` and `?garbage=1` do
what they say.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

from aiohttp import web


@asynccontextmanager
async def demo_source(port: int, seed: int = 1) -> AsyncIterator[str]:
    """Serve the price on loopback while the context is open; yields the base URL."""
    dice = random.Random(seed)  # noqa: S311 - a demo price, not a secret
    price = Decimal("15.2301")

    async def answer(request: web.Request) -> web.Response:
        nonlocal price
        price += Decimal(dice.randint(-20, 20)) / 10_000
        await asyncio.sleep(min(float(request.query.get("delay", 0)), 60))
        if "garbage" in request.query:
            return web.Response(text="<html>not what you asked for</html>")
        status = int(request.query.get("status", 200))
        return web.json_response({"data": {"price": str(price)}}, status=status)

    app = web.Application()
    app.add_routes([web.get("/price", answer)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
