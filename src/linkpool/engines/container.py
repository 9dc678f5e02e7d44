"""What engines of containers have in common: labels, what a task is told, and news by comparison."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

from linkpool.engines.protocol import EngineRefused, Group, Phase, Task, TaskEvent

POOL, GROUP, RELEASE = "linkpool.pool", "linkpool.group", "linkpool.release"
PORT, ASKED = "linkpool.port", "linkpool.asked"
FREE_PORT = 8080
EVERYWHERE = "0.0.0.0"  # noqa: S104 - in a network of its own, where the others of the pool must reach it
USER = "65532"
"""Nobody in particular: whatever image it is, no task is root, and the token is for its eyes only."""
STOP_SECONDS = 60
"""Between SIGTERM and SIGKILL when the engine itself moves a task; Fargate allows 120 at most."""


def port_of(group: Group) -> int | None:
    """Where tasks listen. Each has an address of its own, so the engine's choice is always the same."""
    return group.port or FREE_PORT if group.port is not None else None


def labels(group: Group) -> dict[str, str]:
    """What ties everything to its pool, so that two pools share one engine."""
    port = {} if group.port is None else {PORT: str(port_of(group))}
    return {POOL: group.pool, GROUP: group.name, RELEASE: group.release.name, **port}


def environment(group: Group) -> dict[str, str]:
    """What every task of the group is told, its own name and token aside."""
    listen = {} if group.port is None else {"HOST": EVERYWHERE, "PORT": str(port_of(group))}
    listen |= {f"EA_{name}": value for name, value in listen.items()}
    return {**group.release.settings, **group.environment, "LINKPOOL_GROUP": group.name, **listen}


def accept(group: Group, pool: str) -> str:
    """The image to run. Raises EngineRefused unless the group is of that pool and its release an image."""
    if group.pool != pool:
        raise EngineRefused(f"group {group.name} is of pool {group.pool}, this engine runs {pool}")
    if not group.release.image:
        raise EngineRefused(f"release {group.release.name} has no image, and this engine runs images")
    return group.release.image


async def changes(
    look: Callable[[], Awaitable[list[Task]]], pause: Callable[[int], float]
) -> AsyncGenerator[TaskEvent]:
    """What one look shows that the one before did not, for ever.

    pause: seconds between two looks, by how many tasks there are. Raises what `look` raises.
    """
    before = {task.id: task for task in await look()}
    while True:
        await asyncio.sleep(pause(len(before)))
        now = {task.id: task for task in await look()}
        for task in now.values():
            if task.id not in before or before[task.id].phase is not task.phase:
                yield TaskEvent(task.id, task.group, task.phase)
        for task in before.values():
            if task.id not in now:
                yield TaskEvent(task.id, task.group, Phase.GONE)
        before = now
