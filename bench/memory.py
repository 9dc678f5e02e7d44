"""Memory of a replica (proportional set size) after it has seen 10,000 requests.

Target (design, section 9): at most 70 MB.
"""

from collections.abc import Mapping

from bench._pool import Load, pool, report
from bench._processes import pss_mb

REQUESTS, RATE = 10_000, 100


async def measure() -> Mapping[str, object]:
    """PSS in MB of each replica, before and after."""
    async with pool() as load:
        before = await _pss(load)
        await load.steady(RATE, REQUESTS / RATE)
        await load.settled()
        after = await _pss(load)
    return {
        "requests": load.asked,
        "missed": load.missed,
        "pss_mb_at_start": before,
        "pss_mb_after": after,
        "pss_mb_max": max(after),
    }


async def _pss(load: Load) -> list[float]:
    node = (await load.pool.control.nodes())[0]
    return [pss_mb(replica.pid) for replica in node.replicas if replica.pid]


def main(arguments: list[str]) -> None:
    """`python -m bench memory`."""
    report("memory", arguments, measure)
