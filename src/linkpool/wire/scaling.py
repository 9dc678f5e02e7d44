"""Auto-scaling as the API takes and shows it: a policy, what is seen, what follows from it, what was done."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StrictBool

from linkpool.wire.api import Amount, Asked, OperationView, View
from linkpool.wire.guard import GuardState
from linkpool.wire.money import Money
from linkpool.wire.numbers import NoTruth

Nodes = Annotated[int, Field(ge=0, le=10_000), NoTruth]
Action = Literal["up", "down", "hold"]


class ScalingPolicy(Asked):
    """How the pool may grow and shrink by itself. Amounts in juels, but `budget_per_day` in wei and
    `budget_per_month` in the price table's currency.

    stake_room: how much more must always fit; ahead_hours: besides, what comes in so many hours at the
    present pace; load: requests a second that one node should answer at most; window_seconds: how long demand
    is watched, so that nothing shorter than half of it counts; budget_per_day: gas money for new nodes;
    budget_per_month: what the fleet may cost by the price table, new nodes included, gas not;
    rest_up_seconds, rest_down_seconds: since the last change, before growing and before shrinking;
    slack: room that must be left over, beyond all that is wanted, for a node to go; drain_staked: whether one
    with stake may go when none is empty.
    """

    floor: Nodes = 1
    ceiling: Nodes
    stake_room: Amount
    ahead_hours: Annotated[float, Field(ge=0, le=24 * 30), NoTruth] = 0.0
    load: Annotated[float, Field(ge=0.001, le=1e6), NoTruth] | None = None
    per_hour: Annotated[int, Field(ge=1, le=1_000), NoTruth] = 2
    per_day: Annotated[int, Field(ge=1, le=10_000), NoTruth] = 6
    budget_per_day: Amount
    budget_per_month: Money | None = None
    window_seconds: Annotated[int, Field(ge=4, le=86_400), NoTruth] = 3_600
    rest_up_seconds: Annotated[int, Field(ge=0, le=30 * 86_400), NoTruth] = 600
    rest_down_seconds: Annotated[int, Field(ge=0, le=365 * 86_400), NoTruth] = 86_400
    slack: Amount = str(50_000 * 10**18)
    drain_staked: StrictBool = False

    def contradiction(self) -> str | None:
        """What in it cannot be meant; None when it fits together."""
        if self.floor > self.ceiling:
            return "floor must not be above ceiling"
        if self.per_hour > self.per_day:
            return "per_hour must not be above per_day"
        return None


class PutPolicy(Asked):
    """The policy from now on; null turns auto-scaling off."""

    policy: ScalingPolicy | None


class PolicyView(View):
    """The policy in force. set_by: id of the token that set it; all null while none was ever set."""

    policy: ScalingPolicy | None
    set_at: datetime | None
    set_by: str | None


class DemandView(View):
    """What is wanted now. stake, waiting, load: medians of the window; pace: juels of new stake an hour.

    load: requests a second, of the whole pool. samples: how many the window holds; enough: whether they
    cover at least half of it.
    """

    since: datetime | None
    samples: int
    enough: bool
    stake: Amount
    waiting: Amount
    pace: Amount
    load: float


class Limit(View):
    """One limit on growing, and how many nodes it still allows. name: the policy's word, or `guard`."""

    name: str
    allows: int
    why: str


class ScalingNow(View):
    """What auto-scaling would do at this moment, and why. capacity: juels that nodes take, coming ones too.

    wanted: juels of capacity that demand and policy ask for. action `hold` with a reason, unless something
    is to be done; `on`: whether it would be carried out.
    """

    on: bool
    at: datetime
    nodes: int
    coming: int
    capacity: Amount
    wanted: Amount
    demand: DemandView
    limits: list[Limit]
    action: Action
    count: int
    node: str | None
    reasons: list[str]
    guard: GuardState
    policy: ScalingPolicy | None


class DecisionView(View):
    """One decision that changed something, or a new reason for changing nothing. node: which is to go.

    state: running, done or failed; `none` of a hold.
    """

    number: int
    at: datetime
    action: Action
    count: int
    node: str | None
    reasons: list[str]
    state: Literal["none", "running", "done", "failed"]
    operations: list[OperationView]


class DecisionList(View):
    """Decisions, newest first. next: ask with `before` set to this; null at the end."""

    decisions: list[DecisionView]
    next: int | None


class ExplainWeek(Asked):
    """A dry run over what was recorded. policy: the one in force when left out; hours: back from now."""

    policy: ScalingPolicy | None = None
    hours: Annotated[int, Field(ge=1, le=24 * 7), NoTruth] = 24 * 7


class WouldBe(View):
    """What would have been decided then; nodes and capacity after it, as if it had been done."""

    at: datetime
    action: Action
    count: int
    nodes: int
    capacity: Amount
    wanted: Amount
    reasons: list[str]


class WeekExplained(View):
    """The dry run: every change of mind, oldest first. nodes: at the end of it."""

    since: datetime | None
    until: datetime | None
    samples: int
    nodes: int
    steps: list[WouldBe]
