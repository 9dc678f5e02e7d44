"""Groups whose tasks die young, again and again: a person should look, while the engine goes on trying.

The engine waits longer before each new try, so nothing is hurt by waiting; but such a group never does its
work. The alarm goes down by itself once all its tasks have lived long enough, or the group is removed.
"""

from collections import Counter
from collections.abc import Mapping

from linkpool.engines.protocol import Phase
from linkpool.fleet.alarms import Alarms, Kind
from linkpool.fleet.clock import Clock
from linkpool.fleet.running.groups import REPLICAS
from linkpool.fleet.running.tasks import Tasks

YOUNG = 10.0
"""A task that ends by itself before this age, in seconds, died young."""
DEATHS = 3
CALM = 30.0
"""Seconds that all tasks of a group must have lived for it to be well again."""


class Flapping:
    """Counts early deaths as the engine reports them, for one term."""

    def __init__(self, tasks: Tasks, alarms: Alarms, clock: Clock) -> None:
        self._tasks = tasks
        self._alarms = alarms
        self._clock = clock
        self._born: dict[str, tuple[str, float]] = {}
        self._sent_away: set[str] = set()
        self._deaths: Counter[str] = Counter()
        tasks.on_change(self._look)

    async def step(self, groups: Mapping[str, str]) -> None:
        """Say which of the living groups flap. groups: what each is of, for people, by its name.

        Raises StoreUnreachable, LeaseLost.
        """
        now = self._clock.monotonic()
        for group in list(self._deaths):
            if group not in groups or self._calm(group, now):
                del self._deaths[group]
        await self._alarms.only(
            Kind.FLAPPING,
            {
                groups[group]: f"tasks of group {group} die young again and again: read their logs "
                "(`linkpool logs`), then roll out another release"
                for group, deaths in self._deaths.items()
                if deaths >= DEATHS
            },
        )

    def _look(self) -> None:
        """Who is new, who is gone?"""
        now = self._clock.monotonic()
        alive = {task.id: task for task in self._tasks.all()}
        for task in alive.values():
            self._born.setdefault(task.id, (task.group, now))
        self._sent_away |= {task.id for task in alive.values() if task.phase is Phase.STOPPING}
        for task_id in self._born.keys() - alive.keys():
            group, born = self._born.pop(task_id)
            if now - born < YOUNG and task_id not in self._sent_away:
                self._deaths[group] += 1
        self._sent_away &= alive.keys()

    def _calm(self, group: str, now: float) -> bool:
        tasks = self._tasks.of(group)
        return len(tasks) >= REPLICAS and all(self._age(task.id, now) >= CALM for task in tasks)

    def _age(self, task: str, now: float) -> float:
        return now - self._born[task][1] if task in self._born else 0.0
