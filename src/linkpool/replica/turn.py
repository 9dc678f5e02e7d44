"""Waiting for one's turn: sleeps until duty says so, wakes at once when the roster changes."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from linkpool.chain.clock import ChainClock
from linkpool.replica.duty import Pace, ahead, due, last_resort
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
        line, jury, since = self._ahead(request), None, None
        while True:
            if (now := self._jury(request)) != jury:
                jury, since = now, self._clock.now()
            moment = self._due(request, ready_at, len(line), pace)
            if since is not None:
                moment = self._anew(request, since, len(line), None if jury else pace)
            if (wait := moment - self._clock.now()) <= 0:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(min(wait, LOOK_AGAIN)):
                    await self._roster.changed()
            line, before = self._ahead(request, line), line
            for departed in (member for member in before if member not in line):
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

    def _jury(self, request: Request) -> frozenset[str] | None:
        """The replicas that may try it, if it is a suspect."""
        if request.run_id not in self._roster.suspects:
            return None
        return frozenset(member.task for member in self._roster.members)

    def _anew(self, request: Request, since: float, rank: int, pace: Pace | None) -> float:
        """The moment for a suspect (`pace` None), or one acquitted: the line counts from the latest word on.

        However late it is, two do not try a suspect at once, and not the only one while a second may come.
        """
        if self._draining:
            return last_resort(request.event.expiration)
        if pace is None:
            return since + AGREE_SECONDS + max(rank, 1 if self._roster.alone else 0) * TRIAL_STEP
        return since + rank * pace.step

    def _due(self, request: Request, ready_at: float, rank: int, pace: Pace) -> float:
        if self._draining:
            return last_resort(request.event.expiration)
        return due(ready_at, request.event.expiration, rank, pace)
