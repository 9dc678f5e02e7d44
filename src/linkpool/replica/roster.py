"""What a replica knows of its siblings: the last roster, and a way to wait for the next.

Without a control plane the roster comes from the configuration file, or is the replica alone. When
the control plane falls silent, the last roster stays in force (DESIGN section 3, rule 3).
"""

import asyncio
from collections.abc import Callable

from linkpool.wire.agent import Leaving, Member, Roster, Stamp


class RosterBook:
    """The newest roster of one node, as one of its replicas holds it."""

    def __init__(self, me: Member) -> None:
        self.me = me
        self.members: tuple[Member, ...] = (me,)
        self._leaving: tuple[Leaving, ...] = ()
        self.avoid: frozenset[str] = frozenset()
        self.suspects: dict[str, int] = {}
        """Runs that may kill, each with its place in the order in which they are tried."""
        self.watchers: list[Callable[[], None]] = []
        """Called after each roster that was adopted."""
        self.link_price: int | None = None
        self._stamp = Stamp(0, 0)
        self._changed = asyncio.Event()

    def take(self, roster: Roster) -> bool:
        """Adopt a roster unless it is older than the one in force. Returns whether it was adopted."""
        if roster.stamp < self._stamp:
            return False
        self._stamp = roster.stamp
        for member in roster.members:
            if member.task == self.me.task:
                self.me = member
        self.members, self._leaving = roster.members, roster.leaving
        self.avoid = frozenset(roster.avoid)
        self.suspects = {run: place for place, run in enumerate(roster.suspects)}
        self.link_price = int(roster.link_price) if roster.link_price else None
        self.stir()
        for watcher in self.watchers:
            watcher()
        return True

    @property
    def alone(self) -> bool:
        """No sibling serves."""
        return all(member.task == self.me.task for member in self.members)

    def present(self, run_id: str) -> tuple[Member, ...]:
        """Who may answer the request of that run: all members, and who left with it in hand."""
        return (*self.members, *(member for member in self._leaving if run_id in member.runs))

    def stir(self) -> None:
        """Wake who waits for a change: something else that duty depends on has changed."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed(self) -> None:
        """Return when the next roster has been adopted, or duty has changed otherwise."""
        await self._changed.wait()
