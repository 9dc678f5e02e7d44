"""Waiting for one's turn: sleeps until duty says so, wakes at once when the roster changes."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from linkpool.chain.clock import ChainClock
from linkpool.replica.duty import Pace, ahead, due, last_resort, order
from linkpool.replica.requests import Request
from linkpool.replica.roster import RosterBook
from linkpool.wire.agent import Member

Landing = Callable[[Member], Awaitable[None]]
"""Returns when what a departed sibling sent had its chance to land (at most one block)."""

TRIAL_STEP = 30.0
"""Seconds that each next in line waits with a suspect, and that a lone replica waits for a sibling."""

AGREE_SECONDS = 1.0
"""Seconds in which all of a node have heard who is in line, so that no two try a suspect as the first."""

LOOK_AGAIN = 3.0
"""Seconds after which a wait for a moment of the chain looks at the clock again.

Heads may have set it right meanwhile: a machine that was suspended for minutes still lives in the past.
"""


class Turn:
    """Tells when a request is this replica's to answer."""

    def __init__(self, roster: RosterBook, clock: ChainClock, landing: Landing) -> None:
        self._roster, self._clock, self._landing = roster, clock, landing
        self._draining = False

    @property
    def draining(self) -> bool:
        """While draining, new requests are the siblings'; only the last resort is left."""
        return self._draining

    @draining.setter
    def draining(self, draining: bool) -> None:
        self._draining = draining
        self._roster.stir()

    def rank(self, request: Request) -> int:
        """How many live siblings answer before this replica does."""
        return len(self._ahead(request))

    async def mine(self, request: Request, ready_at: float, pace: Pace) -> None:
        """Return when this replica should answer; `ready_at` in chain seconds."""
        line = self._ahead(request)
        jury: list[str] | None = None
        since: float | None = None
        while True:
            before, jury = jury, self._jury() if request.run_id in self._roster.suspects else None
            if jury != before:
                since = self._clock.now()
            if jury is not None and since is not None:
                moment = self._trial(request, since, jury)
            elif since is not None:
                moment = self._acquitted(request, since, len(line), pace)
            else:
                moment = self._due(request, ready_at, len(line), pace)
            if (wait := moment - self._clock.now()) <= 0:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(min(wait, LOOK_AGAIN)):
                    await self._roster.changed()
            line, former = self._ahead(request, line), line
            for departed in (member for member in former if member not in line):
                await self._landing(departed)

    def _ahead(self, request: Request, before: Sequence[Member] = ()) -> list[Member]:
        """Who answers before this replica does; of those who did `before`, all who are still there.

        Another colour may have become primary: what the former one has in hand is not done at once again.
        """
        present = self._roster.present(request.run_id)
        there = {member.task for member in present}
        kept = [member for member in before if member.task in there]
        now = ahead(request.identity, present, self._roster.me)
        tasks = {member.task for member in kept}
        return kept + [member for member in now if member.task not in tasks]

    def _jury(self) -> list[str]:
        """Those who may try suspects, in one order for all of these: one replica tries, the other lives."""
        me = self._roster.me
        others = [member for member in self._roster.members if member.task != me.task]
        return [member.task for member in order(b"", [*others, me])]

    def _trial(self, request: Request, since: float, jury: Sequence[str]) -> float:
        """The moment for a suspect. The line counts from the latest change of it, however late it is.

        No two try it at once, and the only one does not while a second may come.
        """
        if self._draining:
            return last_resort(request.event.expiration)
        rank = jury.index(self._roster.me.task)
        return since + AGREE_SECONDS + max(rank, 1 if self._roster.alone else 0) * TRIAL_STEP

    def _acquitted(self, request: Request, since: float, rank: int, pace: Pace) -> float:
        """The moment for what was a suspect until then: whoever tried it sends the answer."""
        if self._draining:
            return last_resort(request.event.expiration)
        return since + max(rank, self._jury().index(self._roster.me.task)) * pace.step

    def _due(self, request: Request, ready_at: float, rank: int, pace: Pace) -> float:
        if self._draining:
            return last_resort(request.event.expiration)
        return due(ready_at, request.event.expiration, rank, pace)
