"""On ECS a replica asks which task it is; elsewhere it is told, and asks nobody."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from linkpool.replica.placed import WHERE, NotPlaced, ask_place

TASK = "arn:aws:ecs:eu-west-1:000000000000:task/pool/0123abcd"


@pytest.fixture
async def metadata() -> AsyncIterator[str]:
    """A metadata endpoint; `/broken` says what ECS never says."""

    async def answer(request: web.Request) -> web.Response:
        broken = request.path.startswith("/broken")
        return web.json_response({"Cluster": "pool"} if broken else {"TaskARN": TASK})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def asked(environ: dict[str, str]) -> dict[str, str]:
    await asyncio.to_thread(ask_place, environ)
    return environ


async def test_ecs_is_asked_for_the_tasks_name(metadata: str) -> None:
    assert (await asked({WHERE: f"{metadata}/v4/abc"}))["LINKPOOL_TASK"] == "0123abcd"


async def test_nobody_is_asked_where_the_engine_told_it() -> None:
    assert await asked({"LINKPOOL_TASK": "n1.1", WHERE: "http://127.0.0.1:9"}) == {
        "LINKPOOL_TASK": "n1.1",
        WHERE: "http://127.0.0.1:9",
    }
    assert await asked({}) == {}


@pytest.mark.parametrize("path", ["/broken", ":nowhere"])
async def test_what_ecs_does_not_say_is_an_error_that_names_the_place(metadata: str, path: str) -> None:
    with pytest.raises(NotPlaced, match="which task this is"):
        await asked({WHERE: metadata + path})


async def test_only_http_is_asked() -> None:
    with pytest.raises(NotPlaced, match="no http URL"):
        await asked({WHERE: "file:///etc/passwd"})
