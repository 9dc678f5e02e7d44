"""What an engine runs beside what the pool's database wants, and the removal of the rest."""

from collections.abc import Mapping
from dataclasses import dataclass

from linkpool.api.engine import open_engine
from linkpool.api.settings import Settings
from linkpool.engines.protocol import Task
from linkpool.fleet.clock import SystemClock
from linkpool.store import groups
from linkpool.store.database import Database

GRACE = 10.0
"""Seconds between SIGTERM and SIGKILL."""


@dataclass(frozen=True)
class Seen:
    """A task that runs."""

    task: Task
    wanted: bool

    def shown(self) -> Mapping[str, str | bool]:
        """As the command prints it."""
        task = self.task
        return {
            "task": task.id,
            "group": task.group,
            "release": task.release,
            "phase": task.phase.value,
            "wanted": self.wanted,
        }


async def seen(settings: Settings) -> list[Seen]:
    """All tasks of the pool. Raises EngineUnreachable, StoreUnreachable."""
    wanted = await _wanted(settings)
    async with open_engine(settings, SystemClock(), keep=False) as engine:
        tasks = sorted(await engine.tasks(), key=lambda task: (task.group, task.started_at))
    return [Seen(task, task.group in wanted) for task in tasks]


async def unwanted(settings: Settings, *, remove: bool) -> list[str]:
    """Groups that run and that the database does not want, removed if so asked.

    Raises EngineUnreachable, EngineRefused, StoreUnreachable: a silent database removes nothing.
    """
    wanted = await _wanted(settings)
    async with open_engine(settings, SystemClock(), keep=False) as engine:
        strange = sorted({task.group for task in await engine.tasks()} - wanted)
        for group in strange if remove else ():
            await engine.remove(group, GRACE)
    return strange


async def _wanted(settings: Settings) -> set[str]:
    database = Database(settings.database_url)
    try:
        async with database.read() as session:
            return {row.name for row in await groups.all_living(session)}
    finally:
        await database.close()
