"""Tasks that run and should not: what a removal left behind, and groups that nobody here knows.

A group whose removal is recorded is removed again, as often as the engine still reports it. One that the
database does not know may be another's, or older than this database: it is reported, and left alone.
"""

import structlog

from linkpool.engines.protocol import Engine
from linkpool.fleet.alarms import Kind
from linkpool.fleet.office import Office
from linkpool.fleet.running.groups import GRACE
from linkpool.fleet.running.tasks import Tasks
from linkpool.store import groups

log = structlog.get_logger(__name__)

EVERY = 5.0
"""Seconds between two looks."""


class Strays:
    """Looks for what nobody wants, for one term."""

    def __init__(self, office: Office, *, engine: Engine, tasks: Tasks) -> None:
        self._office = office
        self._engine = engine
        self._tasks = tasks

    async def step(self) -> None:
        """One look. Raises EngineUnreachable, StoreUnreachable, LeaseLost."""
        names = {task.group for task in self._tasks.all()}
        async with self._office.read() as session:
            known = await groups.named(session, names)
        await self._office.alarms.only(
            Kind.UNKNOWN_GROUP,
            dict.fromkeys(
                sorted(names - known.keys()),
                "the engine runs it, the database does not know it: `linkpool engine prune` removes it",
            ),
        )
        for name in sorted(name for name, row in known.items() if row.removed_at is not None):
            log.warning("a removed group still runs: it is removed again", group=name)
            await self._engine.remove(name, GRACE)
