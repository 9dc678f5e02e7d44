"""Income against costs, from what each day brought and took. Amounts in juels and wei, money in Decimal."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from typing import Any

from linkpool.economics.costs import MONTH_DAYS, moving, standing_day
from linkpool.units import WHOLE
from linkpool.wire.money import PriceTable

ENOUGH_DAYS = 1.0
"""Below this nobody should be told what a month would bring."""
ALL_BPS = 10_000


@dataclass(frozen=True)
class Prices:
    """What LINK and coin were worth on a day. link: wei per LINK; coin: money per coin; none: not known."""

    link: Decimal | None = None
    coin: Decimal | None = None

    def of_wei(self, wei: int) -> Decimal | None:
        """In money."""
        return None if self.coin is None else wei * self.coin / WHOLE

    def of_juels(self, juels: int) -> Decimal | None:
        """In money."""
        return None if self.link is None else self.of_wei(int(juels * self.link / WHOLE))


@dataclass(frozen=True)
class Usage:
    """What one day brought and took for one node, or for the pool itself (`node` none).

    fee, earned, penalties: juels; gas: wei; hours: of replicas, by engine; part: of the whole day, 0 to 1.
    """

    day: int
    node: str | None
    part: float = 1.0
    fee: int = 0
    earned: int = 0
    penalties: int = 0
    gas: int = 0
    hours: Mapping[str, float] = field(default_factory=dict)
    requests: int = 0
    answered: int = 0
    missed: int = 0


@dataclass(frozen=True)
class Sums:
    """Of some days and nodes. Money is none where a price is missing for any part of it."""

    fee_juels: int = 0
    earned_juels: int = 0
    penalties: int = 0
    gas_wei: int = 0
    hours: float = 0.0
    requests: int = 0
    answered: int = 0
    missed: int = 0
    fee: Decimal | None = Decimal(0)
    earned: Decimal | None = Decimal(0)
    gas: Decimal | None = Decimal(0)
    fleet: Decimal | None = Decimal(0)

    @property
    def result(self) -> Decimal | None:
        """fee - gas - fleet."""
        if self.fee is None or self.gas is None or self.fleet is None:
            return None
        return self.fee - self.gas - self.fleet


class Books:
    """Days of usage, valued by a price table and each day's prices. table: none while nobody has set one."""

    def __init__(
        self, usages: Iterable[Usage], table: PriceTable | None, prices: Mapping[int, Prices], now: Prices
    ) -> None:
        """now: what counts on days without prices of their own."""
        self._usages = list(usages)
        self._of_node, self._of_day = _by(self._usages, "node"), _by(self._usages, "day")
        self._table = table
        self._prices = prices
        self._now = now
        self.days: dict[int, float] = {}
        for one in self._usages:
            self.days[one.day] = max(self.days.get(one.day, 0.0), one.part)
        self._hours = _hours(self._usages)

    @property
    def length(self) -> float:
        """Days looked at."""
        return sum(self.days.values())

    def sums(self, *, day: int | None = None, node: str | None = None) -> Sums:
        """Of all, of a day, of a node, which bears its share of standing costs by replica-hours."""
        chosen = self._chosen(day, node)
        fleet = sum((self._moving(one) for one in chosen), Decimal(0))
        days = self.days if day is None else {day: self.days.get(day, 0.0)}
        hours = _hours(chosen)
        for each, part in days.items():
            share = 1.0 if node is None else self._share(each, hours)
            fleet += self._standing(part) * Decimal(repr(share))
        return Sums(
            fee_juels=sum(one.fee for one in chosen),
            earned_juels=sum(one.earned for one in chosen),
            penalties=sum(one.penalties for one in chosen),
            gas_wei=sum(one.gas for one in chosen),
            hours=sum(sum(one.hours.values()) for one in chosen),
            requests=sum(one.requests for one in chosen),
            answered=sum(one.answered for one in chosen),
            missed=sum(one.missed for one in chosen),
            fee=_total(self._price(one.day).of_juels(one.fee) for one in chosen if one.fee),
            earned=_total(self._price(one.day).of_juels(one.earned) for one in chosen if one.earned),
            gas=_total(self._price(one.day).of_wei(one.gas) for one in chosen if one.gas),
            fleet=None if self._table is None else fleet,
        )

    def _chosen(self, day: int | None, node: str | None) -> Sequence[Usage]:
        if node is not None:
            return [one for one in self._of_node.get(node, ()) if day in (None, one.day)]
        return self._usages if day is None else self._of_day.get(day, ())

    def _price(self, day: int) -> Prices:
        found = self._prices.get(day, self._now)
        return Prices(found.link or self._now.link, found.coin or self._now.coin)

    def _moving(self, one: Usage) -> Decimal:
        return Decimal(0) if self._table is None else moving(self._table, one.hours, one.requests)

    def _standing(self, part: float) -> Decimal:
        return Decimal(0) if self._table is None else standing_day(self._table) * Decimal(repr(part))

    def _share(self, day: int, hours: Mapping[int, float]) -> float:
        """The part of a day's replica-hours that these are."""
        return hours.get(day, 0.0) / self._hours[day] if self._hours.get(day) else 0.0


def _by(usages: Iterable[Usage], name: str) -> Mapping[Any, Sequence[Usage]]:
    """The usages by that field: a year of 1,000 nodes has too many to go through for each of them."""
    found: defaultdict[Any, list[Usage]] = defaultdict(list)
    for one in usages:
        found[getattr(one, name)].append(one)
    return found


def _hours(usages: Iterable[Usage]) -> Mapping[int, float]:
    """Replica-hours by day, on all engines."""
    found: dict[int, float] = {}
    for one in usages:
        found[one.day] = found.get(one.day, 0.0) + sum(one.hours.values())
    return found


def month(amount: Decimal | None, days: float) -> Decimal | None:
    """Thirty days at the pace of so many; none when they are too few."""
    return None if amount is None or days < ENOUGH_DAYS else amount * MONTH_DAYS / Decimal(repr(days))


@dataclass(frozen=True)
class BreakEven:
    """Where the fee covers gas and fleet. stake: juels; requests per day; none: never, or not known."""

    stake: int | None = None
    requests: float | None = None
    fee_bps: int | None = None


def break_even(sums: Sums, stake: int, days: float) -> BreakEven:
    """All else as it was in those days. stake: juels of active stake behind what was earned.

    Requests, and the fee and gas they bring, are taken to grow with stake; the fleet's costs are not.
    """
    fee, gas, fleet, earned = sums.fee, sums.gas, sums.fleet, sums.earned
    if fee is None or gas is None or fleet is None or earned is None or days < ENOUGH_DAYS:
        return BreakEven()
    margin = fee - gas
    times = fleet / margin if margin > 0 else None
    bps = int(((gas + fleet) / earned * ALL_BPS).to_integral_value(ROUND_CEILING)) if earned > 0 else None
    return BreakEven(
        stake=None if times is None else int(stake * times),
        requests=None if times is None else float(times * sums.answered / Decimal(repr(days))),
        fee_bps=bps if bps is not None and bps <= ALL_BPS else None,
    )


def _total(amounts: Iterable[Decimal | None]) -> Decimal | None:
    total = Decimal(0)
    for amount in amounts:
        if amount is None:
            return None
        total += amount
    return total
