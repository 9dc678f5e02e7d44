"""PoolView: what a page shows, in one call. Amounts are juels, times Unix seconds, fees basis points."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from linkpool.contracts.abi import Call, Contract
from linkpool.contracts.pool import Offer, Status


@dataclass(frozen=True, slots=True)
class Summary:
    """A pool's roles, limits, fee and counts. Zero addresses: nobody."""

    link: str
    implementation: str
    owner: str
    pending_owner: str
    manager: str
    guardian: str
    fee_account: str
    paused_until: int
    guardian_may_pause_at: int
    fee_bps: int
    announced_fee_bps: int
    fee_effective_at: int
    fees: int
    unbonding: int
    fee_delay: int
    max_nodes: int
    max_capacity: int
    node_count: int
    live_nodes: int


@dataclass(frozen=True, slots=True)
class NodeRow:
    """One node: its stake at its value now, income, what its oracle holds; `room` for new covers."""

    node: str
    wallet: str
    status: Status
    capacity: int
    active: int
    unbonding: int
    active_shares: int
    fee_bps: int
    earned: int
    undivided: int
    harvested: int
    escrow: int
    reserves: int
    room: int
    rejections: int
    accepting: bool


@dataclass(frozen=True, slots=True)
class Holding:
    """An account's stake and income in one node."""

    node: str
    shares: int
    value: int
    claimable: int


@dataclass(frozen=True, slots=True)
class TicketRow:
    """An unpaid ticket and what it is worth now."""

    ticket: int
    node: str
    shares: int
    value: int
    ready_at: int


@dataclass(frozen=True, slots=True)
class Account:
    """All an account has; `tickets` newest first, those of its last 64 that are not paid."""

    holdings: tuple[Holding, ...]
    tickets: tuple[TicketRow, ...]
    ticket_count: int


class View(Contract):
    """PoolView; one serves every pool of a chain."""

    contract = "PoolView"

    def summary(self, pool: str) -> Call[Summary]:
        """Roles, limits, fee and counts."""
        return self._call("summary", pool, read=lambda values: Summary(*values))

    def nodes(self, pool: str, first: int = 0, limit: int = 100) -> Call[tuple[NodeRow, ...]]:
        """Up to 100 nodes in the order of registration."""
        return self._call("nodes", pool, first, limit, read=lambda rows: tuple(map(_node, rows)))

    def account(self, pool: str, owner: str, first: int = 0, limit: int = 256) -> Call[Account]:
        """All an account has in up to 256 nodes, and its tickets."""
        return self._call("account", pool, owner, first, limit, read=_account)

    def offers(self, pool: str, jobs: Sequence[bytes]) -> Call[tuple[Offer, ...]]:
        """The offers of up to 100 job ids."""
        return self._call("offers", pool, jobs, read=lambda rows: tuple(Offer(*row) for row in rows))


def _node(row: Any) -> NodeRow:
    node = NodeRow(*row)
    return replace(node, status=Status(node.status))


def _account(values: Any) -> Account:
    holdings, tickets, count = values
    return Account(tuple(Holding(*row) for row in holdings), tuple(TicketRow(*row) for row in tickets), count)
