"""What the treasury holds itself to, all in wei: marks, daily limits, and what follows from the fee cap."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from linkpool.units import Wei, show

DAY = 86_400
"""Seconds that limits look back, by the chain's time."""
ANSWER_GAS = 500_000
"""Gas limit of one answer (`contracts.oracle.SINGLE_GAS`): a node takes a transaction only from a sender that
could pay all of it."""
ANSWERS = 3
"""A sender at its low mark can still send so many answers at the cap."""
HIGH = 3
"""The high mark in low marks, where it is not set."""
SENDER_DAY, NODE_DAY, POOL_DAY = 10, 20, 100
"""Daily limits in high marks, where they are not set. A new node takes 2: 50 may be made a day."""


@dataclass(frozen=True)
class Marks:
    """Wei between which a sender's balance is kept; the low one pays three answers at the fee cap."""

    low: Wei
    high: Wei

    @classmethod
    def of(cls, fee_cap: Wei, low: int | None = None, high: int | None = None) -> "Marks":
        """From what replicas pay per gas at most (wei), unless they are given."""
        low = ANSWERS * ANSWER_GAS * fee_cap if low is None else low
        return cls(Wei(low), Wei(HIGH * low if high is None else high))


@dataclass(frozen=True)
class Limits:
    """Wei that may be sent for gas in 24 h: to one sender, to one node's, to all of the pool's."""

    sender: Wei
    node: Wei
    pool: Wei

    @classmethod
    def of(
        cls, marks: Marks, sender: int | None = None, node: int | None = None, pool: int | None = None
    ) -> "Limits":
        """From the high mark, where they are not given."""
        return cls(
            Wei(SENDER_DAY * marks.high if sender is None else sender),
            Wei(NODE_DAY * marks.high if node is None else node),
            Wei(POOL_DAY * marks.high if pool is None else pool),
        )


@dataclass(frozen=True)
class Terms:
    """All of them. tickets: wei of gas a day at most for pushing other people's tickets through."""

    marks: Marks
    limits: Limits
    tickets: Wei

    def floor(self, held: int) -> Wei:
        """Wei below which offers close: every twentieth held sender, two at least, can be filled once."""
        return Wei(self.marks.high * max(2, -(-held // 20)))


@dataclass(frozen=True)
class Room:
    """What may still be sent to one address today, and which limit says so."""

    wei: int
    limit: str


class Day:
    """What was sent for gas in the last 24 h, by address; counts what is being sent too."""

    def __init__(self, limits: Limits, sent: Mapping[str, int]) -> None:
        self._limits = limits
        self._sent = dict(sent)
        self.pool = sum(sent.values())
        """Wei to everybody."""
        self._of_sender = f"the sender's {show(limits.sender)}"
        self._of_pool = f"the pool's {show(limits.pool)}"
        self._of_node = f"the node's {show(limits.node)}"

    @property
    def pool_room(self) -> int:
        """Wei that may still be sent to anybody."""
        return max(self._limits.pool - self.pool, 0)

    def of(self, address: str) -> int:
        """Wei to one address."""
        return self._sent.get(address, 0)

    def room(self, address: str, siblings: Collection[str]) -> Room:
        """siblings: all senders of its node, itself too; none of the manager's."""
        node = sum(self.of(each) for each in siblings)
        rooms = [
            Room(self._limits.sender - self.of(address), self._of_sender),
            Room(self._limits.pool - self.pool, self._of_pool),
        ]
        if siblings:
            rooms.append(Room(self._limits.node - node, self._of_node))
        least = min(rooms, key=lambda room: room.wei)
        return Room(max(least.wei, 0), least.limit)

    def count(self, address: str, amount: int) -> None:
        """It is being sent."""
        self._sent[address] = self.of(address) + amount
        self.pool += amount
