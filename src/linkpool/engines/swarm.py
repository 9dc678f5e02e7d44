"""The engine of several machines of one's own: a Docker Swarm service for each group.

Swarm keeps the count, spreads a pair over zones and starts a lost task elsewhere. All that LinkPool knows is
in labels on the services, so a control plane that starts anew, on whichever manager, finds what runs. Swarm
tells nobody of its tasks, so they are looked at every half second.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import structlog

from linkpool.engines import swarm_spec as spec
from linkpool.engines.container import ASKED, POOL, accept, changes, labels
from linkpool.engines.docker import Conflict, Docker, NotFound
from linkpool.engines.protocol import EngineRefused, Group, Task, TaskEvent
from linkpool.engines.swarm_spec import Ground

log = structlog.get_logger(__name__)

SOCKET = Path("/var/run/docker.sock")
LOOK_EVERY = 0.5
REPLACE_GRACE = 5
"""Seconds between SIGTERM and SIGKILL when one task is replaced."""
TRIES = 5
"""Two control planes may change one service at once; who comes second looks again."""


class SwarmEngine:
    """`Engine` over the swarm that the daemon at `socket` manages; an async context manager."""

    def __init__(self, ground: Ground, socket: Path = SOCKET) -> None:
        self._ground = ground
        self._docker = Docker(socket)

    async def __aenter__(self) -> Self:
        await self._docker.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._docker.__aexit__(kind, error, trace)

    # --- the protocol ------------------------------------------------------------------------------

    async def ensure(self, group: Group) -> None:
        """Create the group's service or converge it; a changed environment goes round one task at a time."""
        image = await self._image(accept(group, self._ground.pool))
        secret = await self._secret(group)
        wanted = spec.service(self._ground, group, image, secret)
        for _ in range(TRIES):
            with suppress(Conflict):
                await self._converge(wanted)
                return
        raise EngineRefused(f"service {wanted['Name']} is changed by another all the time; who else runs it?")

    async def remove(self, group: str, grace: float) -> None:
        """Stop all tasks of the group, then forget it and its token; returns when they are gone."""
        name = spec.name_of(self._ground.pool, group)
        with suppress(NotFound, TimeoutError):
            async with asyncio.timeout(grace):
                await self._scale(name, 0)
                while await self._of(group):
                    await asyncio.sleep(LOOK_EVERY / 2)
        for task in await self._of(group):
            await self._kill(task)
        await self._docker.delete(f"services/{name}")
        await self._docker.delete(f"secrets/{name}")

    async def tasks(self) -> list[Task]:
        """What really runs in this pool, groups unknown to the caller included."""
        services = await self._docker.listed("services", label=f"{POOL}={self._ground.pool}")
        told = {service["ID"]: service["Spec"]["Labels"] for service in services}
        if not told:
            return []
        seen = await self._docker.listed("tasks", service=list(told))
        found = (spec.task(each, told[each["ServiceID"]]) for each in seen if each["ServiceID"] in told)
        return [task for task in found if task is not None]

    async def room(self) -> int | None:
        """Swarm places tasks itself, and waits when no machine has room."""
        return None

    async def replace(self, task: str, why: str) -> None:
        """Stop one task; Swarm starts another.

        A task on another machine can be reached through Swarm alone, which only restarts a whole service: one
        task after the other, newcomers first.
        """
        seen = await self._task(task)
        log.info("task is replaced", task=task, why=why)
        container = seen["Status"].get("ContainerStatus", {}).get("ContainerID")
        if container and seen.get("NodeID") == await self._here():
            with suppress(NotFound):
                await self._docker.post(f"containers/{container}/stop", t=str(REPLACE_GRACE))
                return
        await self._restart(seen["ServiceID"])

    async def events(self) -> AsyncGenerator[TaskEvent]:
        """Changes, as two looks half a second apart tell them, until the iterator is closed."""
        async for event in changes(self.tasks, lambda _: LOOK_EVERY):
            yield event

    # --- services ----------------------------------------------------------------------------------

    async def _converge(self, wanted: dict[str, Any]) -> None:
        """Raises Conflict when another was quicker."""
        try:
            seen = await self._docker.get(f"services/{wanted['Name']}")
        except NotFound:
            await self._docker.post("services/create", wanted)
            return
        if seen["Spec"]["Labels"].get(POOL) != self._ground.pool:
            raise EngineRefused(
                f"the swarm runs a service {wanted['Name']} that is not of pool {self._ground.pool}"
            )
        if seen["Spec"]["Labels"].get(ASKED) != wanted["Labels"][ASKED]:
            await self._update(seen, wanted)

    async def _scale(self, name: str, count: int) -> None:
        for _ in range(TRIES):
            seen = await self._docker.get(f"services/{name}")
            with suppress(Conflict):
                await self._update(seen, {**seen["Spec"], "Mode": {"Replicated": {"Replicas": count}}})
                return

    async def _restart(self, service: str) -> None:
        seen = await self._docker.get(f"services/{service}")
        template = seen["Spec"]["TaskTemplate"]
        forced = {**template, "ForceUpdate": template.get("ForceUpdate", 0) + 1}
        with suppress(Conflict):  # then another has just restarted it
            await self._update(seen, {**seen["Spec"], "TaskTemplate": forced})

    async def _update(self, seen: dict[str, Any], wanted: dict[str, Any]) -> None:
        await self._docker.post(
            f"services/{seen['ID']}/update", wanted, version=str(seen["Version"]["Index"])
        )

    # --- what a service needs ----------------------------------------------------------------------

    async def _image(self, image: str) -> str:
        """By digest or ID: with a tag every task would ask the registry first, and two tasks could differ."""
        if "@" in image or image.startswith("sha256:"):
            return image
        try:
            seen = await self._docker.get(f"images/{image}/json")
        except NotFound as error:
            raise EngineRefused(
                f"image {image} is not on this manager; pull or load it here, or name it by digest"
            ) from error
        digests: list[str] = seen.get("RepoDigests") or []
        identity: str = seen["Id"]
        return digests[0] if digests else identity

    async def _secret(self, group: Group) -> str:
        """The token's secret, made when it is missing; it never changes, since a name dies with its token."""
        name = spec.name_of(self._ground.pool, group.name)
        body = {
            "Name": name,
            "Labels": labels(group),
            "Data": spec.packed(group.token),
        }
        with suppress(Conflict):
            made: str = (await self._docker.post("secrets/create", body))["ID"]
            return made
        found = [
            each for each in await self._docker.listed("secrets", name=name) if each["Spec"]["Name"] == name
        ]
        if not found:
            raise EngineRefused(f"secret {name} is there and is not: another removes the group right now")
        identity: str = found[0]["ID"]
        return identity

    # --- tasks -------------------------------------------------------------------------------------

    async def _of(self, group: str) -> list[Task]:
        return [task for task in await self.tasks() if task.group == group]

    async def _task(self, task: str) -> dict[str, Any]:
        try:
            seen: dict[str, Any] = await self._docker.get(f"tasks/{task}")
        except NotFound as error:
            raise EngineRefused(f"no task {task} in this swarm; ask tasks() for those that are") from error
        return seen

    async def _here(self) -> str:
        node: str = (await self._docker.get("info"))["Swarm"]["NodeID"]
        return node

    async def _kill(self, task: Task) -> None:
        """End a stubborn one, if it runs on this machine; elsewhere Swarm does it after its own grace."""
        with suppress(EngineRefused):
            seen = await self._task(task.id)
            container = seen["Status"].get("ContainerStatus", {}).get("ContainerID")
            if container and seen.get("NodeID") == await self._here():
                await self._docker.post(f"containers/{container}/kill")
                while task.id in {each.id for each in await self._of(task.group)}:
                    await asyncio.sleep(LOOK_EVERY / 2)
