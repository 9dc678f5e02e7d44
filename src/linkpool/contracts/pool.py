"""StakingPool: calls, and what its views return. Amounts are juels, times Unix seconds, fees basis points."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from eth_abi.abi import encode

from linkpool.contracts.abi import Call, Contract, nothing, same
from linkpool.contracts.invite import Invite


class Status(IntEnum):
    """Where a node is in its life on chain."""

    UNKNOWN = 0
    ACTIVE = 1
    DRAINING = 2
    RETIRED = 3


@dataclass(frozen=True, slots=True)
class Offer:
    """Price and penalty of one job id. `penalty`: whole gwei-LINK, in juels; `base_fee_ceiling` in wei."""

    job: bytes
    payment: int
    penalty: int
    base_fee_ceiling: int
    open: bool


@dataclass(frozen=True, slots=True)
class NodeBooks:
    """A node's books as last written. `accumulator` and `carry` in 2**-80 juels, `spent` in gwei-LINK."""

    active: int
    unbonding: int
    assets: int
    earned: int
    fee: int
    status: Status
    index: int
    accumulator: int
    carry: int
    fee_due: int
    capacity: int
    spent: int
    day: int


@dataclass(frozen=True, slots=True)
class Position:
    """An account's active shares in a node, and the income counted when it last changed."""

    shares: int
    accumulator: int
    owed: int


@dataclass(frozen=True, slots=True)
class Ticket:
    """Stake on its way out; `shares` are zero once paid."""

    owner: str
    node: str
    shares: int
    ready_at: int


def stake_data(node: str, receiver: str) -> bytes:
    """What goes with `LINK.transferAndCall(pool, amount, ...)` to stake in one transaction."""
    return encode(("address", "address"), (node, receiver))


