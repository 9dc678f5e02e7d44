"""JSON-RPC calls of both replicas together: per request at 1 and 20 a second, and per hour of idling.

Target (design, section 9): at most 6 calls per request. Two URLs of one node are configured, so that every
answer is sent twice; blocks are 1 s, which makes idling dearer than on a real chain.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Mapping

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from bench._pool import Load, pool, report

IDLE_SECONDS = 120.0
SECONDS = 20.0


async def measure() -> Mapping[str, object]:
    """Calls by method, from the replicas' own counters."""
    async with pool() as load:
        await load.steady(1, 3)
        await load.settled()
        idle = await _during(load, asyncio.sleep(IDLE_SECONDS))
        figures: dict[str, object] = {
            "idle_calls_per_hour": round(idle.total() * 3600 / IDLE_SECONDS),
            "idle_by_method": dict(idle.most_common()),
        }
        for rate in (1, 20):
            asked = load.asked
            calls = await _during(load, _work(load, rate))
            figures[f"at_{rate}_per_s_calls_per_request"] = round(calls.total() / (load.asked - asked), 2)
            figures[f"at_{rate}_per_s_by_method"] = dict(calls.most_common())
        return {**figures, "missed": load.missed}


async def _work(load: Load, rate: float) -> None:
    await load.steady(rate, SECONDS)
    await load.settled()


async def _during(load: Load, work: Awaitable[None]) -> Counter[str]:
    before = await _calls(load)
    await work
    return await _calls(load) - before


async def _calls(load: Load) -> Counter[str]:
    """Calls of both replicas so far, by method."""
    calls: Counter[str] = Counter()
    node = (await load.pool.control.nodes())[0]
    async with aiohttp.ClientSession() as http:
        for replica in node.replicas:
            async with http.get(f"{replica.health}/metrics") as reply:
                text = await reply.text()
            for family in text_string_to_metric_families(text):
                if family.name == "linkpool_rpc_calls":
                    calls.update({s.labels["method"]: int(s.value) for s in family.samples})
    return calls


def main(arguments: list[str]) -> None:
    """`python -m bench rpc`."""
    report("rpc", arguments, measure)
