"""The usual job in one process, beside the same requests as bare aiohttp calls: runs a second, and the ratio.

The source is a process of its own and answers at once, so what is measured is this side's work.
"""

import argparse
import asyncio
import json
import multiprocessing
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from linkpool.jobs.bridges import Bridges
from linkpool.jobs.callbacks import Inbox
from linkpool.jobs.net import open_http
from linkpool.jobs.once import made_up_log
from linkpool.jobs.run import run
from linkpool.jobs.services import EthCall, EthTx, Http, HttpReply, HttpRequest, Services
from linkpool.jobs.spec import parse_job
from linkpool.jobs.variables import for_request

EXAMPLE = Path(__file__).parents[1] / "examples" / "jobs" / "single-word.toml"
BODY = b'{"data": {"USD": 1234.56789}}'
AT_ONCE = 64


def main(arguments: list[str]) -> None:
    """Measure and print; `--json` prints one object."""
    parser = argparse.ArgumentParser(prog="bench jobs", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--runs", type=int, default=3000, help="runs of each kind")
    options = parser.parse_args(arguments)
    figures = measure(options.runs)
    if options.json:
        print(json.dumps(figures))
        return
    for name, figure in figures.items():
        print(f"{name:24} {figure}")


def measure(runs: int) -> dict[str, Any]:
    """Rates per second of bare calls, of whole runs, and of runs whose source is free."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    source = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
    source.start()
    try:
        url = f"http://127.0.0.1:{ours.recv()}/"
        return asyncio.run(_measure(url, runs))
    finally:
        source.terminate()
        source.join()


async def _measure(url: str, runs: int) -> dict[str, Any]:
    bare = await _bare(url, runs)
    async with open_http(per_lane=AT_ONCE) as http:
        whole = await _jobs(http, url, runs)
    free = await _jobs(_Free(), url, runs)
    return {
        "runs": runs,
        "at_once": AT_ONCE,
        "bare_calls_per_s": round(bare),
        "job_runs_per_s": round(whole),
        "ratio": round(whole / bare, 3),
        "runs_per_s_without_network": round(free),
    }


async def _bare(url: str, calls: int) -> float:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def one() -> None:
            async with session.get(url) as response:
                assert await response.read() == BODY  # noqa: S101 - a wrong answer is no measurement

        return await _rate(one, calls)


async def _jobs(http: Http, url: str, runs: int) -> float:
    text = EXAMPLE.read_text().replace('url="$(decode_cbor.get)"', f'url="{url}"')
    job = parse_job(text)
    sent: list[EthTx] = []

    async def take(transaction: EthTx) -> None:
        sent.append(transaction)

    async def nothing(_: EthCall) -> Any:
        raise AssertionError("the usual job calls no contract")

    services = Services(http, Bridges(http), Inbox(url), nothing, nothing, take)
    request = {"get": url, "path": "data,USD", "times": 100}
    variables = for_request(job, made_up_log(job, request), chain_id=1337)
    loop = asyncio.get_running_loop()

    async def one() -> None:
        await run(job, variables, services, run_id="bench", deadline=loop.time() + 60)

    rate = await _rate(one, runs)
    if len(sent) < runs:
        raise RuntimeError(f"only {len(sent)} of {runs} runs reached their transaction")
    return rate


async def _rate(one: Callable[[], Awaitable[None]], times: int) -> float:
    for _ in range(AT_ONCE):  # connections open, caches warm
        await one()
    left = iter(range(times))

    async def worker() -> None:
        for _ in left:
            await one()

    start = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return times / (time.perf_counter() - start)


class _Free:
    """A source that costs nothing: what remains is the job itself."""

    async def send(self, _: HttpRequest) -> HttpReply:
        return HttpReply(200, BODY)


def _serve(pipe: Connection) -> None:
    asyncio.run(_source(pipe))


async def _source(pipe: Connection) -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(body=BODY, content_type="application/json")

    server = await asyncio.get_running_loop().create_server(web.Server(answer), "127.0.0.1", 0)
    pipe.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()
