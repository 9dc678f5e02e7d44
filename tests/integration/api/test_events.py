"""The event stream over a real socket: everything in order, resumed where a listener left off."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from linkpool.api.events import ASK_AGAIN
from linkpool.api.limits import Rate
from linkpool.api.server import listen, serve
from linkpool.store import events, tokens
from tests.support.api_house import ApiHouse, api_house
from tests.support.until import until


@asynccontextmanager
async def served(folder: Path, rate: Rate | None = None) -> AsyncIterator[tuple[ApiHouse, str]]:
    async with api_house(folder, rate) as house:
        bound = listen("127.0.0.1", 0)
        serving = asyncio.create_task(serve(house.app, bound))
        try:
            yield house, f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving


async def happen(house: ApiHouse, *kinds: str) -> None:
    async with house.database.write() as session:
        for kind in kinds:
            events.add(session, kind, None, {"about": kind}, 5.0)
            await session.flush()


async def read(url: str, headers: dict[str, str], count: int) -> list[dict[str, Any]]:
    """The next `count` events of a stream."""
    found: list[dict[str, Any]] = []
    async with (
        asyncio.timeout(60),
        httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as client,
        client.stream("GET", "/api/v1/events", params={"after": 0}) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            if line.startswith("data:"):
                found.append(json.loads(line.removeprefix("data:")))
                if len(found) == count:
                    break
    return found


async def test_a_stream_ends_when_its_token_is_revoked(tmp_path: Path) -> None:
    async with served(tmp_path) as (house, url):
        await happen(house, "a")
        async with (
            asyncio.timeout(60),
            httpx.AsyncClient(base_url=url, headers=house.headers("read"), trust_env=False) as client,
            client.stream("GET", "/api/v1/events", params={"after": 0}) as answer,
        ):
            lines = answer.aiter_lines()
            await anext(lines)
            async with house.database.write() as session:
                rows = await tokens.every(session)
                await tokens.revoke(session, next(row.id for row in rows if row.name == "read"), 1.0)
            house.clock.advance(ASK_AGAIN)
            async for _ in lines:  # until they end it
                pass


async def test_as_many_streams_as_a_caller_may_hold_and_no_more(tmp_path: Path) -> None:
    async with (
        served(tmp_path, Rate(per_second=1e6, burst=10**6, open=2)) as (_, url),
        httpx.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        async with AsyncExitStack() as streams:
            for _ in range(2):
                stream = client.stream("GET", "/api/v1/public/events")
                assert (await streams.enter_async_context(stream)).status_code == 200
            assert (await client.get("/api/v1/public/events")).status_code == 429
            assert (await client.get("/live")).status_code == 200

        async def free() -> bool:
            return (await client.get("/api/v1/public/config")).status_code == 200

        await until(free, "who left makes room")


async def test_a_listener_gets_what_was_and_what_comes(tmp_path: Path) -> None:
    async with served(tmp_path) as (house, url):
        await happen(house, "a", "b")
        listening = asyncio.create_task(read(url, house.headers("read"), 4))
        await asyncio.sleep(0)
        await happen(house, "c", "d")
        found = await listening
    assert [event["kind"] for event in found] == ["a", "b", "c", "d"]
    assert [event["number"] for event in found] == [1, 2, 3, 4]
    assert found[0] == {
        "number": 1, "at": "1970-01-01T00:00:05Z", "kind": "a", "node": None, "data": {"about": "a"},
    }  # fmt: skip


async def test_last_event_id_resumes(tmp_path: Path) -> None:
    async with served(tmp_path) as (house, url):
        await happen(house, "a", "b", "c")
        found = await read(url, house.headers("read") | {"Last-Event-ID": "2"}, 1)
    assert [event["kind"] for event in found] == ["c"]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nonsense"}])
async def test_no_stream_without_a_token(tmp_path: Path, headers: dict[str, str]) -> None:
    async with served(tmp_path) as (_, url), httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{url}/api/v1/events", headers=headers)
    assert answer.status_code == 401


async def test_a_stop_ends_streams_whole_and_logs_no_crash(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with AsyncExitStack() as stack, asyncio.timeout(60):
        client = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        async with served(tmp_path) as (house, url):
            await happen(house, "a")
            told = []
            for path in ("events?after=0", "public/events"):
                stream = client.stream("GET", f"{url}/api/v1/{path}", headers=house.headers("read"))
                lines = (await stack.enter_async_context(stream)).aiter_lines()
                await anext(lines)
                told.append(lines)
        for lines in told:
            async for _ in lines:  # raises where the end is missing
                pass
    assert [each for each in caplog.records if each.levelname in ("ERROR", "CRITICAL")] == []
