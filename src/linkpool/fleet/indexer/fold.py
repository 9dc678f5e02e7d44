"""How each event changes what is known of the pool: logs alone arrive at the contracts' views.

The rules are those of docs/contracts.md, "State from logs". A `Ledger` holds the states that some events
touch, loaded before; `follow` applies one event. Pure: no chain, no database.
"""

from dataclasses import dataclass, field, fields
from functools import singledispatch

from linkpool.contracts import oracle as o
from linkpool.contracts import pool_events as p
from linkpool.contracts.abi import Event
from linkpool.contracts.pool import Status
from linkpool.store.chain_state import (
    Books,
    ChainEvent,
    PoolBooks,
    Position,
    Request,
    Ticket,
    position,
)

ANSWERED, CANCELLED = "answered", "cancelled"
_LEFT_OUT = {"log", "data"}
"""Fields of an event that are not kept: its log, and a request's own parameters, which may be large."""


@dataclass
class Ledger:
    """States as they are now. The sets: changed in the block under way; `touched_*`: changed in any."""

    pool: PoolBooks
    books: dict[str, Books] = field(default_factory=dict)
    positions: dict[tuple[str, str], Position] = field(default_factory=dict)
    """By account and node."""
    requests: dict[tuple[str, str], Request] = field(default_factory=dict)
    """By node and id: the last one of that id."""
    tickets: dict[int, Ticket] = field(default_factory=dict)
    touched_requests: dict[int, Request] = field(default_factory=dict)
    touched_tickets: dict[int, Ticket] = field(default_factory=dict)
    changed_nodes: set[str] = field(default_factory=set)
    changed_positions: set[tuple[str, str]] = field(default_factory=set)
    pool_changed: bool = False

    def node(self, node: str, now: int) -> Books:
        """Books to change."""
        self.changed_nodes.add(node)
        found = self.books[node]
        found.pass_time(now)
        return found

    def position(self, account: str, node: str) -> Position:
        """A position to change."""
        self.changed_positions.add((account, node))
        return self.positions.setdefault((account, node), Position())

    def counted(self, account: str, node: str) -> Position:
        """A position to change, its income counted up to now: where the contract does it, for it rounds."""
        found = self.position(account, node)
        found.count(self.books[node].accumulator)
        return found

    def request(self, node: str, id: bytes) -> Request:
        """The last request of that id, to change."""
        found = self.requests[node, hexed(id)]
        self.touched_requests[found.position] = found
        return found

    def ticket(self, id: int) -> Ticket:
        """A ticket to change."""
        found = self.touched_tickets[id] = self.tickets[id]
        return found

    def make(self, made: Request | Ticket) -> None:
        """Something new."""
        if isinstance(made, Request):
            self.requests[made.node, made.id] = self.touched_requests[made.position] = made
        else:
            self.tickets[made.id] = self.touched_tickets[made.id] = made

    def settings(self) -> PoolBooks:
        """The pool's own state, to change."""
        self.pool_changed = True
        return self.pool


@dataclass(frozen=True)
class At:
    """Where an event stands. time: Unix seconds of its block."""

    block: int
    time: int


def hexed(value: bytes) -> str:
    """Bytes as the tables keep them."""
    return f"0x{value.hex()}"


def record(event: Event, time: int) -> ChainEvent:
    """The event as it is kept."""
    log = event.log
    node = log.address if isinstance(event, o.EVENTS) else None
    values = {item.name: getattr(event, item.name) for item in fields(event) if item.name not in _LEFT_OUT}
    node = values.pop("node", None) or values.pop("from_node", node)
    account = values.pop("account", None) or values.pop("requester", None)
    return ChainEvent(
        position=position(log.block_number, log.log_index),
        block=log.block_number,
        time=time,
        tx=hexed(log.tx_hash),
        kind=type(event).__name__,
        node=node,
        to_node=values.pop("to_node", None),
        account=account,
        data={name: _plain(value) for name, value in values.items()},
    )


def _plain(value: object) -> object:
    """A value as JSON has it: numbers as decimal text, bytes as 0x-hex."""
    if isinstance(value, bytes):
        return hexed(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, bool | str) else str(value)


@singledispatch
def follow(event: Event, ledger: Ledger, at: At) -> None:
    """Apply one event; those that change nothing kept here pass."""


# --- nodes and the pool ---------------------------------------------------------------------------


@follow.register
def _(event: p.NodeRegistered, ledger: Ledger, at: At) -> None:
    ledger.books[event.node] = Books(Status.ACTIVE.value, event.capacity, event.fee_bps, at.time)
    ledger.changed_nodes.add(event.node)


@follow.register
def _(event: p.NodeDraining, ledger: Ledger, at: At) -> None:
    ledger.node(event.node, at.time).status = Status.DRAINING.value


@follow.register
def _(event: p.NodeReopened, ledger: Ledger, at: At) -> None:
    ledger.node(event.node, at.time).status = Status.ACTIVE.value


@follow.register
def _(event: p.NodeRetired, ledger: Ledger, at: At) -> None:
    ledger.node(event.node, at.time).status = Status.RETIRED.value


@follow.register
def _(event: p.CapacityChanged, ledger: Ledger, at: At) -> None:
    ledger.node(event.node, at.time).capacity = event.capacity


@follow.register
def _(event: p.FeeAnnounced, ledger: Ledger, at: At) -> None:
    pool = ledger.settings()
    pool.announced_fee_bps, pool.fee_effective_at = event.fee_bps, event.effective_at


@follow.register
def _(event: p.FeeChanged, ledger: Ledger, at: At) -> None:
    pool = ledger.settings()
    pool.fee_bps, pool.announced_fee_bps, pool.fee_effective_at = event.fee_bps, 0, 0


