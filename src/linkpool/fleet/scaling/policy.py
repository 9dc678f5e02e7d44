"""The policy as a function: from what is asked for and what there is, to a decision with its reasons.

It grows when stake, waiting list, pace and the room to be kept free do not fit any more, or when a node
answers more than it should; it shrinks by one node when everything would fit without it with `slack` to
spare. So demand must swing by more than the slack before a node comes and goes, and noise moves nothing.
Every limit may only make a decision smaller. No clock, no chain and no database: the same input always
gives the same decision.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from linkpool.fleet.scaling.demand import DAY, HOUR, Demand
from linkpool.units import show
from linkpool.wire.scaling import Action, ScalingPolicy

ANY = 10_000
"""More nodes than anybody has: what a limit allows that does not bind."""
LOAD_LEFT = 0.7
"""Of the load a node may have, what the others may be brought to when one goes."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A node that could go. name: its id; capacity, stake: juels."""

    node: int
    name: str
    capacity: int
    stake: int


@dataclass(frozen=True, slots=True)
class Bound:
    """Something outside the policy that limits growing: how many more nodes, and why."""

    name: str
    allows: int
    why: str


@dataclass(frozen=True, slots=True)
class Costs:
    """What a month costs by the price table, in its currency: whatever the fleet does, and each node."""

    standing: Decimal
    node: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Fleet:
    """What there is. nodes, capacity (juels): of those that take stake, and of those on their way.

    each: juels of a new node; cost: wei of one; made: when auto-scaling made nodes, in the last day, and
    spent: wei it took for them; costs: none while there is no price table; changed_at: its last change;
    carrying: what it is still carrying out. Times are Unix seconds.
    """

    nodes: int
    coming: int
    capacity: int
    each: int
    cost: int
    candidates: Sequence[Candidate] = ()
    made: Sequence[float] = ()
    spent: int = 0
    costs: Costs | None = None
    changed_at: float | None = None
    carrying: str | None = None
    bounds: Sequence[Bound] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do. wanted: juels of capacity that are asked for; node, name: which is to go.

    because: one word for the kind of reason, which does not change with every figure in the reasons.
    """

    action: Action
    because: str
    reasons: tuple[str, ...]
    wanted: int = 0
    count: int = 0
    node: int | None = None
    name: str | None = None
    limits: tuple[Bound, ...] = ()


def decide(policy: ScalingPolicy, seen: Demand, fleet: Fleet, now: float) -> Decision:
    """What to do at this moment (Unix seconds)."""
    ahead = seen.pace * round(policy.ahead_hours * HOUR) // HOUR
    wanted = seen.stake + seen.waiting + ahead + int(policy.stake_room)
    limits = _limits(policy, fleet, now)
    needed, reasons = _needed(policy, seen, fleet, wanted)
    if fleet.carrying:
        return Decision(
            "hold", "busy", (f"{fleet.carrying} is still being carried out",), wanted, limits=limits
        )
    if needed > 0:
        return _up(policy, fleet, now, needed, reasons, wanted, limits)
    if not seen.enough:
        short = (
            f"only {seen.samples} samples in a window of {policy.window_seconds} s: not enough to judge by"
        )
        return Decision("hold", "samples", (short,), wanted, limits=limits)
    return _down(policy, seen, fleet, now, wanted, limits)


def _needed(policy: ScalingPolicy, seen: Demand, fleet: Fleet, wanted: int) -> tuple[int, tuple[str, ...]]:
    """How many nodes are missing, and for what."""
    needs: list[tuple[int, str]] = []
    if fleet.nodes < policy.floor:
        needs.append(
            (policy.floor - fleet.nodes, f"the floor is {policy.floor} nodes, and there are {fleet.nodes}")
        )
    if seen.enough and wanted > fleet.capacity:
        short = wanted - fleet.capacity
        told = f"{show(wanted)} LINK are wanted, {show(fleet.capacity)} LINK fit"
        parts = (
            f"stake {show(seen.stake)}, waiting {show(seen.waiting)}, to be kept free {policy_room(policy)}"
        )
        needs.append((-(-short // fleet.each), f"{told} ({parts})"))
    if seen.enough and policy.load is not None and seen.load > policy.load * fleet.nodes:
        told = f"{seen.load:.3g} requests/s are more than {policy.load:g} for each of {fleet.nodes} nodes"
        needs.append((max(1, int(-(-seen.load // policy.load)) - fleet.nodes), told))
    return max((count for count, _ in needs), default=0), tuple(why for _, why in needs)


def policy_room(policy: ScalingPolicy) -> str:
    """The room to be kept free, for people."""
    ahead = f" and the pace of {policy.ahead_hours:g} h" if policy.ahead_hours else ""
    return f"{show(int(policy.stake_room))}{ahead}"


def _limits(policy: ScalingPolicy, fleet: Fleet, now: float) -> tuple[Bound, ...]:
    hour = sum(now - at < HOUR for at in fleet.made)
    day = sum(now - at < DAY for at in fleet.made)
    left = int(policy.budget_per_day) - fleet.spent
    own = (
        Bound("ceiling", policy.ceiling - fleet.nodes, f"{fleet.nodes} of {policy.ceiling} nodes"),
        Bound("per_hour", policy.per_hour - hour, f"{hour} of {policy.per_hour} made in the last hour"),
        Bound("per_day", policy.per_day - day, f"{day} of {policy.per_day} made in the last day"),
        Bound(
            "budget_per_day",
            left // fleet.cost,
            f"{show(left, 6)} coins are left of the day's budget, a node takes {show(fleet.cost, 6)}",
        ),
    )
    month = () if policy.budget_per_month is None else (_month(Decimal(policy.budget_per_month), fleet),)
    return (*own, *month, *fleet.bounds)


def _month(budget: Decimal, fleet: Fleet) -> Bound:
    """What running the fleet may cost. Nothing is known to fit a budget while nothing has a price."""
    name, costs = "budget_per_month", fleet.costs
    if costs is None:
        return Bound(name, 0, "what a node costs is not known: no price table is set (`treasury prices set`)")
    left = budget - costs.standing - fleet.nodes * costs.node
    allows = left // costs.node if costs.node else ANY if left >= 0 else 0
    why = f"of {budget:.2f} {costs.currency} a month {left:.2f} are left, a node takes {costs.node:.2f}"
    return Bound(name, min(int(allows), ANY), why)


def _up(
    policy: ScalingPolicy,
    fleet: Fleet,
    now: float,
    needed: int,
    reasons: tuple[str, ...],
    wanted: int,
    limits: tuple[Bound, ...],
) -> Decision:
    rests = _rests(fleet, now, policy.rest_up_seconds)
    if rests:
        return Decision("hold", "rest", (*reasons, rests), wanted, limits=limits)
    count = min(needed, *(limit.allows for limit in limits))
    binding = tuple(
        f"{limit.name} allows {max(0, limit.allows)}: {limit.why}"
        for limit in limits
        if limit.allows < needed
    )
    if count <= 0:
        names = ",".join(limit.name for limit in limits if limit.allows <= 0)
        return Decision("hold", f"limit:{names}", (*reasons, *binding), wanted, limits=limits)
    return Decision("up", "missing", (*reasons, *binding), wanted, count, limits=limits)


def _down(
    policy: ScalingPolicy, seen: Demand, fleet: Fleet, now: float, wanted: int, limits: tuple[Bound, ...]
) -> Decision:
    def hold(because: str, why: str) -> Decision:
        return Decision("hold", because, (why,), wanted, limits=limits)

    spare = fleet.capacity - wanted - int(policy.slack)
    if fleet.coming:
        return hold("coming", f"on their way: {fleet.coming}")
    if fleet.nodes <= policy.floor:
        return hold("floor", f"everything fits, and the floor of {policy.floor} is reached")
    fitting = [one for one in fleet.candidates if one.capacity <= spare]
    going = [one for one in fitting if policy.drain_staked or not one.stake]
    if not going:
        why = (
            "no node could go" if not fitting else "every node that could go has stake (drain_staked is off)"
        )
        return hold("fits", f"everything fits, and with a slack of {show(int(policy.slack))} LINK {why}")
    if policy.load is not None and seen.load > LOAD_LEFT * policy.load * (fleet.nodes - 1):
        return hold("load", f"{seen.load:.3g} requests/s would be too much for {fleet.nodes - 1} nodes")
    rests = _rests(fleet, now, policy.rest_down_seconds)
    if rests:
        return hold("rest", f"a node could go, but {rests}")
    gone = min(going, key=lambda one: (one.stake, -one.node))
    why = (
        f"{show(wanted)} LINK are wanted; without {gone.name} {show(fleet.capacity - gone.capacity)} LINK fit"
    )
    stake = f"it has {show(gone.stake)} LINK of stake" if gone.stake else "it has no stake"
    return Decision("down", "spare", (why, stake), wanted, 1, gone.node, gone.name, limits)


def _rests(fleet: Fleet, now: float, seconds: int) -> str | None:
    if fleet.changed_at is None or now - fleet.changed_at >= seconds:
        return None
    return f"the last change is {max(0, now - fleet.changed_at):.0f} s ago, of {seconds} s of rest"
