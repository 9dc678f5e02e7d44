"""The engine of AWS: an ECS service for each group, on machines of a capacity provider or on Fargate.

ECS keeps the count and spreads a pair over availability zones. Task definitions never change once made, so
their labels, read once each, tell whose a task is. ECS tells us nothing by itself, so tasks are looked at
every few seconds, a hundred to a call; how a replica is comes from the agent socket.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import structlog

from linkpool.engines import ecs_spec as spec
from linkpool.engines.aws import AlreadyThere, Aws, NotThere, in_pieces
from linkpool.engines.container import ASKED, POOL, changes, labels
from linkpool.engines.ecs_spec import Place
from linkpool.engines.protocol import EngineRefused, EngineUnreachable, Group, Task, TaskEvent

log = structlog.get_logger(__name__)

LOOK_EVERY = 1.0
"""Seconds between two looks at a small fleet."""
TASKS_A_SECOND = 200
"""Looking at a large one takes longer, so that the calls stay far below what AWS allows."""
TASKS_A_CALL = 100


class EcsEngine:
    """`Engine` over one cluster; an async context manager. endpoint: an emulator's address, in tests."""

    def __init__(self, place: Place, endpoint: str | None = None) -> None:
        self._place = place
        self._ecs = Aws("ecs", place.region, endpoint)
        self._secrets = Aws("secretsmanager", place.region, endpoint)
        self._told: dict[str, Mapping[str, str]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    # --- the protocol ------------------------------------------------------------------------------

    async def ensure(self, group: Group) -> None:
        """Create the group's service or converge it; a changed environment goes round, newcomers first."""
        place = self._place
        if group.pool != place.pool:
            raise EngineRefused(f"group {group.name} is of pool {group.pool}, this engine runs {place.pool}")
        if not group.release.image:
            raise EngineRefused(f"release {group.release.name} has no image; ECS runs images")
        secret = await self._secret(group)
        definition = await self._definition(spec.definition(place, group, secret))
        seen = await self._service(group.name)
        if seen is None:
            with suppress(AlreadyThere):  # another control plane was quicker, and asked for the same
                await self._ecs.call("create_service", **spec.service(place, group, definition))
        elif (seen["taskDefinition"], seen["desiredCount"]) != (definition, group.count):
            await self._update(group.name, taskDefinition=definition, desiredCount=group.count)

    async def remove(self, group: str, grace: float) -> None:
        """Stop all tasks of the group, then forget it, its definitions and its token."""
        if await self._service(group) is not None:
            await self._update(group, desiredCount=0)
            with suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    while await self._of(group):
                        await asyncio.sleep(LOOK_EVERY / 2)
            for task in await self._of(group):
                await self._stop(task.id, "the group is removed")
            name = spec.name_of(self._place.pool, group)
            with suppress(NotThere):
                await self._ecs.call("delete_service", cluster=self._place.cluster, service=name, force=True)
            while await self._of(group):
                await asyncio.sleep(LOOK_EVERY / 2)
        await self._forget(group)

    async def tasks(self) -> list[Task]:
        """What really runs in this pool, groups unknown to the caller included."""
        cluster = self._place.cluster
        arns: list[str] = []
        for status in ("RUNNING", "STOPPED"):  # a task on its way out is wanted STOPPED and still runs
            arns += await self._ecs.every("list_tasks", "taskArns", cluster=cluster, desiredStatus=status)
        found = []
        for some in in_pieces(arns, TASKS_A_CALL):
            described = await self._ecs.call("describe_tasks", cluster=cluster, tasks=list(some))
            for seen in described["tasks"]:
                told = await self._labels(seen["taskDefinitionArn"])
                if told.get(POOL) == self._place.pool and (task := spec.task(seen, told)):
                    found.append(task)
        return found

    async def replace(self, task: str, why: str) -> None:
        """Stop one task; ECS starts another."""
        found = next((each for each in await self.tasks() if each.id == task), None)
        if found is None:
            raise EngineRefused(f"no task {task} in this cluster; ask tasks() for those that are")
        log.info("task is replaced", task=task, why=why)
        seen = await self._service(found.group)
        await self._stop(task, why)
        if seen is not None:  # the same count again: no change for AWS, and what an emulator needs to look
            await self._update(found.group, desiredCount=seen["desiredCount"])

    async def room(self) -> int | None:
        """ECS places tasks itself; its capacity provider adds machines when it must."""
        return None

    async def events(self) -> AsyncGenerator[TaskEvent]:
        """Changes, as two looks tell them, until the iterator is closed."""
        async for event in changes(self.tasks, lambda count: max(LOOK_EVERY, count / TASKS_A_SECOND)):
            yield event

    # --- services ----------------------------------------------------------------------------------

    async def _service(self, group: str) -> dict[str, Any] | None:
        name = spec.name_of(self._place.pool, group)
        try:
            answer = await self._ecs.call("describe_services", cluster=self._place.cluster, services=[name])
        except NotThere:
            return None
        for seen in answer["services"]:
            if seen["status"] == "ACTIVE":
                service: dict[str, Any] = seen
                return service
            if seen["status"] == "DRAINING":
                raise EngineUnreachable(f"service {name} is still being removed; its name is free afterwards")
        return None

    async def _update(self, group: str, **changes: Any) -> None:
        name = spec.name_of(self._place.pool, group)
        with suppress(NotThere):
            await self._ecs.call("update_service", cluster=self._place.cluster, service=name, **changes)

    async def _definition(self, asked: dict[str, Any]) -> str:
        """The newest definition if it is just that, else a new revision; its ARN."""
        with suppress(NotThere):
            answer = await self._ecs.call("describe_task_definition", taskDefinition=asked["family"])
            newest = answer["taskDefinition"]
            wanted = spec.labels_of(asked)[ASKED]
            if newest.get("status", "ACTIVE") == "ACTIVE" and spec.labels_of(newest).get(ASKED) == wanted:
                known: str = newest["taskDefinitionArn"]
                return known
        made = await self._ecs.call("register_task_definition", **asked)
        identity: str = made["taskDefinition"]["taskDefinitionArn"]
        return identity

    async def _labels(self, definition: str) -> Mapping[str, str]:
        if definition not in self._told:
            try:
                answer = await self._ecs.call("describe_task_definition", taskDefinition=definition)
            except NotThere:
                return {}
            self._told[definition] = spec.labels_of(answer["taskDefinition"])
        return self._told[definition]

    # --- secrets and leftovers ---------------------------------------------------------------------

    async def _secret(self, group: Group) -> str:
        """The token's secret by ARN, made when it is missing; it never changes, since a name dies with it."""
        name = self._secret_name(group.name)
        tags = [{"Key": key, "Value": value} for key, value in labels(group).items()]
        try:
            made = await self._secrets.call("create_secret", Name=name, SecretString=group.token, Tags=tags)
        except AlreadyThere:
            made = await self._secrets.call("describe_secret", SecretId=name)
        arn: str = made["ARN"]
        return arn

    async def _forget(self, group: str) -> None:
        family = spec.name_of(self._place.pool, group)
        for arn in await self._ecs.every("list_task_definitions", "taskDefinitionArns", familyPrefix=family):
            if arn.rpartition("/")[2].rpartition(":")[0] == family:
                with suppress(NotThere):
                    await self._ecs.call("deregister_task_definition", taskDefinition=arn)
        with suppress(NotThere):
            await self._secrets.call(
                "delete_secret", SecretId=self._secret_name(group), ForceDeleteWithoutRecovery=True
            )

    def _secret_name(self, group: str) -> str:
        return f"linkpool/{self._place.pool}/{group}"

    # --- tasks -------------------------------------------------------------------------------------

    async def _of(self, group: str) -> list[Task]:
        return [task for task in await self.tasks() if task.group == group]

    async def _stop(self, task: str, why: str) -> None:
        with suppress(NotThere):
            await self._ecs.call("stop_task", cluster=self._place.cluster, task=task, reason=why[:255])
