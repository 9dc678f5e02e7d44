"""Who leads: one control plane at a time, under an epoch that only grows.

The leader moves the lease's beat; whoever stands by watches it and takes the lease when it has not moved for
`TAKE_AFTER` by its own monotonic clock. So wall clocks may jump, and differ. A leader counts from before its
last successful renewal was asked for, and falls silent after `STOP_AFTER`, before anybody can follow: its
words wait. A renewal that succeeds after all shows that nobody did, and they are said. How long a term may be
silent before it ends depends: who cannot reach a database on its own host is busy, and goes on when it has
time; who cannot reach one elsewhere may be cut off, and ends at once.

That a sleeper writes nothing when it wakes up is not left to time: every write checks the epoch
(`Database.lead`).
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from linkpool.errors import Temporary
from linkpool.fleet.clock import Clock
from linkpool.store import lease as rows
from linkpool.store.database import Database, LeaseLost

log = structlog.get_logger(__name__)

STEP = 0.5
"""Seconds between two looks at the lease."""
ASK_WITHIN = 1.0
STOP_AFTER = 2.0
"""No more than the silence after which a replica leaves the roster: who stood still judges nobody by it."""
TAKE_AFTER = 3.0
END_AFTER = 10.0
"""Seconds without a renewal after which a term ends on one host; elsewhere it is `STOP_AFTER`."""


class Term:
    """One time of leading: an epoch, and whether it still runs."""

    def __init__(self, epoch: int, clock: Clock, asked_at: float) -> None:
        self.epoch = epoch
        self._clock = clock
        self._renewed = asked_at
        self._over = False
        self._again = asyncio.Event()

    def renewed(self, asked_at: float) -> None:
        """The lease was ours at `asked_at` (monotonic seconds)."""
        self._renewed = asked_at
        self._again.set()

    def end(self) -> None:
        """It is over, for good."""
        self._over = True

    @property
    def runs(self) -> bool:
        """Ask before every word to a replica or the chain: the process may have slept since it renewed."""
        return not self._over and self.unrenewed < STOP_AFTER

    @property
    def unrenewed(self) -> float:
        """Seconds since the lease was ours for sure."""
        return self._clock.monotonic() - self._renewed

    async def speaks(self) -> None:
        """Return as soon as it runs: words wait for that, none is lost."""
        while not self.runs:
            self._again.clear()
            await self._again.wait()


class Candidate:
    """One control plane's wish to lead. `holder` names it, uniquely, in the lease."""

    def __init__(self, database: Database, holder: str, clock: Clock) -> None:
        self._database = database
        self._holder = holder
        self._clock = clock
        self._end_after = END_AFTER if database.one_host else STOP_AFTER
        self._watched: rows.Lease | None = None
        self._watched_since = 0.0
        self.term: Term | None = None
        """The running term; None while standing by."""

    async def step(self) -> None:
        """Renew, or watch and perhaps take. Raises nothing: a silent database ends a term by time alone."""
        if self.term is not None and self.term.unrenewed >= self._end_after:
            self._lose("it could not be renewed in time")
        asked_at = self._clock.monotonic()
        try:
            async with asyncio.timeout(ASK_WITHIN):
                if self.term is None:
                    await self._watch()
                else:
                    await self._renew(self.term, asked_at)
        except (Temporary, TimeoutError) as error:
            log.warning("lease not reached", error=str(error) or "no answer in time")

    async def release(self) -> None:
        """Stop leading and let another follow at once; best effort, for a clean stop."""
        if self.term is None:
            return
        epoch = self.term.epoch
        self._end(self.term)
        log.info("lease handed over: this control plane stops", epoch=epoch)
        try:
            async with asyncio.timeout(ASK_WITHIN), self._database.write(ahead=True) as session:
                await rows.release(session, self._holder, epoch)
        except (Temporary, TimeoutError) as error:
            log.warning("lease not handed over; the next leader waits for it", error=str(error))

    async def _renew(self, term: Term, asked_at: float) -> None:
        async with self._database.write(ahead=True) as session:
            mine = await rows.renew(session, self._holder, term.epoch)
        if mine:
            term.renewed(asked_at)
        else:
            self._lose("another control plane took it")

    async def _watch(self) -> None:
        async with self._database.read() as session:
            lease = await rows.seen(session)
        now = self._clock.monotonic()
        if lease != self._watched:
            self._watched, self._watched_since = lease, now
        if lease.holder not in (None, self._holder) and now - self._watched_since < TAKE_AFTER:
            return  # nobody acts under our own name any more
        async with self._database.write(ahead=True) as session:
            epoch = await rows.take(session, self._holder, lease)
        if epoch is not None:
            self.term = Term(epoch, self._clock, now)
            log.info("lease taken: this control plane leads", epoch=epoch)

    def _lose(self, why: str) -> None:
        if self.term is not None:
            log.warning("lease lost: this control plane stands by", epoch=self.term.epoch, why=why)
            self._end(self.term)

    def _end(self, term: Term) -> None:
        term.end()
        self.term = None
        self._watched = None


async def lead(candidate: Candidate, serve: Callable[[Term], Awaitable[None]]) -> None:
    """Run `serve` during every term, and cancel it the moment the term ends; until cancelled itself.

    If `serve` fails it is logged and begun again while the term runs. A clean stop hands the lease over.
    """
    serving: asyncio.Future[None] | None = None
    served: Term | None = None
    try:
        while True:
            await candidate.step()
            if candidate.term is not served and serving is not None:
                await _stop(serving)
                serving = None
            served = candidate.term
            if serving is not None and serving.done():
                log.error("leading failed, it begins again", error=repr(serving.exception()))
                serving = None
            elif serving is None and served is not None:
                serving = asyncio.ensure_future(serve(served))
            await asyncio.sleep(STEP)
    finally:
        if serving is not None:
            await _stop(serving)
        await candidate.release()


async def _stop(serving: asyncio.Future[None]) -> None:
    serving.cancel()
    (result,) = await asyncio.gather(serving, return_exceptions=True)
    if isinstance(result, Exception) and not isinstance(result, LeaseLost):
        log.error("leading ended with an error", error=repr(result))
