"""1,000 requests in one block, with a source that takes 1 s: how long one pair needs for all.

Target (design, section 9): all answered within 10 s.
"""

from collections import Counter
from collections.abc import Mapping

from bench._pool import percentile, pool, report

REQUESTS = 1_000
SOURCE_SECONDS = 1.0


async def measure() -> Mapping[str, object]:
    """Seconds from the block of the requests to the last answer, in blocks of 1 s."""
    async with pool(source_delay=SOURCE_SECONDS) as load:
        load.ask(REQUESTS)
        await load.settled()
        made = Counter(fate.request.log.block_number for fate in load.tally.fates.values())
        answered = [fate.answered_in for fate in load.tally.fates.values() if fate.answered_in]
        first = min(made)
        return {
            "requests": REQUESTS,
            "blocks_of_requests": dict(sorted(made.items())),
            "all_answered_s": max(answered) - first if load.missed == 0 else None,
            "half_answered_s": (percentile(answered, 0.5) or 0) - first,
            "missed": load.missed,
            "paid_twice": load.tally.paid_twice,
        }


def main(arguments: list[str]) -> None:
    """`python -m bench burst`."""
    report("burst", arguments, measure)
