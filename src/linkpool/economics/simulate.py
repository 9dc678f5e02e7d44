"""Months of a pool, in a second: outages are drawn one by one, requests counted where they matter.

An outage of d seconds misses the requests of its first d - 285 seconds and holds up the rest, so nothing has
to be simulated between outages: requests of a day are one Poisson count, those missed another, over the time
that was too long. Prices move by the day. Penalties of a node are at most 1 % of its stake a day, as the
contract has it.
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from linkpool.economics.assumptions import Assumptions
from linkpool.economics.outages import ANSWERABLE, DAY, Failures, Line, as_felt
from linkpool.economics.paths import day_part, poisson, wandering

MONTH_DAYS = 30
COVER_SHARE = 0.01
"""Of a node's stake that penalties may take in a day (NodeOracle)."""
GWEI = 1e-9


@dataclass
class Figures:
    """Of some time. LINK, coin and money as floats; held_up: answered late, after an outage of all replicas;
    unpaid: gas cost more than an answer was worth, so it was not given.
    """

    requests: int = 0
    answered: int = 0
    missed: int = 0
    held_up: int = 0
    unpaid: int = 0
    penalties: float = 0.0
    stakers: float = 0.0
    fee: float = 0.0
    gas_coin: float = 0.0
    fee_money: float = 0.0
    gas_money: float = 0.0
    fleet_money: float = 0.0
    stakers_money: float = 0.0

    @property
    def uptime(self) -> float:
        """The part of the requests that was not missed."""
        return 1 - self.missed / self.requests if self.requests else 1.0

    @property
    def result(self) -> float:
        """The operator's money: fee less gas and fleet."""
        return self.fee_money - self.gas_money - self.fleet_money

    def add(self, other: "Figures") -> None:
        """Count that too."""
        for name in self.__dataclass_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass
class Run:
    """One drawn history: the whole of it, and its months."""

    total: Figures = field(default_factory=Figures)
    months: list[Figures] = field(default_factory=list)


@dataclass
class _Trouble:
    """What outages did to the requests of each day: counts, and LINK."""

    missed: Counter[int] = field(default_factory=Counter)
    held_up: Counter[int] = field(default_factory=Counter)
    penalties: dict[int, float] = field(default_factory=dict)


def simulate(given: Assumptions, seed: int) -> Run:
    """One history. The same seed gives the same."""
    dice = random.Random(seed)  # noqa: S311 - a model, not a secret
    trouble = _trouble(given, dice)
    run = Run()
    for day, figures in enumerate(_days(given, dice, trouble)):
        if day % MONTH_DAYS == 0:
            run.months.append(Figures())
        run.months[-1].add(figures)
        run.total.add(figures)
    return run


def _trouble(given: Assumptions, dice: random.Random) -> _Trouble:
    failures = Failures(given, dice, given.days * DAY)
    found = _Trouble()
    for node in range(given.nodes):
        _count(given, dice, failures.node(node), found)
        _count(given, dice, failures.rpc, found)
    return found


def _count(given: Assumptions, dice: random.Random, line: Line, found: _Trouble) -> None:
    """What one node's outages do to its requests."""
    for begin, end in as_felt(line):
        lost = max(end - ANSWERABLE, begin)
        for day, count in _arrivals(given, dice, lost, end):
            found.held_up[day] += count
        for day, count in _arrivals(given, dice, begin, lost):
            found.missed[day] += count
            most = COVER_SHARE * given.stake_per_node
            found.penalties[day] = found.penalties.get(day, 0.0) + min(count * given.penalty, most)


def _arrivals(given: Assumptions, dice: random.Random, begin: float, end: float) -> Iterator[tuple[int, int]]:
    """Requests to one node between two moments (seconds), by the day."""
    while begin < end:
        day = int(begin // DAY)
        until = min(end, (day + 1) * DAY)
        part = day_part(begin / DAY, until / DAY, given.daily_swing)
        if count := poisson(dice, given.requests_per_node_day * part):
            yield day, count
        begin = until


def _days(given: Assumptions, dice: random.Random, trouble: _Trouble) -> Iterator[Figures]:
    days = max(int(-(-given.days // 1)), 1)
    gas = wandering(dice, given.gas_gwei, given.gas_volatility, days, reversion=given.gas_reversion)
    link = wandering(dice, given.link_coin, given.link_volatility, days)
    coin = wandering(dice, given.coin_money, given.coin_volatility, days)
    for day in range(days):
        part = min(1.0, given.days - day)
        yield _day(given, dice, trouble, day, part, gas=gas[day], link=link[day], coin=coin[day])


def _day(
    given: Assumptions,
    dice: random.Random,
    trouble: _Trouble,
    day: int,
    part: float,
    *,
    gas: float,
    link: float,
    coin: float,
) -> Figures:
    """One day of all nodes. gas: gwei; link: coin per LINK; coin: money per coin."""
    asked = poisson(dice, given.nodes * given.requests_per_node_day * part)
    missed = min(trouble.missed[day], asked)
    worth = (given.payment + given.penalty) * link / given.answer_gas
    served = gas <= given.cap_gwei and gas * GWEI <= worth
    unpaid = 0 if served else asked - missed
    answered = asked - missed - unpaid
    income, penalties = answered * given.payment, trouble.penalties.get(day, 0.0)
    fee = income * given.fee_bps / 10_000
    units = answered * given.answer_gas + given.nodes * given.overhead_gas_per_day * part
    gas_coin = units * min(gas, given.cap_gwei) * GWEI
    fleet = (2 * given.nodes * given.replica_month + given.pool_month) * part / MONTH_DAYS
    return Figures(
        requests=asked,
        answered=answered,
        missed=missed,
        held_up=min(trouble.held_up[day], answered),
        unpaid=unpaid,
        penalties=penalties,
        stakers=income - fee - penalties,
        fee=fee,
        gas_coin=gas_coin,
        fee_money=fee * link * coin,
        gas_money=gas_coin * coin,
        fleet_money=fleet + asked * given.request_money,
        stakers_money=(income - fee - penalties) * link * coin,
    )
