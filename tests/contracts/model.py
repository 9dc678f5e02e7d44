"""The pool in plain rationals: no shares, no accumulator, no rounding. An independent second opinion.

Every account's stake is a number that penalties scale down and stakes raise; income is given to those
active at the moment it is earned. A refusal is known by the contract's reason. Where rounding decides
(`Close`), either outcome is right.
"""

from dataclasses import dataclass, field
from fractions import Fraction

from linkpool.units import link

WINDOW, CLAIM, DAY = 300, 86_400, 86_400
GIGA = 10**9
MIN_STAKE = link(1)
DUST = 1_000
"""Juels by which rounding may move a comparison."""


class Refused(Exception):
    """The contract must revert with this reason."""


class Close(Exception):
    """The contract may revert with one of these reasons or not: rounding decides."""


@dataclass
class Ticket:
    """Stake on its way out."""

    owner: str
    node: str
    value: Fraction
    at_request: Fraction
    ready_at: int


@dataclass
class Request:
    """One open request; `cover` in juels."""

    node: str
    requester: str
    payment: int
    expiration: int
    cover: int
    rejected: bool = False


@dataclass
class Node:
    """One node's people and what is owed to them, in juels."""

    fee: int
    capacity: int
    status: str = "active"
    active: dict[str, Fraction] = field(default_factory=dict)
    income: dict[str, Fraction] = field(default_factory=dict)
    fees: Fraction = Fraction(0)
    """Ever taken from income, unattended income included."""
    earned: int = 0
    reserves: int = 0
    spent: dict[int, int] = field(default_factory=dict)
    """day -> juels of penalties"""


def need(condition: bool, reason: str) -> None:
    if not condition:
        raise Refused(reason)


def need_margin(margin: Fraction | int, reason: str) -> None:
    if margin < -DUST:
        raise Refused(reason)
    if margin <= DUST:
        raise Close(reason)


