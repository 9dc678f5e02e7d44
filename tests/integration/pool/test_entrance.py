"""What comes in from outside: webhook calls, cron ticks, and the late answers of asynchronous adapters."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from cbor2 import dumps

from linkpool.dev.job import demo_job
from tests.support.pool import RealPool
from tests.support.source import Reply
from tests.support.until import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

ASYNC_JOB = (Path(__file__).parents[3] / "examples" / "jobs" / "async-bridge.toml").read_text()
ASYNC_ID = b"d3f2a1c05b6e4e7d8f9a0b1c2d3e4f50"
HOOK_ID = "aaaaaaaa-0000-4000-8000-000000000001"
INCOMING = "the lab shows this when it calls back"


def plain_job(kind: str, job_id: str, url: str) -> str:
    """A job that only fetches `url`, posting what it was given."""
    schedule = 'schedule = "@every 2s"' if kind == "cron" else ""
    body = ' method=POST requestData="$(jobRun.requestBody)"' if kind == "webhook" else ""
    return f"""
type = "{kind}"
schemaVersion = 1
name = "{kind}"
externalJobID = "{job_id}"
{schedule}
observationSource = 'fetch [type=http url="{url}" allowUnrestrictedNetworkAccess="true"{body}]'
"""


class Lab:
    """An asynchronous adapter: says `pending`, and calls back as it is told to."""

    def __init__(self, http: aiohttp.ClientSession, token: str) -> None:
        self._http, self._token = http, token
        self.url = ""
        self.refused: list[int] = []
        self.questions: list[dict[str, Any]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, request: web.Request) -> web.Response:
        question = await request.json()
        self.questions.append(question)
        task = asyncio.create_task(self._answer(question))
        self._tasks.add(task)
        return web.json_response({"pending": True})

    async def _answer(self, question: dict[str, Any]) -> None:
        where = question["responseURL"]
        for headers in ({}, {"Authorization": "Bearer wrong, wrong, wrong"}):
            async with self._http.patch(where, json={"value": {"reading": 6}}, headers=headers) as reply:
                self.refused.append(reply.status)
        good = {"Authorization": f"Bearer {self._token}"}
        async with self._http.patch(where, data=b"{}", headers=good) as reply:
            self.refused.append(reply.status)
        async with self._http.patch(where, json={"value": {"reading": 7}}, headers=good) as reply:
            assert reply.status == 202, await reply.text()


@asynccontextmanager
async def lab(http: aiohttp.ClientSession) -> AsyncIterator[Lab]:
    adapter = Lab(http, INCOMING)
    app = web.Application()
    app.router.add_post("/", adapter.ask)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        adapter.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        yield adapter
    finally:
        await runner.cleanup()


async def test_an_asynchronous_adapter_answers_later_with_its_token_and_not_without(pool: RealPool) -> None:
    async with lab(pool.http) as adapter:
        bridge = {"urls": [adapter.url], "incoming_token": INCOMING}
        await pool.serve(demo_job(pool.source.url), ASYNC_JOB, bridges={"lab": bridge})
        shown = json.dumps(await pool.catalog())
        assert INCOMING not in shown
        assert json.loads(shown)["bridges"][0]["has_incoming_token"]
        await pool.ask(1, ASYNC_ID, dumps({"sample": 3})[1:])
        tally = await pool.settled()
        assert adapter.refused[:3] == [401, 401, 422]
        assert adapter.questions[0]["data"] == {"sample": 3}
        (fate,) = [f for f in tally.fates.values() if f.request.event.job == ASYNC_ID]
        consumer = pool.found.consumer
        assert await consumer.value(fate.request.event.request_id).ask(pool.rpc) == 7_000
    await pool.serve(demo_job(pool.source.url))


async def test_a_webhook_call_is_one_run_of_one_replica(pool: RealPool) -> None:
    job = plain_job("webhook", HOOK_ID, f"{pool.source.url}/hook")
    pool.source.replies["/hook"] = Reply({"fine": True})
    await pool.serve(demo_job(pool.source.url), job)

    async def call(key: str) -> str:
        url, headers = (
            f"{pool.control.url}/api/v1/webhooks/{HOOK_ID}",
            pool.headers | {"Idempotency-Key": key},
        )
        async with pool.http.post(url, json={"celsius": 21}, headers=headers) as reply:
            assert reply.status == 202, await reply.text()
            return str((await reply.json())["run"])

    runs = [await call("one"), await call("one"), await call("two")]
    assert runs[0] == runs[1] != runs[2]

    async def both() -> bool:
        return pool.source.asked.count("/hook") >= 2

    await until(both, "two runs have asked the source")
    await pool.ask(2)
    await pool.settled()
    assert pool.source.asked.count("/hook") == 2


async def test_a_cron_job_runs_each_tick_once_though_two_replicas_serve(pool: RealPool) -> None:
    job = plain_job("cron", "aaaaaaaa-0000-4000-8000-000000000002", f"{pool.source.url}/tick")
    pool.source.replies["/tick"] = Reply({"fine": True})
    began = asyncio.get_running_loop().time()
    await pool.serve(demo_job(pool.source.url), job)

    async def some() -> bool:
        return pool.source.asked.count("/tick") >= 3

    await until(some, "three ticks have passed")
    await pool.serve(demo_job(pool.source.url))
    passed = asyncio.get_running_loop().time() - began
    assert pool.source.asked.count("/tick") <= passed / 2 + 2


async def test_an_unknown_webhook_is_refused(pool: RealPool) -> None:
    url = f"{pool.control.url}/api/v1/webhooks/{HOOK_ID.replace('a', 'b')}"
    async with pool.http.post(url, json={}, headers=pool.headers) as reply:
        assert reply.status == 404
        assert "no webhook job" in (await reply.json(content_type=None))["detail"]
