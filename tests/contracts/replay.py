"""The state of a pool from its logs alone, as an indexer would keep it: no view is asked."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import singledispatch

from linkpool.chain.types import Log
from linkpool.contracts import oracle as o
from linkpool.contracts import pool_events as p
from linkpool.contracts.abi import Event
from linkpool.contracts.events import decode
from linkpool.contracts.pool import Status

SCALE = 2**80


@dataclass
class NodeState:
    """One node as its events tell it. Juels, shares, basis points."""

    fee: int
    capacity: int
    senders: set[str]
    status: Status = Status.ACTIVE
    active: int = 0
    unbonding: int = 0
    assets: int = 0
    accumulator: int = 0
    carry: int = 0
    fee_due: int = 0
    escrow: int = 0
    earned: int = 0
    reserves: int = 0
    harvested: int = 0
    rejections: int = 0
    shares: dict[str, int] = field(default_factory=dict)
    paid_at: dict[str, int] = field(default_factory=dict)
    owed: dict[str, int] = field(default_factory=dict)
    payments: dict[bytes, int] = field(default_factory=dict)
    covers: dict[bytes, int] = field(default_factory=dict)

    def income(self, who: str) -> int:
        """Income of an account as divided so far."""
        grown = self.shares.get(who, 0) * (self.accumulator - self.paid_at.get(who, 0)) // SCALE
        return self.owed.get(who, 0) + grown

    def change(self, who: str, shares: int) -> None:
        """Count the income of an account, then change its shares."""
        self.owed[who] = self.income(who)
        self.paid_at[who] = self.accumulator
        self.shares[who] = self.shares.get(who, 0) + shares
        self.active += shares

    def end(self, id: bytes) -> int:
        """A request is over; its payment."""
        self.reserves -= self.covers.pop(id, 0)
        payment = self.payments.pop(id)
        self.escrow -= payment
        return payment


@dataclass
class State:
    """The pool."""

    nodes: dict[str, NodeState] = field(default_factory=dict)
    tickets: dict[int, int] = field(default_factory=dict)
    fees: int = 0
    fee_bps: int = 0
    owner: str = ""
    manager: str = ""
    guardian: str = ""


def replay(logs: Sequence[Log]) -> State:
    """All logs of a chain in order; those of other contracts are passed over."""
    state = State()
    for event in map(decode, logs):
        if event is not None:
            follow(event, state)
    return state


@singledispatch
def follow(event: Event, state: State) -> None:
    """Events that change nothing kept here."""


@follow.register
def _(event: p.NodeRegistered, state: State) -> None:
    state.nodes[event.node] = NodeState(event.fee_bps, event.capacity, set(event.senders))


@follow.register
def _(event: p.NodeDraining, state: State) -> None:
    state.nodes[event.node].status = Status.DRAINING


@follow.register
def _(event: p.NodeReopened, state: State) -> None:
    state.nodes[event.node].status = Status.ACTIVE


@follow.register
def _(event: p.NodeRetired, state: State) -> None:
    state.nodes[event.node].status = Status.RETIRED


@follow.register
def _(event: p.CapacityChanged, state: State) -> None:
    state.nodes[event.node].capacity = event.capacity


@follow.register
def _(event: p.SenderAdded, state: State) -> None:
    state.nodes[event.node].senders.add(event.sender)


@follow.register
def _(event: p.SenderRemoved, state: State) -> None:
    state.nodes[event.node].senders.remove(event.sender)


@follow.register
def _(event: p.Staked, state: State) -> None:
    node = state.nodes[event.node]
    node.change(event.account, event.shares)
    node.assets = event.assets


@follow.register
def _(event: p.UnstakeRequested, state: State) -> None:
    node = state.nodes[event.node]
    node.change(event.account, -event.shares)
    node.unbonding += event.shares
    state.tickets[event.ticket] = event.shares


@follow.register
def _(event: p.Withdrawn, state: State) -> None:
    node = state.nodes[event.node]
    node.unbonding -= event.shares
    node.assets = event.assets
    del state.tickets[event.ticket]


@follow.register
def _(event: p.Moved, state: State) -> None:
    for at, shares, assets in (
        (event.from_node, -event.from_shares, event.from_assets),
        (event.to_node, event.to_shares, event.to_assets),
    ):
        state.nodes[at].change(event.account, shares)
        state.nodes[at].assets = assets


@follow.register
def _(event: p.IncomeSynced, state: State) -> None:
    node = state.nodes[event.node]
    node.accumulator, node.carry, node.fee = event.accumulator, event.carry, event.next_fee_bps
    node.fee_due += event.fee


@follow.register
def _(event: p.Harvested, state: State) -> None:
    node = state.nodes[event.node]
    node.harvested += event.amount
    node.fee_due -= event.fee
    state.fees += event.fee


@follow.register
def _(event: p.Claimed, state: State) -> None:
    node = state.nodes[event.node]
    node.change(event.account, 0)
    node.owed[event.account] -= event.amount


@follow.register
def _(event: p.Penalized, state: State) -> None:
    state.nodes[event.node].assets = event.assets


@follow.register
def _(event: p.FeesPaid, state: State) -> None:
    state.fees -= event.amount


@follow.register
def _(event: p.FeeChanged, state: State) -> None:
    state.fee_bps = event.fee_bps


@follow.register
def _(event: p.OwnershipTransferred, state: State) -> None:
    state.owner = event.owner


@follow.register
def _(event: p.ManagerChanged, state: State) -> None:
    state.manager = event.manager


@follow.register
def _(event: p.GuardianChanged, state: State) -> None:
    state.guardian = event.guardian


@follow.register
def _(event: o.OracleRequest, state: State) -> None:
    node = state.nodes[event.log.address]
    node.payments[event.request_id] = event.payment
    node.escrow += event.payment


@follow.register
def _(event: o.Covered, state: State) -> None:
    node = state.nodes[event.log.address]
    node.covers[event.request_id] = event.penalty
    node.reserves += event.penalty


@follow.register
def _(event: o.OracleResponse, state: State) -> None:
    node = state.nodes[event.log.address]
    node.earned += node.end(event.request_id)


@follow.register
def _(event: o.CancelOracleRequest, state: State) -> None:
    state.nodes[event.log.address].end(event.request_id)


@follow.register
def _(event: o.Rejected, state: State) -> None:
    node = state.nodes[event.log.address]
    node.rejections += 1
    node.reserves -= node.covers.pop(event.request_id, 0)


@follow.register
def _(event: o.Lapsed, state: State) -> None:
    node = state.nodes[event.log.address]
    node.reserves -= node.covers.pop(event.request_id)
