"""An engine in memory: groups and tasks that outlive whoever asked for them."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from itertools import count

from linkpool.engines.protocol import EngineRefused, Group, Phase, Task, TaskEvent


@dataclass
class FakeEngine:
    """`Engine`; `kill` is what happens to real processes."""

    groups: dict[str, Group] = field(default_factory=dict)
    running: dict[str, Task] = field(default_factory=dict)
    listeners: set[asyncio.Queue[TaskEvent]] = field(default_factory=set)
    replaced: list[str] = field(default_factory=list)
    holds: int | None = None
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    async def ensure(self, group: Group) -> None:
        self.groups[group.name] = group
        self._converge(group.name)

    async def remove(self, group: str, grace: float) -> None:
        self.groups.pop(group, None)
        for task in [task for task in self.running.values() if task.group == group]:
            self.kill(task.id)

    async def tasks(self) -> list[Task]:
        return list(self.running.values())

    async def replace(self, task: str, why: str) -> None:
        if task not in self.running:
            raise EngineRefused(f"no task {task}")
        self.replaced.append(task)
        self.kill(task)

    async def room(self) -> int | None:
        return self.holds

    async def events(self) -> AsyncGenerator[TaskEvent]:
        queue: asyncio.Queue[TaskEvent] = asyncio.Queue()
        self.listeners.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self.listeners.discard(queue)

    def kill(self, task: str) -> None:
        """One task dies; another is started if its group is still wanted."""
        gone = self.running.pop(task)
        self._tell(TaskEvent(task, gone.group, Phase.GONE))
        self._converge(gone.group)

    def _converge(self, name: str) -> None:
        group = self.groups.get(name)
        while group and sum(task.group == name for task in self.running.values()) < group.count:
            number = next(self._numbers)
            address = None if group.port is None else f"10.0.0.1:{group.port or 20_000 + number}"
            task = Task(
                f"{name}.{number}", name, Phase.RUNNING, group.release.name, float(number), address=address
            )
            self.running[task.id] = task
            self._tell(TaskEvent(task.id, name, Phase.RUNNING))

    def _tell(self, event: TaskEvent) -> None:
        for queue in self.listeners:
            queue.put_nowait(event)
