"""When nobody of a node can answer: failures drawn for everything that can fail, laid over each other.

Times are seconds from the beginning; an outage is a pair (begin, end), a line of them is in order and apart.
"""

import random
from collections.abc import Iterable, Sequence
from heapq import merge

from linkpool.economics.assumptions import Assumptions

DAY = 86_400.0
ANSWERABLE = 285.0
"""Seconds after a request in which it is still answered: its window less those in which nothing is sent."""
CATCH_UP = 15.0
"""Seconds after an outage that replicas need to start and to answer what is open: a shorter pause is none."""

Outage = tuple[float, float]
Line = Sequence[Outage]


def drawn(dice: random.Random, mtbf: float, repair: float, horizon: float) -> list[Outage]:
    """One thing's outages: up for a while with mean `mtbf` seconds, down for one with mean `repair`."""
    line, now = [], dice.expovariate(1 / mtbf)
    while now < horizon:
        end = now + dice.expovariate(1 / repair)
        line.append((now, min(end, horizon)))
        now = end + dice.expovariate(1 / mtbf)
    return line


def either(lines: Iterable[Line]) -> list[Outage]:
    """When any of them is down."""
    found: list[Outage] = []
    for begin, end in merge(*lines):
        if found and begin <= found[-1][1]:
            if end > found[-1][1]:
                found[-1] = (found[-1][0], end)
        else:
            found.append((begin, end))
    return found


def as_felt(line: Line) -> list[Outage]:
    """Outages with a pause too short to catch up in between are one: what was open then stays open."""
    found: list[Outage] = []
    for begin, end in line:
        if found and begin - found[-1][1] < CATCH_UP:
            found[-1] = (found[-1][0], end)
        else:
            found.append((begin, end))
    return found


def both(one: Line, other: Line) -> list[Outage]:
    """When both are down."""
    found: list[Outage] = []
    a = b = 0
    while a < len(one) and b < len(other):
        begin, end = max(one[a][0], other[b][0]), min(one[a][1], other[b][1])
        if begin < end:
            found.append((begin, end))
        if one[a][1] < other[b][1]:
            a += 1
        else:
            b += 1
    return found


class Failures:
    """Everything that is shared, drawn once for a run; nodes are drawn one by one."""

    def __init__(self, given: Assumptions, dice: random.Random, horizon: float) -> None:
        self._given = given
        self._dice = dice
        self._horizon = horizon
        self.rpc = self._drawn(given.rpc_mtbf_days, given.rpc_repair_seconds)
        """Of the whole pool."""
        zones = [self._drawn(given.zone_mtbf_days, given.zone_repair_seconds) for _ in range(given.zones)]
        self._machines = [
            either(
                (
                    zones[number % given.zones],
                    self._drawn(given.machine_mtbf_days, given.machine_repair_seconds),
                )
            )
            for number in range(given.machines)
        ]

    def node(self, number: int) -> list[Outage]:
        """When neither replica of a node can answer, endpoints aside; they are in two zones if there are."""
        given, machines = self._given, self._machines
        first = number % len(machines)
        second = (first + 1) % len(machines)
        a, b = (
            either((machines[place], self._drawn(given.replica_mtbf_days, given.replica_repair_seconds)))
            for place in (first, second)
        )
        together = self._drawn(given.node_mtbf_days, given.node_repair_seconds)
        return either((both(a, b), together)) if together else both(a, b)

    def _drawn(self, mtbf_days: float, repair: float) -> list[Outage]:
        return drawn(self._dice, mtbf_days * DAY, repair, self._horizon)