@follow.register
def _(event: p.FeesPaid, ledger: Ledger, at: At) -> None:
    pool = ledger.settings()
    pool.fees -= event.amount
    pool.fees_paid += event.amount


@follow.register
def _(event: p.Paused, ledger: Ledger, at: At) -> None:
    ledger.settings().paused_until = event.until


@follow.register
def _(event: p.Unpaused, ledger: Ledger, at: At) -> None:
    ledger.settings().paused_until = 0


# --- stake ----------------------------------------------------------------------------------------


@follow.register
def _(event: p.Staked, ledger: Ledger, at: At) -> None:
    _enter(ledger, at, event.node, event.account, event.amount, event.shares, event.assets)


def _enter(ledger: Ledger, at: At, node: str, account: str, amount: int, shares: int, assets: int) -> None:
    books = ledger.node(node, at.time)
    position = ledger.counted(account, node)
    position.shares += shares
    position.staked += amount
    books.active += shares
    books.assets = assets


@follow.register
def _(event: p.UnstakeRequested, ledger: Ledger, at: At) -> None:
    books = ledger.node(event.node, at.time)
    ledger.counted(event.account, event.node).shares -= event.shares
    books.active -= event.shares
    books.unbonding += event.shares
    ledger.make(
        Ticket(
            event.ticket,
            event.account,
            event.node,
            event.shares,
            event.value,
            at.block,
            at.time,
            event.ready_at,
        )
    )


@follow.register
def _(event: p.Withdrawn, ledger: Ledger, at: At) -> None:
    books = ledger.node(event.node, at.time)
    ledger.position(event.account, event.node).withdrawn += event.amount
    books.unbonding -= event.shares
    books.assets = event.assets
    ticket = ledger.ticket(event.ticket)
    ticket.paid, ticket.paid_block, ticket.paid_time = event.amount, at.block, at.time


@follow.register
def _(event: p.Moved, ledger: Ledger, at: At) -> None:
    books = ledger.node(event.from_node, at.time)
    position = ledger.counted(event.account, event.from_node)
    position.shares -= event.from_shares
    position.withdrawn += event.amount
    books.active -= event.from_shares
    books.assets = event.from_assets
    _enter(ledger, at, event.to_node, event.account, event.amount, event.to_shares, event.to_assets)


@follow.register
def _(event: p.Penalized, ledger: Ledger, at: At) -> None:
    books = ledger.node(event.node, at.time)
    books.assets = event.assets
    books.penalties += event.amount
    ledger.request(event.node, event.request_id).penalty += event.amount


# --- income ---------------------------------------------------------------------------------------


@follow.register
def _(event: p.IncomeSynced, ledger: Ledger, at: At) -> None:
    books = ledger.node(event.node, at.time)
    books.accumulator, books.carry, books.fee_bps = event.accumulator, event.carry, event.next_fee_bps
    books.divided = event.earned
    books.net += event.net
    books.fees += event.fee
    books.fee_due += event.fee


@follow.register
def _(event: p.Harvested, ledger: Ledger, at: At) -> None:
    books = ledger.node(event.node, at.time)
    books.harvested += event.amount
    books.fee_due -= event.fee
    ledger.settings().fees += event.fee


@follow.register
def _(event: p.Claimed, ledger: Ledger, at: At) -> None:
    position = ledger.counted(event.account, event.node)
    position.owed -= event.amount
    position.claimed += event.amount


# --- requests -------------------------------------------------------------------------------------


@follow.register
def _(event: o.OracleRequest, ledger: Ledger, at: At) -> None:
    books = ledger.node(event.log.address, at.time)
    books.requests += 1
    books.escrow += event.payment
    ledger.make(
        Request(
            position=position(at.block, event.log.log_index),
            node=event.log.address,
            id=hexed(event.request_id),
            block=at.block,
            time=at.time,
            expiration=event.expiration,
            requester=event.requester,
            job=hexed(event.job),
            payment=event.payment,
        )
    )


@follow.register
def _(event: o.Covered, ledger: Ledger, at: At) -> None:
    ledger.request(event.log.address, event.request_id).cover = event.penalty
    ledger.node(event.log.address, at.time).reserves += event.penalty


@follow.register
def _(event: o.OracleResponse, ledger: Ledger, at: At) -> None:
    request = _end(ledger, at, event.log.address, event.request_id, ANSWERED)
    books = ledger.node(event.log.address, at.time)
    books.answered += 1
    books.earned += request.payment


@follow.register
def _(event: o.CancelOracleRequest, ledger: Ledger, at: At) -> None:
    _end(ledger, at, event.log.address, event.request_id, CANCELLED)
    ledger.node(event.log.address, at.time).cancelled += 1


def _end(ledger: Ledger, at: At, node: str, id: bytes, how: str) -> Request:
    books, request = ledger.node(node, at.time), ledger.request(node, id)
    books.reserves -= request.reserve
    books.escrow -= request.payment
    request.ended, request.ended_block, request.ended_time = how, at.block, at.time
    return request


@follow.register
def _(event: o.Rejected, ledger: Ledger, at: At) -> None:
    books = ledger.node(event.log.address, at.time)
    request = ledger.request(event.log.address, event.request_id)
    books.reserves -= request.reserve
    books.rejected += 1
    request.rejected_block, request.rejected_time, request.reason = at.block, at.time, event.reason


@follow.register
def _(event: o.Lapsed, ledger: Ledger, at: At) -> None:
    books = ledger.node(event.log.address, at.time)
    request = ledger.request(event.log.address, event.request_id)
    books.reserves -= request.reserve
    request.lapsed_block = at.block
