"""What a pool is at one block, as its events tell it: nodes' books, accounts' positions, requests, tickets.

Amounts in juels, shares as the contract counts them, times Unix seconds, fees basis points. Sums ("ever")
only grow, so that what happened between two moments is the difference of two states.
"""

from dataclasses import dataclass, replace

SCALE = 2**80
"""An accumulator's unit: that many make one juel per share."""


@dataclass(slots=True)
class Books:
    """One node. `*_seconds` are juels times seconds up to `since`: their growth over a time is an average."""

    status: int
    capacity: int
    fee_bps: int
    since: int
    active: int = 0
    unbonding: int = 0
    assets: int = 0
    accumulator: int = 0
    carry: int = 0
    fee_due: int = 0
    harvested: int = 0
    earned: int = 0
    divided: int = 0
    net: int = 0
    fees: int = 0
    penalties: int = 0
    escrow: int = 0
    reserves: int = 0
    requests: int = 0
    answered: int = 0
    rejected: int = 0
    cancelled: int = 0
    active_seconds: int = 0
    asset_seconds: int = 0

    def value(self, shares: int) -> int:
        """Juels that many shares are worth, rounded down."""
        return shares * self.assets // (self.active + self.unbonding) if shares else 0

    @property
    def undivided(self) -> int:
        """Income that no sync has divided yet."""
        return self.earned - self.divided

    @property
    def coming(self) -> int:
        """What of the undivided income stakers will get; without active stake all of it is fee."""
        return self.undivided - self.undivided * self.fee_bps // 10_000 if self.active else 0

    def pass_time(self, now: int) -> None:
        """Count the stake up to `now`; done before it changes."""
        passed = now - self.since
        self.active_seconds += passed * self.value(self.active)
        self.asset_seconds += passed * self.assets
        self.since = now

    def at(self, now: int) -> "Books":
        """These books at a later moment, if nothing happens until then."""
        later = replace(self)
        later.pass_time(now)
        return later


@dataclass(slots=True)
class Position:
    """An account in one node. `staked` and `withdrawn` are juels that went in and came out, ever."""

    shares: int = 0
    counted_at: int = 0
    owed: int = 0
    staked: int = 0
    withdrawn: int = 0
    claimed: int = 0

    def count(self, accumulator: int) -> None:
        """Count its income up to an accumulator of its node."""
        self.owed += self.shares * (accumulator - self.counted_at) // SCALE
        self.counted_at = accumulator

    def claimable(self, books: Books, fee_bps: int) -> int:
        """Juels a claim would pay now, income not yet divided included. fee_bps: in force in the pool."""
        accumulator = books.accumulator
        if books.active and (books.undivided or books.fee_bps != fee_bps):  # when the contract divides
            accumulator += (books.coming * SCALE + books.carry) // books.active
        return self.owed + self.shares * (accumulator - self.counted_at) // SCALE


@dataclass(slots=True)
class PoolBooks:
    """The pool's own state: fees (payable, and paid ever) and what is announced."""

    fee_bps: int = 0
    announced_fee_bps: int = 0
    fee_effective_at: int = 0
    fees: int = 0
    fees_paid: int = 0
    paused_until: int = 0


@dataclass(slots=True)
class Request:
    """One request, known by its place in the log. An end, a rejection or a lapse has the block it is in."""

    position: int
    node: str
    id: str
    block: int
    time: int
    expiration: int
    requester: str
    job: str
    payment: int
    cover: int = 0
    penalty: int = 0
    ended: str | None = None
    ended_block: int | None = None
    ended_time: int | None = None
    rejected_block: int | None = None
    rejected_time: int | None = None
    reason: int | None = None
    lapsed_block: int | None = None

    @property
    def reserve(self) -> int:
        """Juels reserved for it now."""
        over = self.ended_block, self.rejected_block, self.lapsed_block
        return self.cover if over == (None, None, None) else 0


@dataclass(slots=True)
class Ticket:
    """Stake on its way out; unpaid while `paid_block` is none."""

    id: int
    account: str
    node: str
    shares: int
    value: int
    block: int
    time: int
    ready_at: int
    paid: int = 0
    paid_block: int | None = None
    paid_time: int | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """A block that the tables are complete up to. hash: 0x-hex."""

    number: int
    hash: str
    time: int


@dataclass(frozen=True, slots=True)
class ChainEvent:
    """One event of the pool. `position` orders all of them; `to_node` is there when stake moved."""

    position: int
    block: int
    time: int
    tx: str
    kind: str
    node: str | None
    to_node: str | None
    account: str | None
    data: dict[str, object]


LOG_BITS = 20
"""Low bits of a position that hold the place of a log in its block."""


def position(block: int, log_index: int) -> int:
    """Where a log stands in the chain, as one number."""
    return block << LOG_BITS | log_index