class Model:
    """Everything that `rules` do to a pool. `now` is set by the caller; a refused act leaves no trace."""

    def __init__(self, fee: int, unbonding: int, now: int) -> None:
        self.now = now
        self.fee = fee
        self.unbonding = unbonding
        self.rise: tuple[int, int] | None = None
        self.paused_until = 0
        self.nodes: dict[str, Node] = {}
        self.tickets: dict[int, Ticket] = {}
        self.requests: dict[bytes, Request] = {}
        self.fees_paid = 0

    # stake

    def total(self, node: str) -> Fraction:
        """All stake behind a node, tickets included."""
        waiting = sum(t.value for t in self.tickets.values() if t.node == node)
        return sum(self.nodes[node].active.values(), Fraction(0)) + waiting

    def active(self, node: str) -> Fraction:
        """The stake that earns."""
        return sum(self.nodes[node].active.values(), Fraction(0))

    def may_stake(self, node: str, amount: Fraction | int, sure: bool = True) -> None:
        n = self.nodes[node]
        need(self.now >= self.paused_until, "Staking is paused")
        if sure:
            need(amount >= MIN_STAKE, "Stake at least 1 LINK")
        else:
            need_margin(amount - MIN_STAKE, "Stake at least 1 LINK")
        need(n.status == "active", "Node takes no stake")
        room = n.capacity - self.active(node) - amount
        if room != 0 or self.active(node) != 0:  # an empty node takes its exact capacity
            need_margin(room, "Above the node's capacity")

    def stake(self, node: str, who: str, amount: Fraction | int) -> None:
        self.sync(node)
        stakes = self.nodes[node].active
        stakes[who] = stakes.get(who, Fraction(0)) + amount

    def part(self, node: str, who: str, amount: int) -> Fraction:
        """What leaves when `who` asks for that many juels."""
        held = self.nodes[node].active.get(who, Fraction(0))
        need(held > 0, "Nothing to take out")
        need(amount > 0, "Nothing to take out")
        if abs(held - amount) <= DUST:
            raise Close("Leave at least 1 LINK or nothing")
        if amount >= held:
            return held
        need_margin(held - amount - MIN_STAKE, "Leave at least 1 LINK or nothing")
        return Fraction(amount)

    def unstake(self, node: str, who: str, value: Fraction, ticket: int) -> None:
        self.sync(node)
        self._take(node, who, value)
        self.tickets[ticket] = Ticket(who, node, value, value, self.now + self.unbonding)

    def may_withdraw(self, ticket: int) -> None:
        need(ticket in self.tickets, "No such ticket")
        need(self.now >= self.tickets[ticket].ready_at, "Ticket is not ready")

    def may_move(self, from_node: str) -> None:
        need(self.nodes[from_node].status == "retired", "Node is not retired")

    def move(self, from_node: str, to_node: str, who: str, value: Fraction) -> None:
        self.sync(from_node)
        self._take(from_node, who, value)
        self.stake(to_node, who, value)

    def _take(self, node: str, who: str, value: Fraction) -> None:
        stakes = self.nodes[node].active
        stakes[who] -= value
        if stakes[who] == 0:
            del stakes[who]

    # income and fee

    def sync(self, node: str) -> None:
        self.nodes[node].fee = self.fee

    def earn(self, node: str, amount: int) -> None:
        n = self.nodes[node]
        n.earned += amount
        total = self.active(node)
        fee = Fraction(amount * n.fee, 10_000) if total else Fraction(amount)
        n.fees += fee
        for who, stake in n.active.items():
            n.income[who] = n.income.get(who, Fraction(0)) + (amount - fee) * stake / total

    def announce(self, fee: int) -> None:
        need(fee <= 2_000, "Fee is above the cap")
        if fee <= self.fee:
            self.fee, self.rise = fee, None
        else:
            self.rise = (fee, self.now + self.unbonding + DAY)

    def apply(self) -> None:
        need(self.rise is not None and self.now >= self.rise[1], "No fee is due to change")
        assert self.rise
        self.fee, self.rise = self.rise[0], None

    # requests

    def cover(self, node: str, penalty: int) -> Fraction:
        """What a covered request may reserve, not rounded."""
        n = self.nodes[node]
        room = self.active(node) / 100 - n.reserves - n.spent.get(self.now // DAY, 0)
        return max(Fraction(0), min(Fraction(penalty), room))

    def may_request(self, node: str) -> None:
        need(self.nodes[node].status == "active", "Node takes no requests")
        need(self.now >= self.paused_until, "Requests are paused")

    def request(self, id: bytes, request: Request) -> None:
        self.requests[id] = request
        self.nodes[request.node].reserves += request.cover

    def answer(self, id: bytes) -> int:
        """The penalty that a late answer costs."""
        request = self.requests[id]
        self.earn(request.node, request.payment)
        return self._end(id)

    def may_cancel(self, id: bytes) -> None:
        request = self.requests[id]
        need(request.rejected or self.now >= request.expiration, "Request is not expired")

    def cancel(self, id: bytes) -> int:
        """The penalty paid with the refund."""
        return self._end(id)

    def reject(self, id: bytes) -> None:
        request = self.requests[id]
        need(not request.rejected, "Already rejected")
        need(self.now + WINDOW // 2 < request.expiration, "Too late to reject")
        self._free(request)
        request.rejected = True

    def lapse(self, id: bytes) -> None:
        request = self.requests[id]
        need(request.cover > 0, "Nothing to lapse")
        need(self.now >= request.expiration + CLAIM, "Cover can still be claimed")
        self._free(request)

    def _free(self, request: Request) -> int:
        cover, request.cover = request.cover, 0
        self.nodes[request.node].reserves -= cover
        return cover

    def _end(self, id: bytes) -> int:
        request = self.requests.pop(id)
        cover = self._free(request)
        if not request.expiration <= self.now < request.expiration + CLAIM:
            return 0
        if cover:
            self._penalize(request.node, cover)
        return cover

    def _penalize(self, node: str, amount: int) -> None:
        n = self.nodes[node]
        n.spent[self.now // DAY] = n.spent.get(self.now // DAY, 0) + amount
        left = 1 - Fraction(amount) / self.total(node)
        n.active = {who: stake * left for who, stake in n.active.items()}
        for ticket in self.tickets.values():
            if ticket.node == node:
                ticket.value *= left
