"""Chance: prices that wander, and counts of what comes by itself."""

import math
import random

SMALL = 30.0
"""Means below which a Poisson count is drawn exactly; above, the normal distribution is as good (its error is
below 1 % of the standard deviation there)."""


def poisson(dice: random.Random, mean: float) -> int:
    """How many of something come, when `mean` are expected."""
    if mean <= 0:
        return 0
    if mean > SMALL:
        return max(0, round(dice.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), dice.random(), 0
    while product > limit:
        product *= dice.random()
        count += 1
    return count


def wandering(
    dice: random.Random, start: float, volatility: float, days: int, *, reversion: float = 0.0
) -> list[float]:
    """A price a day: its logarithm walks, without drift of the mean, and is drawn back to the start.

    volatility: of the logarithm in a day; reversion: part of the way back in a day, 0 for a free walk.
    """
    away, found = 0.0, []
    for day in range(days):
        spread = volatility**2 * (day if reversion == 0 else _settled(reversion, day)) / 2
        found.append(start * math.exp(away - spread))
        away += -away * min(reversion, 1.0) + dice.gauss(0.0, volatility)
    return found


def _settled(reversion: float, days: int) -> float:
    """Variance of the walk after so many days, in units of one day's."""
    kept = (1 - min(reversion, 1.0)) ** 2
    return (1 - kept**days) / (1 - kept)


def day_part(begin: float, end: float, swing: float) -> float:
    """The part of a mean day's requests that comes between two moments of time (days), when a day's load is
    1 + swing x sin(2 pi t).
    """
    turn = 2 * math.pi
    return end - begin + swing * (math.cos(turn * begin) - math.cos(turn * end)) / turn
