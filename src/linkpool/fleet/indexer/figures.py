"""Figures from states: what one node has and did, or all of them, and what that is in a year. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from operator import attrgetter

from linkpool.store.chain_state import Books

YEAR = 365 * 86_400
WINDOW = 30 * 86_400
"""Seconds that rates look back, or the age of what they are about."""

ENOUGH = 86_400
"""Seconds below which nobody should be told what a year would bring."""


@dataclass(frozen=True)
class Totals:
    """One node's figures at a moment, or the sum of several. Juels, but for counts and juel-seconds.

    net and fees share what was earned, whether or not a sync has divided it yet.
    """

    active: int = 0
    unbonding: int = 0
    assets: int = 0
    escrow: int = 0
    cover: int = 0
    undivided: int = 0
    earned: int = 0
    net: int = 0
    fees: int = 0
    penalties: int = 0
    requests: int = 0
    answered: int = 0
    rejected: int = 0
    cancelled: int = 0
    active_seconds: int = 0
    asset_seconds: int = 0

    @classmethod
    def of(cls, books: Books, now: int) -> "Totals":
        """One node at a moment not before its books."""
        at = books.at(now)
        net = at.net + at.coming
        return cls(
            active=at.value(at.active),
            unbonding=at.value(at.unbonding),
            assets=at.assets,
            escrow=at.escrow,
            cover=at.reserves,
            undivided=at.undivided,
            earned=at.earned,
            net=net,
            fees=at.earned - net,
            penalties=at.penalties,
            requests=at.requests,
            answered=at.answered,
            rejected=at.rejected,
            cancelled=at.cancelled,
            active_seconds=at.active_seconds,
            asset_seconds=at.asset_seconds,
        )

    def later(self, seconds: int) -> "Totals":
        """These so many seconds later, if nothing happens until then: only stake times time has grown."""
        return replace(
            self,
            active_seconds=self.active_seconds + seconds * self.active,
            asset_seconds=self.asset_seconds + seconds * self.assets,
        )

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(*(a + b for a, b in zip(_values(self), _values(other), strict=True)))

    def __sub__(self, other: "Totals") -> "Totals":
        return Totals(*(a - b for a, b in zip(_values(self), _values(other), strict=True)))


_values: Callable[[Totals], tuple[int, ...]] = attrgetter(*(field.name for field in fields(Totals)))


def together(books: Iterable[Books], now: int) -> Totals:
    """Several nodes at a moment."""
    return sum((Totals.of(one, now) for one in books), Totals())


@dataclass(frozen=True)
class Yearly:
    """Rates per year; none where there is not enough data."""

    income: float | None
    penalty: float | None

    @property
    def apr(self) -> float | None:
        """What is left to stakers."""
        return None if self.income is None or self.penalty is None else round(self.income - self.penalty, 6)


def yearly(change: Totals, seconds: int) -> Yearly:
    """From what changed in that many seconds."""
    if seconds < ENOUGH or not change.active_seconds:
        return Yearly(None, None)
    return Yearly(
        round(change.net * YEAR / change.active_seconds, 6),
        round(change.penalties * YEAR / change.asset_seconds, 6),
    )


def uptime(windows: int, missed: int) -> float | None:
    """The part of the windows that ended which was not missed; none of no windows."""
    return round(1 - missed / windows, 6) if windows else None


def median(counts: Counter[int]) -> float | None:
    """The middle value of so many of each; the mean of the middle two of an even number."""
    total = counts.total()
    if not total:
        return None
    return (_nth(counts, (total - 1) // 2) + _nth(counts, total // 2)) / 2


def _nth(counts: Counter[int], place: int) -> int:
    for value in sorted(counts):
        place -= counts[value]
        if place < 0:
            return value
    raise IndexError(place)
