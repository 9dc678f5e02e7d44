"""Bridges against a real adapter on Chainlink's own framework: started, asked, refused by it, killed."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from linkpool.jobs.bridges import Bridge, Bridges
from linkpool.jobs.callbacks import Inbox
from linkpool.jobs.errors import Cause, TaskPermanent, TaskTemporary
from linkpool.jobs.net import HttpClient, open_http
from linkpool.jobs.run import RunResult, run
from linkpool.jobs.services import HttpRequest, Private, Services, Unreachable
from tests.support.jobs import Chain, job_of
from tests.support.ports import free_port

ADAPTER = Path(__file__).parent / "adapter"
GRAPH = """
ask   [type=bridge name=prices requestData=<{"data": {"coin": $(jobRun.coin)}}> retries=20 minBackoff="200ms"
       maxBackoff="200ms"]
parse [type=jsonparse path="data,result"]
cents [type=multiply times=100]
ask -> parse -> cents
"""


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    if not (ADAPTER / "node_modules").is_dir():
        npm = shutil.which("npm")
        assert npm, "npm is needed: the adapter is built on a package of its registry"
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=ADAPTER, check=True, capture_output=True, timeout=300)


@contextlib.asynccontextmanager
async def source() -> AsyncIterator[str]:
    """A data source: 1234.56 for ETH, 404 for all else."""

    async def price(request: web.Request) -> web.Response:
        if request.match_info["coin"] != "ETH":
            return web.json_response({"message": "no such coin"}, status=404)
        return web.json_response({"price": 1234.56})

    app = web.Application()
    app.router.add_get("/price/{coin}", price)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def adapter(source_url: str, http: HttpClient) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """The adapter's URL and process, once it says that it is well."""
    port = free_port()
    settings = {"SOURCE_URL": source_url, "EA_HOST": "127.0.0.1", "EA_PORT": str(port), "LOG_LEVEL": "error"}
    process = await asyncio.create_subprocess_exec(
        "node",
        "adapter.js",
        cwd=ADAPTER,
        env={**os.environ, **settings, "METRICS_ENABLED": "false", "CACHE_POLLING_TIMEOUT": "1000"},
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        async with asyncio.timeout(60):
            while True:
                with contextlib.suppress(Unreachable):
                    await http.send(HttpRequest("GET", f"{url}/health", private=Private.ALWAYS))
                    break
                await asyncio.sleep(0.1)
        yield url, process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def asking(bridges: Bridges, http: HttpClient, graph: str = GRAPH, **request: str) -> RunResult:
    chain = Chain()
    services = Services(http, bridges, Inbox("http://pool"), chain.call, chain.estimate, chain.transact)
    deadline = asyncio.get_running_loop().time() + 20
    return await run(job_of(graph), {"jobRun": request}, services, run_id="run", deadline=deadline)


async def test_a_real_adapter_is_asked_and_its_answers_are_understood() -> None:
    async with open_http() as http, source() as url, adapter(url, http) as (adapter_url, process):
        bridges = Bridges(http, [Bridge("prices", (adapter_url,), token="s3cret-token")])
        result = await asking(bridges, http, coin="ETH")
        assert result.error is None
        assert result.value == 123456

        once = GRAPH.replace("retries=20", "")
        missing = (await asking(bridges, http, once.replace("$(jobRun.coin)", "null"))).error
        assert isinstance(missing, TaskPermanent)
        assert missing.cause is Cause.SOURCE_REFUSED
        assert "400" in str(missing)

        unknown = (await asking(bridges, http, once, coin="NONE")).error
        assert isinstance(unknown, TaskTemporary)
        assert unknown.cause is Cause.SOURCE_FAILED

        async with adapter(url, http) as (second_url, _):
            process.send_signal(signal.SIGKILL)
            await process.wait()
            bridges.replace([Bridge("prices", (adapter_url, second_url))])
            assert (await asking(bridges, http, coin="ETH")).value == 123456

        dead = (await asking(bridges, http, once, coin="ETH")).error
        assert isinstance(dead, TaskTemporary)
        assert "cannot be reached" in str(dead)
