"""kill -9 of a replica: how long until its copy serves, from the kill and from the copy's own start.

Targets (design, section 9): two serving again 3 s after a kill; start to serving 1.5 s. Between two
kills the replicas grow out of the age at which the engine would call a death flapping, and wait before it
starts another.
"""

import asyncio
import os
import signal
from collections.abc import Mapping

from bench._pool import Load, healthy, percentile, pool, report
from linkpool.engines.local import YOUNG

RUNS = 7


async def measure() -> Mapping[str, object]:
    """Medians over several kills."""
    from_kill, from_start = [], []
    async with pool() as load:
        for _ in range(RUNS):
            killed, started = await _replace_one(load)
            from_kill.append(killed)
            from_start.append(started)
            await healthy(load)
            await asyncio.sleep(YOUNG)
    return {
        "runs": RUNS,
        "kill_to_two_serving_p50_s": percentile(from_kill, 0.5),
        "kill_to_two_serving_max_s": max(from_kill),
        "start_to_serving_p50_s": percentile(from_start, 0.5),
        "start_to_serving_max_s": max(from_start),
    }


async def _replace_one(load: Load) -> tuple[float, float]:
    """Seconds to serving, from the kill and from the new process's start."""
    loop = asyncio.get_running_loop()
    before = (await load.pool.control.nodes())[0].replicas
    os.kill(next(replica.pid for replica in before if replica.pid), signal.SIGKILL)
    killed, started = loop.time(), 0.0
    known = {replica.task for replica in before}
    while True:
        for replica in (await load.pool.control.nodes())[0].replicas:
            if replica.task not in known:
                started = started or loop.time()
                if replica.state == "serving" and replica.ready:
                    return round(loop.time() - killed, 3), round(loop.time() - started, 3)
        await asyncio.sleep(0.01)


def main(arguments: list[str]) -> None:
    """`python -m bench replace`."""
    report("replace", arguments, measure)
