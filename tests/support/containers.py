"""What happens to the containers behind an engine's tasks, past the engine."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from linkpool.engines.docker import Docker
from linkpool.engines.protocol import Task
from tests.support.docker import Daemon


@dataclass
class Containers:
    """`Hands` on one daemon. label: what its container carries, by task; show: what the engine lists."""

    daemon: Daemon
    label: Callable[[str], str]
    show: Callable[[], Awaitable[str]]
    folder: Path
    """For logs."""
    _following: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def kill(self, task: Task) -> None:
        """SIGKILL to all that runs in it."""
        await self._tell(task, "kill")

    async def freeze(self, task: Task) -> None:
        """Its processes are there, and get no time."""
        await self._tell(task, "pause")

    async def log(self, task: Task) -> Path:
        """What it prints, followed to its end."""
        file = self.folder / f"{task.id}.log"
        command = ["docker", "--host", f"unix://{self.daemon.socket}", "logs", "--follow"]
        container = await self._of(task)
        with file.open("wb") as sink:
            following = await asyncio.create_subprocess_exec(*command, container, stdout=sink, stderr=sink)
        self._following.append(following)
        return file

    async def listings(self) -> str:
        """What the engine tells of groups, tasks and secrets."""
        return await self.show()

    async def end(self) -> None:
        """Follow no log any more: what is followed must be gone by now."""
        for following in self._following:
            await following.wait()

    async def _tell(self, task: Task, what: str) -> None:
        async with Docker(self.daemon.socket) as api:
            await api.post(f"containers/{await self._of(task)}/{what}")

    async def _of(self, task: Task) -> str:
        async with Docker(self.daemon.socket) as api:
            (found,) = await api.listed("containers/json", label=self.label(task.id))
            identity: str = found["Id"]
            return identity
