"""Replacing replicas that are silent though their process runs. Dead ones are the engine's own work.

Replacing is dear, so it has brakes: fifteen seconds of silence (a minute for one that has yet to say its
first word), one replica of a node at a time whatever its colour, a twentieth of the fleet a minute (one at
least), nothing at all while over a fifth of the fleet is silent (then the fault is probably here), nothing
by a leader younger than fifteen seconds. A group whose removal is recorded is not judged.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from linkpool.engines.protocol import Engine, EngineRefused, Phase
from linkpool.fleet.office import Office
from linkpool.fleet.running.tasks import Tasks

log = structlog.get_logger(__name__)

SILENCE = 15.0
"""Seconds without a word after which a running replica is replaced."""
FIRST_WORD = 60.0
"""Seconds that a new task gets to start and dial: a machine full of starting replicas is slow, not silent."""
FLEET_SHARE = 0.05
SUSPECT_SHARE = 0.20
ONE_NODE = 2
"""Replicas that one node's own trouble can silence: no sign yet that the fault is here."""
MINUTE = 60.0


@dataclass(frozen=True)
class Suspect:
    """A running task. node: the index of its node; silent: seconds since its last word."""

    task: str
    group: str
    node: int
    silent: float


def choose(
    suspects: Sequence[Suspect], troubled: set[str], busy: set[int], replaced_lately: int
) -> list[str]:
    """Which tasks to replace now, the longest silent first.

    suspects: every running replica of the pool; troubled: groups in which a task is missing; busy: nodes of
    which a task is on its way out; replaced_lately: how many were replaced in the last minute.
    """
    silent = sorted((s for s in suspects if s.silent >= SILENCE), key=lambda s: -s.silent)
    if len(silent) > max(ONE_NODE, SUSPECT_SHARE * len(suspects)):
        return []
    room = max(1, int(FLEET_SHARE * len(suspects))) - replaced_lately
    chosen: list[str] = []
    busy = set(busy)
    for suspect in silent:
        if len(chosen) >= room:
            break
        if suspect.group not in troubled and suspect.node not in busy:
            chosen.append(suspect.task)
            busy.add(suspect.node)
    return chosen


class Hearing(Protocol):
    """Who hears the tasks: the hub of replicas, the health of adapters."""

    @property
    def judging(self) -> bool:
        """Whether it has listened long enough to call anybody silent."""
        ...

    def heard_ago(self, task: str) -> float:
        """Seconds since a task's last word, or since this term began."""
        ...

    def heard_at(self, task: str) -> float | None:
        """Unix seconds of a task's last word in this term."""
        ...


class Recovery:
    """Looks once a second. kind: what its tasks are, for events and logs."""

    def __init__(
        self,
        office: Office,
        *,
        engine: Engine,
        tasks: Tasks,
        hub: Hearing,
        replicas: int,
        kind: str = "replica",
    ) -> None:
        self._kind = kind
        self._engine = engine
        self._tasks = tasks
        self._hub = hub
        self._office = office
        self._replicas = replicas
        self._replaced: deque[float] = deque()
        self._first_seen: dict[str, float] = {}
        self._inherited: set[str] | None = None
        """Tasks that ran before this leader looked first: they have spoken to the one before."""

    async def step(self, groups: Mapping[str, int]) -> None:
        """One look at the living groups of nodes, by name. Raises EngineUnreachable."""
        now = self._office.clock.monotonic()
        tasks = [task for task in self._tasks.all() if task.group in groups]
        self._first_seen = {task.id: self._first_seen.get(task.id, now) for task in tasks}
        if self._inherited is None:
            self._inherited = {task.id for task in tasks}
        if not self._hub.judging or not self._office.term.runs:
            return  # too early, or perhaps another one leads
        while self._replaced and now - self._replaced[0] > MINUTE:
            self._replaced.popleft()
        running = [task for task in tasks if task.phase == Phase.RUNNING]
        suspects = [
            Suspect(task.id, task.group, groups[task.group], self._silent(task.id, now)) for task in running
        ]
        troubled = {group for group in groups if len(self._tasks.of(group)) < self._replicas}
        busy = {groups[task.group] for task in tasks if task.phase == Phase.STOPPING}
        for task in choose(suspects, troubled, busy, len(self._replaced)):
            log.warning(f"silent {self._kind} is replaced", task=task)
            self._replaced.append(now)
            self._office.journal.note(f"{self._kind}_replaced", None, task=task, why="silent")
            try:
                await self._engine.replace(task, f"silent for {SILENCE:.0f} s")
            except EngineRefused:
                continue  # it ended by itself in the meantime

    def _silent(self, task: str, now: float) -> float:
        """Seconds without a word, of those that count."""
        silent = min(self._hub.heard_ago(task), now - self._first_seen[task])
        new = task not in (self._inherited or set()) and self._hub.heard_at(task) is None
        return 0.0 if new and silent < FIRST_WORD else silent
