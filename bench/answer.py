"""Delay from a request to its answer, in blocks of 1 s, at 1, 20 and 100 requests a second with a fast
source.

Target (design, section 9): the next block, p99 2 blocks.
"""

from collections.abc import Mapping

from bench._pool import percentile, pool, report

RATES = (1, 20, 100)
SECONDS = 20.0


async def measure() -> Mapping[str, object]:
    """Figures by rate."""
    figures: dict[str, object] = {}
    async with pool() as load:
        for rate in RATES:
            first = await load.tally.update() + 1
            await load.steady(rate, SECONDS)
            await load.settled()
            last = await load.tally.update()
            delays = load.delays(first, last)
            figures[f"at_{rate}_per_s"] = {
                "requests": len(delays),
                "delay_p50_blocks": percentile(delays, 0.5),
                "delay_p99_blocks": percentile(delays, 0.99),
                "delay_max_blocks": max(delays, default=None),
            }
        return {**figures, "missed": load.missed, "paid_twice": load.tally.paid_twice}


def main(arguments: list[str]) -> None:
    """`python -m bench answer`."""
    report("answer", arguments, measure)
