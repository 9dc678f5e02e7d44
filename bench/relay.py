"""What a provider is asked for by an idle fleet, with and without relays; and a relay killed under load.

    python -m bench relay --nodes 1,10,50 --seconds 300 --json              one row after the other: 38 min
    python -m bench relay --nodes 1,10,50 --seconds 300 --together --json   all rows at once: 7 min
    python -m bench relay --nodes 1000 --seconds 60 --only-relays --json    what so many cost the relays

The provider is a dev chain with 12 s blocks behind a proxy that counts every call, one for each row. Idle
replicas are the cores of real ones in one process (`bench/_idle.py`); the two relays are real processes.
Target (design, section 9): at most 1,500 calls an hour behind two relays, at any number of nodes. Then a real
pool behind two relays: the one that both replicas follow is killed under load, and nothing may be missed.

`--together` measures all rows over the same blocks. Each has a provider, relays and replicas of its own, and
what is counted follows from blocks and timers, not from speed: it is honest while the machine keeps up, which
`lag_p99_s` tells (how late a timer of this process was).
"""

import argparse
import asyncio
import resource
import signal
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from bench._idle import idle_replicas, key_of
from bench._pool import percentile, pool, report
from bench._processes import cpu_seconds, pss_mb
from linkpool import log as logs
from linkpool.dev.relay import DevRelay, dev_relays
from linkpool.units import WHOLE
from tests.support.anvil import Anvil, anvil
from tests.support.rpc_proxy import rpc_proxy

CHAIN_ID = 31337
PAST_BLOCKS = 700
"""Blocks before anybody starts: more than an hour and than a relay keeps."""

WINDOW = 320
RELAYS = 2
RATE = 20
BEFORE_SECONDS, AFTER_SECONDS = 10.0, 15.0
AFFECTED_BLOCKS = 8
TIMER_SECONDS = 0.05
SETTLE_SECONDS = 45.0
"""Until every replica compared two endpoints once, so that both relays know all contracts."""


@dataclass(frozen=True)
class Plan:
    """What the command line asks for. Seconds are measured seconds per row; block_time in seconds."""

    nodes: Sequence[int]
    seconds: float
    block_time: int
    together: bool
    only_relays: bool


async def measure(plan: Plan) -> Mapping[str, object]:
    """Rows of calls per hour, then the kill."""
    return await _rows(plan) if plan.only_relays else {**await _rows(plan), **await _kill()}


async def _rows(plan: Plan) -> Mapping[str, object]:
    logs.configure(level="ERROR")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    figures: dict[str, object] = {
        "measured_seconds": plan.seconds,
        "block_time_s": plan.block_time,
        "replicas": "cores of real replicas in one process, two for each node",
    }
    with anvil(block_time=plan.block_time) as chain:
        chain.rpc("anvil_mine", hex(PAST_BLOCKS), hex(plan.block_time))
        for node in range(max(plan.nodes)):
            for slot in (0, 1):
                chain.rpc("anvil_setBalance", key_of(node, slot).address, hex(WHOLE))
        kinds = (RELAYS,) if plan.only_relays else (0, RELAYS)
        rows = [(nodes, relays) for nodes in plan.nodes for relays in kinds]
        begin = asyncio.Barrier(len(rows) if plan.together else 1)
        async with _lateness() as late:
            measuring = [partial(_idle, chain, *row, plan.seconds, begin) for row in rows]
            if plan.together:
                counted = await asyncio.gather(*(measure() for measure in measuring))
            else:
                counted = [await measure() for measure in measuring]
        for (nodes, relays), row in zip(rows, counted, strict=True):
            name = f"nodes_{nodes}_{'relays' if relays else 'direct'}"
            figures[f"{name}_calls_per_hour"] = round(row.calls.total() * 3600 / plan.seconds)
            figures[f"{name}_by_method"] = dict(row.calls.most_common())
            if relays:
                figures[f"{name}_each"] = [asdict(cost) for cost in row.relays]
        figures["lag_p99_s"] = round(percentile(late, 0.99) or 0.0, 4)
    return figures


@dataclass(frozen=True)
class Cost:
    """What one relay took: connections it held, percent of a core, MB."""

    clients: int
    cpu_percent: float
    pss_mb: float


