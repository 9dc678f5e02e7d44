"""Duty: whose turn it is to answer a request, decided by every replica alone.

All replicas of a node put themselves in the same order for a request: those whose sender can pay first, of
these the primary colour, each colour in the order of a hash of request and replica, so that load spreads
evenly and nobody has to agree on anything. The one ranked k acts k steps after the request is ready. A wrong
guess costs gas, never a payment: the contract pays one answer (DESIGN sections 3 and 5).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from linkpool.wire.agent import Member

WINDOW = 300.0
"""Seconds in which a request should be answered (`Operator.sol`, NodeOracle)."""

LAST_RESORT = 0.6
"""Past this share of the window everybody answers, whatever the roster says."""

REJECT_BY = 0.4
"""By this share of the window a covered request that has no answer yet is rejected on chain."""

STOP_SENDING = 15.0
"""Seconds before expiration at which a covered request is no longer answered: it might be mined late."""

MIN_STEP = 3.0
MIN_STEP_BLOCKS = 2


@dataclass(frozen=True)
class Pace:
    """How long the next in line waits. `block` and `job_p95` in seconds."""

    block: float
    job_p95: float = 0.0

    @property
    def step(self) -> float:
        """Seconds between one rank and the next: two blocks, 3 s, or the job's p95 and a block."""
        return max(MIN_STEP_BLOCKS * self.block, MIN_STEP, self.job_p95 + self.block)


def order(identity: bytes, members: Iterable[Member]) -> list[Member]:
    """`members` in the order in which they answer the request known by `identity`."""

    def place(member: Member) -> tuple[bool, bool, bytes]:
        return not member.funded, not member.primary, sha256(identity + member.task.encode()).digest()

    return sorted(members, key=place)


def ahead(identity: bytes, members: Iterable[Member], me: Member) -> list[Member]:
    """Those who answer before `me`; `me` counts itself even where the roster left it out."""
    present = [member for member in members if member.task != me.task]
    line = order(identity, [*present, me])
    return line[: line.index(me)]


def due(ready_at: float, expiration: float, rank: int, pace: Pace) -> float:
    """The moment (chain time, seconds) from which the replica of this rank answers."""
    return min(ready_at + rank * pace.step, last_resort(expiration))


def last_resort(expiration: float) -> float:
    """The moment from which every replica answers."""
    return expiration - WINDOW * (1 - LAST_RESORT)


def overdue_at(expiration: float) -> float:
    """The moment by which a covered request should have its answer, or is rejected."""
    return expiration - WINDOW * (1 - REJECT_BY)


def reject_at(expiration: float, rank: int, pace: Pace, now: float = 0.0) -> float:
    """The moment from which the replica of this rank rejects what has no answer; always in the first half.

    One that comes upon the request only `now`, later than that, tries to answer for one step first.
    """
    by = overdue_at(expiration)
    return min(max(by + rank * pace.step, now + pace.step), reject_latest(expiration, pace))


def reject_latest(expiration: float, pace: Pace) -> float:
    """The last moment to begin to reject: the contract takes it only in the first half of the window."""
    return expiration - WINDOW / 2 - pace.step
