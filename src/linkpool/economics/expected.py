"""What the model must give on average, in closed form: the simulator is checked against it.

With exponential times, up with mean m and down with mean r:

- one thing is down r / (m + r) of the time, two independent ones together the product of that;
- an outage outlasts w seconds by r x exp(-w / r) on average, so of requests that come at rate q, outages that
  begin at rate f make q x f x r x exp(-w / r) miss their window.
"""

import math

from linkpool.economics.assumptions import Assumptions
from linkpool.economics.outages import ANSWERABLE, DAY, Line, as_felt


def down(mtbf: float, repair: float) -> float:
    """The part of the time that one thing is down."""
    return repair / (mtbf + repair)


def pair_down(mtbf: float, repair: float) -> float:
    """The part of the time that two independent things are down together."""
    return down(mtbf, repair) ** 2


def pair_outages(mtbf: float, repair: float) -> tuple[float, float]:
    """How often (per second) both are down together, and for how long (seconds, mean)."""
    length = repair / 2  # both repairs are under way; the first one done ends it
    return pair_down(mtbf, repair) / length, length


def missed(rate: float, frequency: float, length: float, window: float = ANSWERABLE) -> float:
    """Requests a second that miss their window. rate: requests; frequency: outages, both a second."""
    return rate * frequency * length * math.exp(-window / length)


def missed_a_day(given: Assumptions) -> float:
    """Requests of one node missed in a day, by causes that are independent and rarely meet.

    Processes of both replicas, the node itself, the endpoints. Machines and zones are left out: as a node's
    replicas are apart, two of them are down at once more rarely than any of these.
    """
    rate = given.requests_per_node_day / DAY
    pair = pair_outages(given.replica_mtbf_days * DAY, given.replica_repair_seconds)
    causes = [pair]
    causes += [
        (1 / (mtbf * DAY + repair), repair)
        for mtbf, repair in (
            (given.node_mtbf_days, given.node_repair_seconds),
            (given.rpc_mtbf_days, given.rpc_repair_seconds),
        )
    ]
    return sum(missed(rate, frequency, length) for frequency, length in causes) * DAY


def of_outages(line: Line, rate: float, late: float = 0.0) -> tuple[float, float]:
    """Requests missed in these outages, and those held up in them for more than `late` seconds.

    rate: requests a second. What comes in the last 285 s of an outage is answered after it.
    """
    lengths = [end - begin for begin, end in as_felt(line)]
    lost = sum(max(length - ANSWERABLE, 0.0) for length in lengths)
    held_up = sum(max(min(length, ANSWERABLE) - late, 0.0) for length in lengths)
    return rate * lost, rate * held_up
