"""kill -9 of a replica under 50 requests a second: what is missed, and how much later answers come.

Target (design, section 9): nothing missed, extra delay p99 at most 1 block. The baseline is the same run
before the kill.
"""

import asyncio
import os
import signal
from collections.abc import Mapping

from bench._pool import Load, healthy, percentile, pool, report
from linkpool.chain.types import quantity

RATE = 50
BEFORE_SECONDS, AFTER_SECONDS = 10.0, 10.0
AFFECTED_BLOCKS = 5


async def measure() -> Mapping[str, object]:
    """Delays around the kill, and what the chain says of the transactions."""
    async with pool() as load:
        first = await load.tally.update() + 1
        await load.steady(RATE, BEFORE_SECONDS)
        killed_in = await _kill_one(load)
        await load.steady(RATE, AFTER_SECONDS)
        await load.settled()
        await healthy(load)
        last = await load.tally.update()
        usual = percentile(load.delays(first, killed_in - 1), 0.5) or 0
        around = [delay - usual for delay in load.delays(killed_in, killed_in + AFFECTED_BLOCKS)]
        return {
            "rate_per_s": RATE,
            "requests": load.asked,
            "missed": load.missed,
            "paid_twice": load.tally.paid_twice,
            "usual_delay_blocks": usual,
            "extra_delay_p50_blocks": percentile(around, 0.5),
            "extra_delay_p99_blocks": percentile(around, 0.99),
            "extra_delay_max_blocks": max(around, default=None),
            "reverted_transactions": await _reverted(load, first, last),
        }


async def _kill_one(load: Load) -> int:
    """SIGKILL a serving replica; returns the block at that moment."""
    node = (await load.pool.control.nodes())[0]
    block = await load.tally.update()
    os.kill(next(replica.pid for replica in node.replicas if replica.pid), signal.SIGKILL)
    return block


async def _reverted(load: Load, first: int, last: int) -> int:
    """Transactions to the oracle that reverted."""
    oracle, count = load.pool.oracle.lower(), 0
    for number in range(first, last + 1):
        receipts = await load.pool.rpc.call("eth_getBlockReceipts", hex(number))
        count += sum(r["to"] == oracle and quantity(r["status"]) == 0 for r in receipts)
        await asyncio.sleep(0)
    return count


def main(arguments: list[str]) -> None:
    """`python -m bench takeover`."""
    report("takeover", arguments, measure)
