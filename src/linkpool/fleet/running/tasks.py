"""What the engine runs, kept at hand: asked again after events, and now and then without one."""

import asyncio
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import structlog

from linkpool.engines.protocol import Engine, Phase, Task
from linkpool.errors import Temporary
from linkpool.fleet.together import Together

log = structlog.get_logger(__name__)

REFRESH = 5.0
"""Seconds between two looks without an event; events may be missed."""


class Tasks:
    """The engine's tasks by id. `on_change` hears of every refresh that found a difference."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._tasks: dict[str, Task] = {}
        self._of: dict[str, list[Task]] = {}
        """By group: each is asked about once a second, and to go through all tasks each time is too long."""
        self._listeners: list[Callable[[], None]] = []
        self._looks = Together(self._look, most=sys.maxsize)
        self.known = False
        """Whether the engine has answered at all in this term."""

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every change."""
        self._listeners.append(listener)

    def get(self, task: str) -> Task | None:
        """A task that runs, starts or stops now."""
        return self._tasks.get(task)

    def all(self) -> Iterable[Task]:
        """All of them."""
        return self._tasks.values()

    def of(self, group: str) -> list[Task]:
        """Those of a group that are not on their way out."""
        return [task for task in self.every_of(group) if task.phase != Phase.STOPPING]

    def every_of(self, group: str) -> Sequence[Task]:
        """Those of a group, also those on their way out."""
        return self._of.get(group, ())

    async def refresh(self) -> None:
        """Ask the engine; one look at a time, and all who ask during one share the next.

        Raises EngineUnreachable; what was known stays.
        """
        await self._looks.ask(None)

    async def _look(self, asked: Sequence[None]) -> Sequence[None]:
        found = {task.id: task for task in await self._engine.tasks() if task.phase != Phase.GONE}
        changed = found != self._tasks or not self.known
        self._tasks, self._of, self.known = found, _by_group(found.values()), True
        if changed:
            for listener in self._listeners:
                listener()
        return asked

    async def follow(self) -> None:
        """Refresh at events, for ever; once for all that come while the engine is being asked.

        Raises, in an ExceptionGroup, EngineUnreachable.
        """
        news = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            refreshing = group.create_task(self._refresh_at(news), name="engine tasks at events")
            async for event in self._engine.events():
                log.debug("engine event", task=event.task, phase=event.phase, detail=event.detail)
                news.set()
            refreshing.cancel()

    async def _refresh_at(self, news: asyncio.Event) -> None:
        while True:
            await news.wait()
            news.clear()
            await self.refresh()

    async def until_known(self) -> None:
        """Return once the engine has answered in this term."""
        said = ""
        while not self.known:
            try:
                await self.refresh()
            except Temporary as error:
                if str(error) != said:
                    log.warning("engine does not answer yet", error=str(error))
                said = str(error)
                await asyncio.sleep(0.5)


def _by_group(tasks: Iterable[Task]) -> dict[str, list[Task]]:
    found: defaultdict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        found[task.group].append(task)
    return found
