"""Suspects run alone: while one that may have killed two replicas is tried, nothing else runs in this one.

Should the process die then, the control plane knows of what. Trials and other runs take turns: what came up
during a trial goes before the next. The longer the line of suspects lasts the more of them are tried
together, so that the hundreds that a power cut may leave are not missed.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from linkpool.replica.roster import RosterBook

DOUBLE_SECONDS = 5.0
"""Seconds after which twice as many suspects are tried together."""
MOST = 256
"""Suspects that are ever tried together."""
PATIENCE = 10.0
"""Seconds after which who waits goes beside what does not end."""


@dataclass(frozen=True, eq=False)
class _Run:
    id: str
    turn: "asyncio.Future[bool]"


class Trials:
    """Lets runs in. The roster says which of them are suspects, and in which order those are tried."""

    def __init__(self, roster: RosterBook) -> None:
        self._roster = roster
        self._waiting: list[_Run] = []
        self._tried: set[_Run] = set()
        self._others: set[_Run] = set()
        self._their_turn = False
        """A trial ended: whoever waited for that goes before the next."""
        self._since: float | None = None
        """Loop time from which on suspects have been tried without a pause."""
        self._late: asyncio.TimerHandle | None = None
        roster.watchers.append(self._next)

    @property
    def trying(self) -> tuple[str, ...]:
        """Suspects that run now."""
        return tuple(sorted(run.id for run in self._tried))

    @property
    def alone(self) -> bool:
        """Suspects run, and nothing else."""
        return bool(self._tried) and not self._others

    @asynccontextmanager
    async def room(self, run_id: str) -> AsyncIterator[bool]:
        """Inside, the run may go; whether it is tried."""
        run = _Run(run_id, asyncio.get_running_loop().create_future())
        self._waiting.append(run)
        self._next()
        try:
            yield await run.turn
        finally:
            self._leave(run)

    def _leave(self, run: _Run) -> None:
        if run in self._waiting:
            self._waiting.remove(run)
        elif run in self._tried:
            self._tried.remove(run)
            self._their_turn = not self._tried
        else:
            self._others.remove(run)
        self._next()

    def _next(self, *, late: bool = False) -> None:
        """Let in who may go now; `late`: whoever waits, it took too long."""
        before = len(self._waiting)
        suspects = self._suspects()
        if late or (not self._tried and (self._their_turn or not suspects)):
            self._admit([run for run in self._waiting if run.id not in self._roster.suspects], self._others)
            self._their_turn = False
        if late or not (self._tried or self._others):
            self._try(suspects)
        if self._waiting and (late or self._late is None or len(self._waiting) < before):
            self._watch()
        elif not self._waiting and self._late:
            self._late.cancel()
            self._late = None

    def _suspects(self) -> list[_Run]:
        places = self._roster.suspects
        return sorted((run for run in self._waiting if run.id in places), key=lambda run: places[run.id])

    def _try(self, suspects: list[_Run]) -> None:
        if not suspects:
            self._since = None
            return
        now = asyncio.get_running_loop().time()
        if self._since is None:
            self._since = now
        together = 2 ** int((now - self._since) / DOUBLE_SECONDS)
        self._admit(suspects[: min(together, MOST)], self._tried)

    def _admit(self, runs: list[_Run], inside: set[_Run]) -> None:
        for run in runs:
            self._waiting.remove(run)
            if not run.turn.done():  # else it is being cancelled, and leaves by itself
                run.turn.set_result(inside is self._tried)
            inside.add(run)

    def _watch(self) -> None:
        if self._late:
            self._late.cancel()
        self._late = asyncio.get_running_loop().call_later(PATIENCE, self._hurry)

    def _hurry(self) -> None:
        self._late = None
        self._next(late=True)
