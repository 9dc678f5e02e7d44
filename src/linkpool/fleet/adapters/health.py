"""Whether an adapter's tasks are well: asked over HTTP, as Chainlink's adapters expect it.

`GET /health` twice a second: any answer below 500 is good, for a program that has no such path listens too. A
task that answers no more is withdrawn at once, and counts as silent from its last good answer on.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from linkpool.engines.protocol import Task
from linkpool.errors import LinkPoolError
from linkpool.fleet.agents.hub import GRACE
from linkpool.fleet.clock import Clock
from linkpool.jobs.services import Http, HttpReply, HttpRequest, Private
from linkpool.jobs.tasks.bridge import refused

PROBE_SECONDS = 2.0
"""A probe that takes longer has failed."""
SAMPLE_SECONDS = 15.0
MAX_BYTES = 32_768


@dataclass
class _Pulse:
    """One task. good_at: monotonic second of its last good answer; streak: good answers in a row."""

    detail: str
    good_at: float | None = None
    streak: int = 0
    proved: bool = False


class AdapterHealth:
    """What was heard of every task in this term. `Hearing` of their recovery."""

    def __init__(self, http: Http, clock: Clock) -> None:
        self._http = http
        self._clock = clock
        self._began = clock.monotonic()
        self._pulses: dict[str, _Pulse] = {}

    async def look(self, tasks: Iterable[Task]) -> None:
        """Ask all of them at once; forgets those that are gone."""
        asked = [task for task in tasks if task.address]
        self._pulses = {task.id: self._pulses.get(task.id) or _Pulse("not asked yet") for task in asked}
        for task, trouble in zip(asked, await asyncio.gather(*map(self._probe, asked)), strict=True):
            pulse = self._pulses[task.id]
            if trouble is None:
                pulse.detail, pulse.good_at, pulse.streak = "", self._clock.monotonic(), pulse.streak + 1
            else:
                pulse.detail, pulse.streak = trouble, 0

    def knows(self, task: str) -> bool:
        """Whether it was asked at all."""
        return task in self._pulses

    def healthy(self, task: str) -> bool:
        """It answered last time."""
        return self.streak(task) > 0

    def streak(self, task: str) -> int:
        """Good answers in a row, up to now."""
        return self._pulses[task].streak if task in self._pulses else 0

    def detail(self, task: str) -> str:
        """What is wrong with it; nothing when it is well."""
        return self._pulses[task].detail if task in self._pulses else "not asked yet"

    async def prove(self, task: Task, sample: str, token: str) -> str | None:
        """None once it has answered the sample well; else why not. Asked until it has, then never again."""
        pulse = self._pulses.get(task.id)
        if pulse is None:
            return "not asked yet"
        if not pulse.proved:
            reply = await self._send(
                task, "POST", "/", SAMPLE_SECONDS, sample.encode(), ("Authorization", f"Bearer {token}")
            )
            if isinstance(reply, str):
                return reply
            if error := refused(reply):
                return str(error)
            pulse.proved = True
        return None

    # --- as recovery hears them -----------------------------------------------------------------------

    @property
    def judging(self) -> bool:
        """Whether this leader has been one for long enough to call anybody dead."""
        return self._clock.monotonic() - self._began >= GRACE

    def heard_ago(self, task: str) -> float:
        """Seconds since a task's last good answer, or since this term began."""
        pulse = self._pulses.get(task)
        good_at = self._began if pulse is None or pulse.good_at is None else pulse.good_at
        return self._clock.monotonic() - good_at

    def heard_at(self, task: str) -> float | None:
        """Unix seconds of a task's last good answer in this term."""
        pulse = self._pulses.get(task)
        return None if pulse is None or pulse.good_at is None else self._clock.now() - self.heard_ago(task)

    # --- asking -----------------------------------------------------------------------------------------

    async def _probe(self, task: Task) -> str | None:
        reply = await self._send(task, "GET", "/health", PROBE_SECONDS)
        if isinstance(reply, str):
            return reply
        return None if reply.status < 500 else f"GET /health answers {reply.status}"

    async def _send(
        self,
        task: Task,
        method: str,
        path: str,
        seconds: float,
        body: bytes | None = None,
        *headers: tuple[str, str],
    ) -> HttpReply | str:
        """The reply, or what went wrong."""
        json = (("Content-Type", "application/json"),) if body is not None else ()
        request = HttpRequest(
            method=method,
            url=f"http://{task.address}{path}",
            headers=(*json, *headers),
            body=body,
            timeout=seconds,
            max_bytes=MAX_BYTES,
            private=Private.ALWAYS,
            redirects=0,
        )
        try:
            return await self._http.send(request)
        except LinkPoolError as error:
            return str(error)
