"""A whole pool to measure: the one of `linkpool dev`, real processes on a real dev chain, and load for it.

Blocks are 1 s. The load, the data source and the counting share one process with this file; the chain, the
control plane and each replica have their own. Every figure is read from the chain, or from what the
processes say of themselves.
"""

import argparse
import asyncio
import json
import os
import platform
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from linkpool import log as logs
from linkpool.api.client import until_serving
from linkpool.api.client_catalog import apply, until_in_use
from linkpool.dev.folder import hold
from linkpool.dev.job import SPEC_ID, demo_job, demo_parameters
from linkpool.dev.pool import PAYMENT, TERMS, stake
from linkpool.dev.tally import Tally
from linkpool.dev.up import DevPool, Ports, dev_pool, project_root
from linkpool.wire.catalog import PutCatalog, PutJob

TICK = 0.1
AT_ONCE = 100
"""Requests one transaction may ask for and stay under the chain's limit for one."""

SETTLE_SECONDS = 120.0


class Load:
    """Asks, and reads from the chain what became of it."""

    def __init__(self, pool: DevPool, tally: Tally) -> None:
        self.pool, self.tally = pool, tally
        self.asked = 0
        self._sending: set[asyncio.Task[Any]] = set()

    async def steady(self, rate: float, seconds: float) -> None:
        """`rate` requests a second, evenly, for that long."""
        loop = asyncio.get_running_loop()
        begin, sent = loop.time(), 0
        while (passed := loop.time() - begin) < seconds:
            due = int(rate * passed) + 1 - sent
            if due > 0:
                self.ask(due)
                sent += due
            await asyncio.sleep(min(TICK, 1 / rate))

    def ask(self, count: int) -> None:
        """That many requests now, in as few transactions as may be."""
        self.asked += count
        while count > 0:
            times = min(count, AT_ONCE)
            found = self.pool.found
            call = found.consumer.ask(self.pool.oracle, SPEC_ID, PAYMENT, demo_parameters(), times)
            task = asyncio.create_task(found.requester.send(call))
            self._sending.add(task)
            count -= times

    async def settled(self, seconds: float = SETTLE_SECONDS) -> None:
        """Return when every request has an answer, or the time is over."""
        await asyncio.gather(*self._sending)
        self._sending.clear()
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while self.tally.answered < self.asked and loop.time() < end:
            await asyncio.sleep(0.05)

    @property
    def missed(self) -> int:
        """Requests without an answer."""
        return self.asked - self.tally.answered

    def delays(self, first: int, last: int) -> list[int]:
        """Blocks from request to answer, of the requests made in blocks `first`..`last`."""
        fates = self.tally.fates.values()
        made = [fate for fate in fates if first <= fate.request.log.block_number <= last]
        return sorted(fate.delay for fate in made if fate.delay is not None)


@asynccontextmanager
async def pool(*, source_delay: float = 0.0, relays: int = 0) -> AsyncIterator[Load]:
    """A staked node that serves, behind that many relays; everything is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="linkpool-bench-") as folder, hold(Path(folder)) as state:
        state.logs.mkdir(exist_ok=True)
        with (state.root / "bench.log").open("w") as own:
            logs.configure(own)
            starting = dev_pool(state, Ports(0, 0), project_root(), lambda _text: None, relays=relays)
            async with starting as standing:
                await stake(standing.found, standing.oracle)
                if source_delay:
                    job = PutJob(text=demo_job(standing.source, f"?delay={source_delay:g}"), offer=TERMS)
                    change = await apply(standing.control, PutCatalog(jobs=[job]))
                    await until_in_use(standing.control, change.revision, SETTLE_SECONDS)
                tally = Tally(standing.rpc, standing.oracle, standing.found.deployment.block)
                watching = asyncio.create_task(_watch(tally))
                try:
                    yield Load(standing, tally)
                finally:
                    watching.cancel()


async def _watch(tally: Tally) -> None:
    while True:
        await tally.update()
        await asyncio.sleep(0.05)


async def healthy(load: Load) -> None:
    """Return when both replicas serve."""
    await until_serving(load.pool.control, load.pool.node.index, 60)


def percentile(values: Iterable[float], share: float) -> float | None:
    """The value below which that share of `values` lies; None of none."""
    line = sorted(values)
    return line[min(int(len(line) * share), len(line) - 1)] if line else None


def machine() -> Mapping[str, object]:
    """What it was measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def report(name: str, arguments: list[str], measure: Callable[[], Awaitable[Mapping[str, object]]]) -> None:
    """Measure and print: figures a line each, or with --json one object, last."""
    parser = argparse.ArgumentParser(prog=f"bench {name}")
    parser.add_argument("--json", action="store_true", help="one JSON object, last")
    as_json = parser.parse_args(arguments).json
    figures = {"bench": name, **asyncio.run(_await(measure())), "machine": machine()}
    if as_json:
        print(json.dumps(figures))
    else:
        for key, value in figures.items():
            print(f"{key:28} {value}")


async def _await(work: Awaitable[Mapping[str, object]]) -> Mapping[str, object]:
    return await work
