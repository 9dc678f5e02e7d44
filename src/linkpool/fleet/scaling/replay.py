"""A dry run: what a policy would have done over recorded samples, had everything been done at once.

Stake, waiting list and load are as they were recorded; nodes that the policy would have made stay empty in
it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from linkpool.fleet.scaling.demand import DAY, HOUR, Sample, demand
from linkpool.fleet.scaling.policy import Bound, Candidate, Costs, Decision, Fleet, decide
from linkpool.fleet.scaling.view import Terms
from linkpool.wire.scaling import ScalingPolicy

MOST = 1_500
"""Moments that are judged, with windows of an hour: a week of minutes is thinned to about one in seven."""


@dataclass(frozen=True, slots=True)
class Step:
    """A change of mind: the decision, and what there would have been after it. capacity: juels."""

    at: float
    decision: Decision
    nodes: int
    capacity: int


@dataclass
class _Pool:
    """The pool as it would be."""

    nodes: int
    capacity: int
    extra: int = 0
    """Nodes more than there really were."""
    made: list[float] = field(default_factory=list)
    changed_at: float | None = None


def replay(
    policy: ScalingPolicy, samples: Sequence[Sample], terms: Terms, since: float, costs: Costs | None = None
) -> list[Step]:
    """Every change of mind from `since` on (Unix seconds), oldest first. samples: oldest first, and earlier
    ones for the first windows; costs: as they are now.
    """
    times = [sample.at for sample in samples]
    first = bisect_left(times, since)
    if first == len(samples):
        return []
    would = _Pool(samples[first].nodes, samples[first].capacity)
    return list(_walk(policy, samples, times, first, terms, would, costs))


def _walk(
    policy: ScalingPolicy,
    samples: Sequence[Sample],
    times: Sequence[float],
    first: int,
    terms: Terms,
    would: _Pool,
    costs: Costs | None,
) -> Iterator[Step]:
    because: str | None = None
    most = MOST * HOUR // max(HOUR, policy.window_seconds)  # a longer window is more work at each
    for place in range(first, len(samples), 1 + (len(samples) - first) // most):
        sample = samples[place]
        begin = bisect_right(times, sample.at - 2 * policy.window_seconds - DAY)
        seen = demand(samples[begin : place + 1], sample.at, policy.window_seconds)
        decision = decide(policy, seen, _fleet(would, sample, terms, costs), sample.at)
        _do(would, decision, sample, terms)
        if decision.action != "hold" or decision.because != because:
            yield Step(sample.at, decision, would.nodes, would.capacity)
        because = decision.because


def _fleet(would: _Pool, sample: Sample, terms: Terms, costs: Costs | None) -> Fleet:
    empty = [
        Candidate(number, f"an empty node ({number + 1})", terms.capacity, 0)
        for number in range(max(0, sample.empty + would.extra))
    ]
    lately = [at for at in would.made if sample.at - at < DAY]
    bounds = () if sample.guard is None else (Bound("guard", sample.guard - would.extra, "as it stood then"),)
    return Fleet(
        nodes=would.nodes,
        coming=0,
        capacity=would.capacity,
        each=terms.capacity,
        cost=max(1, terms.cost),
        candidates=empty,
        made=lately,
        spent=len(lately) * terms.cost,
        costs=costs,
        changed_at=would.changed_at,
        bounds=bounds,
    )


def _do(would: _Pool, decision: Decision, sample: Sample, terms: Terms) -> None:
    change = {"up": decision.count, "down": -1, "hold": 0}[decision.action]
    if change:
        would.nodes += change
        would.extra += change
        would.capacity += change * terms.capacity
        would.changed_at = sample.at
        would.made += [sample.at] * max(0, change)
