"""What the pool is asked for, watched over a time: medians of samples, so that what is short counts little.

A mean moves with anything that is large enough: a deposit that stays for a minute moves it in proportion to
its size, and whoever has much LINK could make the fleet grow. The median of a window does not move at all
while less than half of the samples are touched, whatever is in them. Its price is patience: growth that
lasts is seen after half a window, which is why `stake_room` says how much must fit in the meantime.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median, median_low

DAY = 86_400
HOUR = 3_600
PER_WINDOW = 10
"""Samples a window has at least, when none is missing."""
SLOWEST, QUICKEST = 60.0, 1.0
"""Seconds between two samples: of windows from ten minutes on, and of the shortest ones."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look. at: Unix seconds; capacity, stake, waiting: juels; requests: ever made.

    nodes: those that take stake, and empty: those of them without any; guard: how many more it allowed.
    """

    at: float
    nodes: int
    empty: int
    capacity: int
    stake: int
    waiting: int
    requests: int
    guard: int | None = None


@dataclass(frozen=True, slots=True)
class Demand:
    """Medians of a window. pace: juels of new stake an hour over the last day; load: requests a second.

    enough: whether samples cover at least half of the window.
    """

    since: float | None = None
    samples: int = 0
    enough: bool = False
    stake: int = 0
    waiting: int = 0
    pace: int = 0
    load: float = 0.0


def period(window: int) -> float:
    """Seconds between two samples, for a window of so many seconds."""
    return min(SLOWEST, max(QUICKEST, window / PER_WINDOW))


def demand(samples: Sequence[Sample], now: float, window: int) -> Demand:
    """What is asked for now. samples: oldest first, of the last window and the day before it."""
    seen = [sample for sample in samples if now - window < sample.at <= now]
    if not seen:
        return Demand()
    stake = median_low(sample.stake for sample in seen)
    return Demand(
        since=seen[0].at,
        samples=len(seen),
        enough=_enough(seen, window),
        stake=stake,
        waiting=median_low(sample.waiting for sample in seen),
        pace=_pace(samples, stake, now, window),
        load=_load(seen),
    )


def _enough(seen: Sequence[Sample], window: int) -> bool:
    return 2 * len(seen) * period(window) >= window


def _pace(samples: Sequence[Sample], stake: int, now: float, window: int) -> int:
    """The growth from a window that is a day old, or as old as there is, to this one."""
    begin = max(samples[0].at, now - window - DAY)
    passed = now - window - begin
    before = [sample.stake for sample in samples if begin <= sample.at < begin + window]
    if passed < window or 2 * len(before) * period(window) < window:
        return 0
    return max(0, int((stake - median_low(before)) * HOUR / passed))


def _load(seen: Sequence[Sample]) -> float:
    rates = [max(0, b.requests - a.requests) / (b.at - a.at) for a, b in pairwise(seen) if b.at > a.at]
    return median(rates) if rates else 0.0