@dataclass(frozen=True)
class Row:
    """What one fleet asked its provider for, and what that took of each relay."""

    calls: Counter[str]
    relays: Sequence[Cost]


@asynccontextmanager
async def _lateness() -> AsyncIterator[list[float]]:
    """By how many seconds timers of this process were late, tried all the while."""
    late: list[float] = []

    async def watch() -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + TIMER_SECONDS
            await asyncio.sleep(TIMER_SECONDS)
            late.append(loop.time() - due)

    watching = asyncio.create_task(watch())
    try:
        yield late
    finally:
        watching.cancel()


async def _idle(chain: Anvil, nodes: int, relays: int, seconds: float, begin: asyncio.Barrier) -> Row:
    """Calls that reached the provider in that time, once everybody has started.

    begin: where all that are measured at once wait for each other.
    """
    async with AsyncExitStack() as stack:
        provider = await stack.enter_async_context(rpc_proxy(chain.http, chain.ws))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="linkpool-bench-")))
        between = await stack.enter_async_context(
            dev_relays(relays, [provider.ws], CHAIN_ID, folder, http, seconds=60)
        )
        for relay in between:
            await _filled(relay, http)
        urls = [*(relay.ws for relay in between), provider.ws]
        await stack.enter_async_context(idle_replicas(nodes, urls, CHAIN_ID))
        await begin.wait()
        await asyncio.sleep(SETTLE_SECONDS)
        before, spent = provider.calls.copy(), [cpu_seconds(relay.process.pid) for relay in between]
        await asyncio.sleep(seconds)
        costs = [
            Cost(
                int(await _figure(relay, http, "linkpool_relay_clients")),
                round(100 * (cpu_seconds(relay.process.pid) - was) / seconds, 1),
                pss_mb(relay.process.pid),
            )
            for relay, was in zip(between, spent, strict=True)
        ]
        return Row(provider.calls - before, costs)


async def _filled(relay: DevRelay, http: aiohttp.ClientSession) -> None:
    """Return when the relay keeps as many blocks as it ever will."""
    while await _figure(relay, http, "linkpool_relay_window_blocks") < WINDOW:
        await asyncio.sleep(0.5)


async def _figure(relay: DevRelay, http: aiohttp.ClientSession, name: str) -> float:
    async with http.get(f"{relay.http}/metrics") as reply:
        families = text_string_to_metric_families(await reply.text())
    return sum(sample.value for family in families for sample in family.samples if sample.name == name)


async def _kill() -> Mapping[str, object]:
    """A real pair under load loses the relay it follows."""
    async with pool(relays=RELAYS) as load:
        first = await load.tally.update() + 1
        await load.steady(RATE, BEFORE_SECONDS)
        killed_in = await load.tally.update()
        load.pool.relays[0].process.send_signal(signal.SIGKILL)
        await load.steady(RATE, AFTER_SECONDS)
        await load.settled()
        usual = percentile(load.delays(first, killed_in - 1), 0.5) or 0
        around = [delay - usual for delay in load.delays(killed_in, killed_in + AFFECTED_BLOCKS)]
        return {
            "kill_rate_per_s": RATE,
            "kill_requests": load.asked,
            "kill_missed": load.missed,
            "kill_paid_twice": load.tally.paid_twice,
            "kill_usual_delay_blocks": usual,
            "kill_extra_delay_p99_blocks": percentile(around, 0.99),
            "kill_extra_delay_max_blocks": max(around, default=None),
        }


def main(arguments: list[str]) -> None:
    """`python -m bench relay [--nodes 1,10,50] [--seconds 300] [--block-time 12] [--together]`."""
    parser = argparse.ArgumentParser(prog="bench relay", add_help=False)
    parser.add_argument("--nodes", default="1,10,50")
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--block-time", type=int, default=12)
    parser.add_argument("--together", action="store_true", help="all rows at once")
    parser.add_argument("--only-relays", action="store_true", help="nobody without relays, and no kill")
    own, rest = parser.parse_known_args(arguments)
    nodes = [int(part) for part in own.nodes.split(",")]
    plan = Plan(nodes, own.seconds, own.block_time, own.together, own.only_relays)
    report("relay", rest, partial(measure, plan))