class Pool(Contract):
    """The pool's contract."""

    contract = "StakingPool"

    # nodes

    def register(self, invite: Invite, signature: bytes) -> Call[str]:
        """By anyone; returns the node. Registered already is success."""
        return self._call("register", invite.values, signature, read=same)

    def revoke_invite(self, nonce: int) -> Call[None]:
        """By manager, guardian or owner: the present manager's invite of that nonce is void."""
        return self._call("revoke_invite", nonce, read=nothing)

    def invite_digest(self, invite: Invite) -> Call[bytes]:
        """What the manager signs."""
        return self._call("invite_digest", invite.values, read=same)

    def add_sender(self, node: str, sender: str) -> Call[None]:
        """By the manager."""
        return self._call("add_sender", node, sender, read=nothing)

    def remove_sender(self, node: str, sender: str) -> Call[None]:
        """By manager or guardian."""
        return self._call("remove_sender", node, sender, read=nothing)

    def drain(self, node: str) -> Call[None]:
        """By the manager: no new stake, no new requests."""
        return self._call("drain", node, read=nothing)

    def reopen(self, node: str) -> Call[None]:
        """By the owner: undo a drain or a retirement."""
        return self._call("reopen", node, read=nothing)

    def retire(self, node: str) -> Call[None]:
        """By the manager, once a draining node has no reserves."""
        return self._call("retire", node, read=nothing)

    def set_capacity(self, node: str, amount: int) -> Call[None]:
        """By the owner."""
        return self._call("set_capacity", node, amount, read=nothing)

    def set_limits(self, max_nodes: int, max_capacity: int) -> Call[None]:
        """By the owner: what invites may do."""
        return self._call("set_limits", max_nodes, max_capacity, read=nothing)

    # stake

    def stake(self, node: str, amount: int, receiver: str) -> Call[None]:
        """After LINK.approve."""
        return self._call("stake", node, amount, receiver, read=nothing)

    def request_unstake(self, node: str, amount: int) -> Call[int]:
        """Returns the ticket. An amount at or above the stake's value takes all."""
        return self._call("request_unstake", node, amount, read=same)

    def withdraw(self, ticket: int) -> Call[None]:
        """By anyone, once it is ready; pays the owner."""
        return self._call("withdraw", ticket, read=nothing)

    def move(self, from_node: str, to_node: str, amount: int) -> Call[None]:
        """Out of a retired node, without waiting."""
        return self._call("move", from_node, to_node, amount, read=nothing)

    # income and fee

    def sync(self, node: str) -> Call[None]:
        """By anyone: divide a node's income."""
        return self._call("sync", node, read=nothing)

    def harvest(self, nodes: Sequence[str]) -> Call[None]:
        """By anyone: bring the income of up to 64 nodes to the pool."""
        return self._call("harvest", nodes, read=nothing)

    def claim(self, nodes: Sequence[str]) -> Call[int]:
        """Pay the caller's income of up to 64 nodes; returns juels."""
        return self._call("claim", nodes, read=same)

    def pay_fees(self) -> Call[None]:
        """By anyone: harvested maker fees go to the fee account."""
        return self._call("pay_fees", read=nothing)

    def announce_fee(self, bps: int) -> Call[None]:
        """By the owner: a cut at once, a rise after FEE_DELAY."""
        return self._call("announce_fee", bps, read=nothing)

    def apply_fee(self) -> Call[None]:
        """By anyone, when a rise is due."""
        return self._call("apply_fee", read=nothing)

    # requests

    def set_offer(self, offer: Offer) -> Call[None]:
        """By the manager."""
        values = (offer.job, offer.payment, offer.penalty, offer.base_fee_ceiling, offer.open)
        return self._call("set_offer", values, read=nothing)

    def terms(self, node: str, job: bytes, reserves: int) -> Call[tuple[int, int]]:
        """(minimum payment in juels, cover in gwei-LINK) now, with so much gwei-LINK reserved; may revert."""
        return self._call("terms", node, job, reserves, read=same)

    # roles and pause

    def pause(self) -> Call[None]:
        """By guardian or owner: no staking and no new requests for 14 days."""
        return self._call("pause", read=nothing)

    def unpause(self) -> Call[None]:
        """By the owner."""
        return self._call("unpause", read=nothing)

    def set_manager(self, manager: str) -> Call[None]:
        """By the owner."""
        return self._call("set_manager", manager, read=nothing)

    def revoke_manager(self) -> Call[None]:
        """By guardian or owner."""
        return self._call("revoke_manager", read=nothing)

    def set_guardian(self, guardian: str) -> Call[None]:
        """By the owner."""
        return self._call("set_guardian", guardian, read=nothing)

    def set_fee_account(self, account: str) -> Call[None]:
        """By the owner."""
        return self._call("set_fee_account", account, read=nothing)

    def transfer_ownership(self, pending: str) -> Call[None]:
        """By the owner; `pending` must accept."""
        return self._call("transfer_ownership", pending, read=nothing)

    def accept_ownership(self) -> Call[None]:
        """By the pending owner."""
        return self._call("accept_ownership", read=nothing)

    # views

    def link(self) -> Call[str]:
        """The LINK this pool was made for."""
        return self._call("LINK", read=same)

    def implementation(self) -> Call[str]:
        """What its nodes are proxies of."""
        return self._call("IMPLEMENTATION", read=same)

    def node(self, node: str) -> Call[NodeBooks]:
        """A node's books; status UNKNOWN for an address that is none."""
        return self._call("node", node, read=_books)

    def node_count(self) -> Call[int]:
        """Nodes ever registered."""
        return self._call("node_count", read=same)

    def node_of(self, wallet: str) -> Call[str]:
        """The node of a wallet; the zero address when it is not registered."""
        return self._call("node_of", wallet, read=same)

    def position(self, node: str, account: str) -> Call[Position]:
        """An account's active stake in a node."""
        return self._call("position", node, account, read=lambda values: Position(*values))

    def claimable(self, node: str, account: str) -> Call[int]:
        """What `claim` would pay now."""
        return self._call("claimable", node, account, read=same)

    def ticket(self, ticket: int) -> Call[Ticket]:
        """A ticket not paid yet."""
        return self._call("ticket", ticket, read=lambda values: Ticket(*values))

    def offer(self, job: bytes) -> Call[Offer]:
        """The offer of a job id, closed when there is none."""
        return self._call("offer", job, read=lambda values: Offer(*values))


def _books(values: Any) -> NodeBooks:
    books = NodeBooks(*values)
    return replace(books, status=Status(books.status))
