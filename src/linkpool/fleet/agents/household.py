"""One node's replicas as a leader knows them: those on the line, and those it presumes alive."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from linkpool.fleet.agents.roster import SILENT_AFTER, Seat, leaving, members
from linkpool.fleet.agents.sessions import Session
from linkpool.store.tables import Colour, NodeRow
from linkpool.wire.agent import Leaving, Member


@dataclass
class Household:
    """`row` is the node as last read; both dictionaries are by task."""

    row: NodeRow
    sessions: dict[str, Session] = field(default_factory=dict)
    presumed: dict[str, Seat] = field(default_factory=dict)
    silent: frozenset[str] = frozenset()
    """Tasks on the line that did not speak lately, when `fell_silent` was asked last."""

    def roster(self, now: float) -> tuple[Member, ...]:
        """Who is alive at that monotonic second. A presumed one counts until it speaks for itself."""
        seats = {task: session.seat for task, session in self.sessions.items()}
        for task, seat in self.presumed.items():
            if task not in seats or not seats[task].serving:
                seats[task] = replace(seat, serving=True, heard_at=now)
        return members(seats.values(), Colour(self.row.primary), now)

    def leaving(self, now: float) -> tuple[Leaving, ...]:
        """Who drains and has runs in hand at that monotonic second."""
        seats = [session.seat for session in self.sessions.values()]
        return leaving(seats, Colour(self.row.primary), now)

    def fell_silent(self, now: float) -> bool:
        """Whether others are silent at that monotonic second than when this was asked last."""
        before = self.silent
        mute = (task for task, session in self.sessions.items() if now - session.heard_at >= SILENT_AFTER)
        self.silent = frozenset(mute)
        return self.silent != before

    def stop_presuming(self, gone: Callable[[str], bool]) -> bool:
        """Judge from now on those of whom `gone` says so. Returns whether there were any."""
        before = len(self.presumed)
        if before:
            self.presumed = {task: seat for task, seat in self.presumed.items() if not gone(task)}
        return len(self.presumed) < before
