"""Who is alive in a node now, and when that must be said.

Leaving is cheap: a closed socket at once, two seconds of silence otherwise. An empty roster is never sent,
because a replica that hears nothing goes on with what it knows.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from linkpool.store.tables import Colour
from linkpool.wire.agent import Leaving, Member

SILENT_AFTER = 2.0
"""Seconds without a heartbeat after which a replica leaves the roster."""


@dataclass(frozen=True)
class Seat:
    """One replica that holds a slot, as far as it can be seen. heard_at: monotonic seconds."""

    task: str
    sender: str
    colour: Colour
    serving: bool
    heard_at: float
    holds: tuple[str, ...] = ()
    """Runs that it still has in hand, of one that drains."""
    funded: bool = True


def members(seats: Iterable[Seat], primary: Colour, now: float) -> tuple[Member, ...]:
    """The live ones, in a fixed order."""
    alive = (seat for seat in seats if seat.serving and now - seat.heard_at < SILENT_AFTER)
    return tuple(
        Member(task=seat.task, sender=seat.sender, primary=seat.colour == primary, funded=seat.funded)
        for seat in sorted(alive, key=lambda seat: seat.task)
    )


def leaving(seats: Iterable[Seat], primary: Colour, now: float) -> tuple[Leaving, ...]:
    """Those who drain and are not done yet, in a fixed order."""
    busy = (seat for seat in seats if seat.holds and now - seat.heard_at < SILENT_AFTER)
    return tuple(
        Leaving(task=seat.task, sender=seat.sender, primary=seat.colour == primary, runs=seat.holds)
        for seat in sorted(busy, key=lambda seat: seat.task)
    )


@dataclass(frozen=True)
class Said:
    """A roster without its stamp: members, runs to begin nowhere, who is not gone yet, runs to try."""

    members: tuple[Member, ...] = ()
    avoid: tuple[str, ...] = ()
    leaving: tuple[Leaving, ...] = ()
    suspects: tuple[str, ...] = ()


class Rosters:
    """The roster last said to each node, and the versions that order what is said in one epoch."""

    def __init__(self) -> None:
        self._said: dict[int, Said] = {}
        self.version = 0
        """Of the latest roster of any node."""

    def change(self, node: int, now: Said) -> tuple[set[str], set[str]] | None:
        """Tasks that joined and left, if this must be said; None when nothing is new or nobody is left."""
        before = self.said(node)
        if not now.members or now == before:
            return None
        self._said[node] = now
        self.version += 1
        was, are = {member.task for member in before.members}, {member.task for member in now.members}
        return are - was, was - are

    def said(self, node: int) -> Said:
        """What was told last; nobody before the first replica serves."""
        return self._said.get(node, Said())
