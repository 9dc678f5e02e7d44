"""Many histories as one answer: quantiles of what matters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from linkpool.economics.assumptions import Assumptions
from linkpool.economics.simulate import MONTH_DAYS, Figures, Run, simulate

QUANTILES = (0.05, 0.5, 0.95)
YEAR_DAYS = 365.0


@dataclass(frozen=True)
class Spread:
    """5 % of the histories are below `low`, half below `middle`, 95 % below `high`."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of at least one value."""
        line = sorted(values)
        return cls(*(line[min(int(share * len(line)), len(line) - 1)] for share in QUANTILES))


def apr(given: Assumptions, figures: Figures) -> float:
    """Stakers' LINK in a year for each LINK staked, after fee and penalties."""
    staked = given.nodes * given.stake_per_node
    return figures.stakers / staked * YEAR_DAYS / given.days if staked else 0.0


FIGURES: dict[str, Callable[[Assumptions, Figures], float]] = {
    "uptime": lambda _, one: one.uptime,
    "requests": lambda _, one: one.requests,
    "answered": lambda _, one: one.answered,
    "missed": lambda _, one: one.missed,
    "held_up": lambda _, one: one.held_up,
    "unpaid": lambda _, one: one.unpaid,
    "penalties_link": lambda _, one: one.penalties,
    "stakers_link": lambda _, one: one.stakers,
    "stakers_apr": apr,
    "fee_link": lambda _, one: one.fee,
    "fee_money": lambda _, one: one.fee_money,
    "gas_coin": lambda _, one: one.gas_coin,
    "gas_money": lambda _, one: one.gas_money,
    "fleet_money": lambda _, one: one.fleet_money,
    "result_money": lambda _, one: one.result,
    "result_money_month": lambda given, one: one.result * MONTH_DAYS / given.days,
}
"""What is told of each history, by name."""


@dataclass(frozen=True)
class Outcome:
    """Spreads of the whole time by name, and of each month's result and uptime."""

    given: Assumptions
    seed: int
    runs: int
    spreads: dict[str, Spread]
    results: list[Spread]
    stakers: list[Spread]
    uptimes: list[Spread]


def outcome(given: Assumptions, runs: int, seed: int) -> Outcome:
    """So many histories, drawn one after the other from `seed` on."""
    drawn: list[Run] = [simulate(given, seed + number) for number in range(runs)]

    def monthly(figure: Callable[[Figures], float]) -> list[Spread]:
        months = zip(*(run.months for run in drawn), strict=True)
        return [Spread.of([figure(one) for one in month]) for month in months]

    return Outcome(
        given=given,
        seed=seed,
        runs=runs,
        spreads={name: Spread.of([of(given, run.total) for run in drawn]) for name, of in FIGURES.items()},
        results=monthly(lambda one: one.result),
        stakers=monthly(lambda one: one.stakers_money),
        uptimes=monthly(lambda one: one.uptime),
    )
