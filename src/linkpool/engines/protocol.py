"""An engine keeps groups of identical replicas running. That is all.

Switching, draining and health stay above it (`linkpool.fleet`), so that every engine can be this small and
every guarantee is the same on all of them.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from linkpool.errors import Permanent, Temporary


class EngineUnreachable(Temporary):
    """The engine did not answer; nothing is known about what it did."""


class EngineRefused(Permanent):
    """The engine will not do this: no such task, a bad command, a missing permission."""


@dataclass(frozen=True)
class Release:
    """What to run: a command (local) or an image, which gets the command as its arguments; and settings."""

    name: str
    command: tuple[str, ...] = ()
    image: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """Identical tasks: the replicas of one node, or the tasks of one adapter, in one colour.

    `name` is unique in a pool.
    """

    pool: str
    name: str
    release: Release
    environment: Mapping[str, str]
    token: str = field(repr=False)
    """The group token; reaches the tasks as a secret: a file, or on ECS a variable that they take out."""
    count: int = 2
    port: int | None = None
    """Tasks listen there, told so as `PORT` and `EA_PORT`; 0: the engine picks a free one per task."""


class Phase(StrEnum):
    """What the engine knows of a task."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    GONE = "gone"


@dataclass(frozen=True)
class Task:
    """One process or container that the engine runs, or ran until now."""

    id: str
    group: str
    phase: Phase
    release: str
    started_at: float
    """Unix seconds."""
    pid: int | None = None
    address: str | None = None
    """`host:port` where control plane and replicas reach it, when its group has a port."""


@dataclass(frozen=True)
class TaskEvent:
    """Something changed: ask `tasks()` for what is true now. Events may be missed or repeated."""

    task: str
    group: str
    phase: Phase
    detail: str = ""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what was seen, and what to do about it when it is not good."""

    what: str
    good: bool
    text: str
    advice: str = ""


class Engine(Protocol):
    """Six calls, all idempotent, any may be cut off halfway; raise EngineUnreachable or EngineRefused."""

    async def ensure(self, group: Group) -> None:
        """Create the group or converge it to `count` running tasks.

        What else was changed for a group that runs (its environment, what its tasks may use) reaches its next
        task (local), goes round its tasks one at a time (swarm), or comes with the next group (ecs, which
        would end all tasks at once: `docs/decisions/1102-a-living-service-is-left-alone.md`). No such change
        leaves a group without a task.
        """

    async def remove(self, group: str, grace: float) -> None:
        """Stop all tasks of the group, SIGTERM first, SIGKILL after `grace` seconds; forget it."""

    async def tasks(self) -> list[Task]:
        """What is really running in this pool, groups unknown to the caller included."""

    async def replace(self, task: str, why: str) -> None:
        """Stop one task; the engine starts another in its place."""

    async def room(self) -> int | None:
        """How many more tasks this machine holds now; None: the engine places them itself."""
        ...

    def events(self) -> AsyncIterator[TaskEvent]:
        """Changes as they happen, until the iterator is closed."""
        ...
