"""Runs that no request asks for: cron ticks and webhooks.

Each has an id from its job and its tick or body, the same on every replica, so duty orders them like
requests. The first in line runs it. Nothing on chain says that it was done, so when a replica leaves the
roster, whoever is first then runs the recent ones again: at least once, which is why their transactions
must do no harm when sent twice (`idempotent = true` in the job).
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import structlog

from linkpool.errors import Temporary
from linkpool.jobs.spec import JobSpec
from linkpool.jobs.values import Value
from linkpool.jobs.variables import for_tick, for_webhook, tick_id
from linkpool.replica.case import Tools
from linkpool.replica.catalog import CatalogBook
from linkpool.replica.duty import ahead

log = structlog.get_logger(__name__)

KEEP_SECONDS = 60.0
"""So long after it was due a run may still be taken over, or tried again."""

RETRY_SECONDS = 2.0
LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class Due:
    """One run. `until` in chain seconds."""

    run_id: str
    job: JobSpec
    variables: Mapping[str, Value]
    until: float


class Unasked:
    """Starts cron runs at their ticks, and webhook runs when they are forwarded."""

    def __init__(self, catalog: CatalogBook, tools: Tools, chain_id: int) -> None:
        self._catalog, self._tools, self._chain_id = catalog, tools, chain_id
        self._tasks: asyncio.TaskGroup | None = None
        self._known: dict[str, float] = {}
        """Run ids taken, and until when they may be taken again in vain."""

    async def run(self) -> None:
        """Watch the clock until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            seen: float | None = None
            while True:
                if self._tools.clock.known:
                    now = self._tools.clock.now()
                    self._tick(now if seen is None else seen, now)
                    seen = now
                await asyncio.sleep(LOOK_SECONDS)

    def webhook(self, job_id: str, run_id: str, body: str) -> bool:
        """Start a webhook's run; False when no such job is in the catalog, or the run is known."""
        job = next((job for job in self._catalog.all("webhook") if str(job.external_job_id) == job_id), None)
        if job is None:
            return False
        variables = for_webhook(job, body.encode(), chain_id=self._chain_id)
        return self._take(run_id, job, variables, self._tools.clock.now())

    def _tick(self, after: float, now: float) -> None:
        """Start what fell due between the two moments."""
        for job in self._catalog.all("cron"):
            if job.schedule is None:
                continue
            tick = job.schedule.after(after)
            while tick <= now:
                self._take(tick_id(job, tick), job, for_tick(job, chain_id=self._chain_id), tick)
                tick = job.schedule.after(tick)
        self._known = {run_id: until for run_id, until in self._known.items() if until > now}

    def _take(self, run_id: str, job: JobSpec, variables: Mapping[str, Value], at: float) -> bool:
        if self._tasks is None or run_id in self._known:
            return False
        self._known[run_id] = until = at + KEEP_SECONDS
        due = Due(run_id, job, variables, until)
        self._tasks.create_task(self._guarded(due), name=f"run {run_id}")
        return True

    async def _guarded(self, due: Due) -> None:
        try:
            if await self._mine(due):
                await self._work(due)
        except Exception:
            # One run's trouble must not end the others'.
            log.exception("run failed", run=due.run_id, job=due.job.name)

    async def _mine(self, due: Due) -> bool:
        """Wait to be first in line; False when the run's time is over before."""
        roster = self._tools.roster
        identity = due.run_id.encode()
        while self._tools.turn.draining or ahead(identity, roster.present(due.run_id), roster.me):
            left = due.until - self._tools.clock.now()
            if left <= 0:
                return False
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await roster.changed()
        return True

    async def _work(self, due: Due) -> None:
        """Run it until it succeeds, fails for good, or its time is over."""
        async with self._tools.holding(due.run_id):
            while due.until > self._tools.clock.now() and due.run_id not in self._tools.roster.avoid:
                async with self._tools.running(due.run_id):
                    left = due.until - self._tools.clock.now()
                    error = await self._tools.runner.perform(due.job, due.variables, due.run_id, left)
                end = (
                    "done" if error is None else "temporary" if isinstance(error, Temporary) else "permanent"
                )
                self._tools.metrics.runs.labels(end).inc()
                if not isinstance(error, Temporary):
                    log.info("run ended", run=due.run_id, job=due.job.name, error=error and str(error))
                    return
                log.warning("run failed, trying again", run=due.run_id, job=due.job.name, error=str(error))
                await asyncio.sleep(RETRY_SECONDS)
