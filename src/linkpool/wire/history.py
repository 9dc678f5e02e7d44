"""What the indexer knows, as anybody may see it. Amounts in juels, ratios per one, block numbers plain."""

from datetime import datetime
from typing import Any

from linkpool.wire.api import Amount, PublicNode, View
from linkpool.wire.guard import PublicGuard


class AsOf(View):
    """The block that figures are true at."""

    block: int
    time: datetime


class Checked(View):
    """How often tables and contracts were compared, and differed; the last block at which they agreed."""

    agreed: AsOf | None
    checks: int
    differences: int


class Stock(View):
    """What there is. cover: reserved for open requests; undivided: earned, and no sync divided it yet."""

    active: Amount
    unbonding: Amount
    assets: Amount
    escrow: Amount
    cover: Amount
    undivided: Amount


class Flow(View):
    """What came about, ever or in a time. earned = net (the stakers') + fees.

    missed: windows that ended with neither an answer nor a rejection; late answers are answered and missed.
    """

    earned: Amount
    net: Amount
    fees: Amount
    penalties: Amount
    requests: int
    answered: int
    rejected: int
    cancelled: int
    missed: int


class Rates(View):
    """What can only be said of a time: 30 days, or since the beginning. null: not enough data.

    uptime: of the requests whose window ended, the part that was not missed. delay_blocks: the median from
    request to answer. income_apr: stakers' income in a year for each juel of active stake, after the fee;
    penalty_apr: what penalties took of all stake; apr: the first less the second. These need a day.
    """

    since: datetime
    seconds: int
    uptime: float | None
    delay_blocks: float | None
    income_apr: float | None
    penalty_apr: float | None
    apr: float | None


class Figures(View):
    """A node, or all of them together."""

    stock: Stock
    ever: Flow
    rates: Rates


class NodeFigures(Figures):
    """A node. status: active, draining or retired."""

    status: str
    capacity: Amount
    fee_bps: int
    registered_at: datetime


class KnownNode(PublicNode):
    """A registered node; figures are null until the indexer has read its registration."""

    figures: NodeFigures | None


class KnownNodeList(View):
    """All registered nodes, oldest first. as_of: what the figures are true at."""

    as_of: AsOf | None
    nodes: list[KnownNode]


class PoolFigures(View):
    """The pool. Everything is null or empty until the indexer has read a block."""

    as_of: AsOf | None
    checked: Checked
    nodes: int
    fee_bps: int
    announced_fee_bps: int
    fee_effective_at: datetime | None
    fees_payable: Amount
    fees_paid: Amount
    paused_until: datetime | None
    figures: Figures | None
    guard: PublicGuard | None = None
    """The pool's share of the network."""


class Bucket(View):
    """One hour or day from `start`: stock at its end, flow within it, the median delay of its answers."""

    start: datetime
    stock: Stock
    flow: Flow
    delay_blocks: float | None
    uptime: float | None


class History(View):
    """Buckets in order, without a gap; the last one is still running."""

    as_of: AsOf | None
    bucket: str
    buckets: list[Bucket]


class Holding(View):
    """An account in one node. lost: what penalties took of the stake, tickets included."""

    node: str
    value: Amount
    claimable: Amount
    claimed: Amount
    staked: Amount
    withdrawn: Amount
    lost: Amount


class UnpaidTicket(View):
    """Stake on its way out; anyone may push it through from `ready_at` on."""

    ticket: Amount
    node: str
    value: Amount
    value_at_request: Amount
    requested_at: datetime
    ready_at: datetime


class Account(View):
    """All an account has and had in the pool. earned = claimed + claimable."""

    as_of: AsOf | None
    address: str
    value: Amount
    earned: Amount
    claimable: Amount
    lost: Amount
    holdings: list[Holding]
    tickets: list[UnpaidTicket]


class AccountBucket(View):
    """An account at the end of an hour or day from `start`. earned, lost: ever, as they had grown by then."""

    start: datetime
    value: Amount
    earned: Amount
    lost: Amount


class AccountHistory(View):
    """Buckets in order, without a gap, from the account's first event on; the last one is still running."""

    as_of: AsOf | None
    bucket: str
    buckets: list[AccountBucket]


class ChainEvent(View):
    """An event of the pool's contracts. `position` grows along the chain; a re-org may take it back."""

    position: int
    block: int
    time: datetime
    tx: str
    kind: str
    node: str | None
    to_node: str | None
    account: str | None
    data: dict[str, Any]


class ChainEvents(View):
    """A page of events, newest first. next: ask with `before` set to this; null at the end."""

    as_of: AsOf | None
    events: list[ChainEvent]
    next: int | None
