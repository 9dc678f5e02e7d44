"""The engine of AWS: an ECS service for each group, on machines of a capacity provider or on Fargate.

ECS keeps the count and spreads a pair over availability zones. Its service's tags tell whose a task is; one
without them is looked up by its definition, which never changes and is read once. ECS tells us nothing by
itself, so tasks are looked at every few seconds, a hundred to a call; how a replica is comes from the agent
socket.

A service that runs keeps what it was made with: ECS would end its tasks for new ones that merely run
(`docs/decisions/1102-a-living-service-is-left-alone.md`).

What AWS says may be seconds old. So an answer that does not fit the look before it (already there, not there)
means looking again, and nothing is forgotten before a look has shown that it is gone.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import structlog

from linkpool.engines import ecs_spec as spec
from linkpool.engines.aws import AlreadyThere, Aws, NotNow, NotThere, in_pieces
from linkpool.engines.container import ASKED, GROUP, POOL, STOP_SECONDS, accept, changes, labels
from linkpool.engines.ecs_reasons import Reasons
from linkpool.engines.ecs_spec import Place
from linkpool.engines.protocol import EngineRefused, EngineUnreachable, Group, Task, TaskEvent

log = structlog.get_logger(__name__)

LOOK_EVERY = 1.0
"""Seconds between two looks at a small fleet."""
TASKS_A_SECOND = 200
"""Looking at a large one takes longer, so that the calls stay far below what AWS allows."""
TASKS_A_CALL = 100
LOOKS = 8
"""How often AWS may contradict itself while a group is ensured."""
GONE_WITHIN = STOP_SECONDS + 60.0
"""Seconds until stopped tasks are gone; those of a machine that AWS lost stay for longer."""


class EcsEngine:
    """`Engine` over one cluster; an async context manager, for one term after another.

    endpoint: an emulator's address, in tests.
    """

    def __init__(self, place: Place, endpoint: str | None = None) -> None:
        self._place = place
        self._ecs = Aws("ecs", place.region, endpoint)
        self._secrets = Aws("secretsmanager", place.region, endpoint)
        self._told: dict[str, Mapping[str, str]] = {}
        """Labels by task definition, whatever the term: they never change."""
        self._reasons = Reasons(place, self._ecs)
        self._over: set[str] = set()
        """Tasks that ended; ECS lists them for an hour."""

    async def __aenter__(self) -> Self:
        self._reasons = Reasons(self._place, self._ecs)  # what another term asked for may be gone by now
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    # --- the protocol ------------------------------------------------------------------------------

    async def ensure(self, group: Group) -> None:
        """Create the group's service, or give the one that runs the group's count and nothing else."""
        accept(group, self._place.pool)
        for left in reversed(range(LOOKS)):
            try:
                await self._converge(group)
            except (NotThere, AlreadyThere) as error:  # AWS lags behind, or another control plane was quicker
                if not left:
                    raise NotNow(f"AWS contradicts itself about group {group.name}: {error}") from error
                await asyncio.sleep(LOOK_EVERY)
            else:
                self._reasons.wanted[group.name] = group.count
                return

    async def remove(self, group: str, grace: float) -> None:
        """Stop all tasks of the group, then forget it, its definitions and its token.

        Raises EngineUnreachable when tasks stay though they were stopped; nothing is forgotten then.
        """
        name = spec.name_of(self._place.pool, group)
        self._reasons.wanted.pop(group, None)
        try:
            await self._update(group, desiredCount=0)  # not by what a look says, which may be behind
        except NotThere:
            log.debug("no service to stop", service=name)
        else:
            with suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    while await self._of(group):
                        await asyncio.sleep(LOOK_EVERY / 2)
        for task in await self._of(group):
            await self._stop(task.id, "the group is removed")
        with suppress(NotThere):
            await self._ecs.call("delete_service", cluster=self._place.cluster, service=name, force=True)
        await self._until_gone(group)
        await self._forget(group)

    async def tasks(self) -> list[Task]:
        """What really runs in this pool, groups unknown to the caller included."""
        return await self._listed()

    async def replace(self, task: str, why: str) -> None:
        """Stop one task; ECS starts another. One that ended since it was seen is as good as stopped."""
        found = await self._look_at([task])
        if not found:
            raise EngineRefused(f"no task {task} in this cluster; ask tasks() for those that are")
        log.info("task is replaced", task=task, why=why)
        ((_, told),) = found
        group = told[GROUP]
        seen = await self._service(group)
        await self._stop(task, why)
        if seen is not None and seen["status"] == "ACTIVE":
            with suppress(NotThere):  # the same count again: no change for AWS, an emulator looks only then
                await self._update(group, desiredCount=seen["desiredCount"])

    async def room(self) -> int | None:
        """ECS places tasks itself; its capacity provider adds machines when it must."""
        return None

    async def events(self) -> AsyncGenerator[TaskEvent]:
        """Changes, as two looks tell them, until the iterator is closed; says why groups lack tasks."""

        async def look() -> list[Task]:
            found = await self.tasks()
            await self._reasons.look(found)
            return found

        async for event in changes(look, lambda count: max(LOOK_EVERY, count / TASKS_A_SECOND)):
            yield event

    # --- services ----------------------------------------------------------------------------------

    async def _converge(self, group: Group) -> None:
        """One look and one step. Raises NotThere or AlreadyThere when what was seen is not so."""
        seen = await self._service(group.name)
        status = seen["status"] if seen else "INACTIVE"
        if seen is None or status == "INACTIVE":
            definition = await self._definition(group)
            await self._ecs.call("create_service", **spec.service(self._place, group, definition))
        elif status == "DRAINING":
            raise NotNow(f"service {seen['serviceName']} is still being removed; its name is free afterwards")
        elif seen["desiredCount"] != group.count:
            await self._update(group.name, desiredCount=group.count)

    async def _service(self, group: str) -> dict[str, Any] | None:
        """As AWS shows it: ACTIVE, DRAINING on its way out, INACTIVE for a while after."""
        name = spec.name_of(self._place.pool, group)
        answer = await self._ecs.call("describe_services", cluster=self._place.cluster, services=[name])
        _only_missing(answer)
        found: list[dict[str, Any]] = answer["services"]
        return found[0] if found else None

    async def _update(self, group: str, **changes: Any) -> None:
        name = spec.name_of(self._place.pool, group)
        await self._ecs.call("update_service", cluster=self._place.cluster, service=name, **changes)

    async def _until_gone(self, group: str) -> None:
        """Return when the service is seen to be gone with all its tasks. Raises EngineUnreachable."""

        async def there() -> bool:
            seen = await self._service(group)
            return (seen is not None and seen["status"] != "INACTIVE") or bool(await self._of(group))

        try:
            async with asyncio.timeout(GONE_WITHIN):
                while await there():
                    await asyncio.sleep(LOOK_EVERY / 2)
        except TimeoutError as error:
            why = "ECS keeps those of a lost machine until its instance is terminated"
            raise EngineUnreachable(f"tasks of group {group} stay though they were stopped; {why}") from error

    async def _definition(self, group: Group) -> str:
        """The newest definition of the group if it is just what is asked for, else a new one; its ARN.

        Two control planes at once make two of one content, and the service has either.
        """
        asked = spec.definition(self._place, group, await self._secret(group))
        told = spec.labels_of(asked)
        identity = await self._newest(asked["family"], told[ASKED])
        if identity is None:
            made = await self._ecs.call("register_task_definition", **asked)
            identity = made["taskDefinition"]["taskDefinitionArn"]
        self._told[identity] = told
        return identity

    async def _newest(self, family: str, wanted: str) -> str | None:
        """The newest definition of that family, if its content is what is wanted."""
        with suppress(NotThere):
            newest = (await self._ecs.call("describe_task_definition", taskDefinition=family))[
                "taskDefinition"
            ]
            if newest["status"] == "ACTIVE" and spec.labels_of(newest).get(ASKED) == wanted:
                identity: str = newest["taskDefinitionArn"]
                return identity
        return None

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
        identity: str = made["ARN"]
        return identity

    async def _forget(self, group: str) -> None:
        family = spec.name_of(self._place.pool, group)
        for arn in await self._ecs.every("list_task_definitions", "taskDefinitionArns", familyPrefix=family):
            if arn.rpartition("/")[2].rpartition(":")[0] == family:
                with suppress(NotThere):
                    await self._ecs.call("deregister_task_definition", taskDefinition=arn)
                self._told.pop(arn, None)
        with suppress(NotThere):
            await self._secrets.call(
                "delete_secret", SecretId=self._secret_name(group), ForceDeleteWithoutRecovery=True
            )

    def _secret_name(self, group: str) -> str:
        return f"linkpool/{self._place.pool}/{group}"

    # --- tasks -------------------------------------------------------------------------------------

    async def _of(self, group: str) -> list[Task]:
        return await self._listed(family=spec.name_of(self._place.pool, group))

    async def _listed(self, **narrowed: str) -> list[Task]:
        arns: list[str] = []
        for status in ("RUNNING", "STOPPED"):  # a task on its way out is wanted STOPPED and still runs
            arns += await self._ecs.every(
                "list_tasks", "taskArns", cluster=self._place.cluster, desiredStatus=status, **narrowed
            )
        if not narrowed:
            self._over.intersection_update(arns)
        return await self._described([arn for arn in dict.fromkeys(arns) if arn not in self._over])

    async def _described(self, tasks: Sequence[str]) -> list[Task]:
        """Those of this pool that are not over."""
        found = []
        for seen, told in await self._look_at(tasks):
            if task := spec.task(seen, told):
                found.append(task)
            else:
                self._end(seen)
        return found

    async def _look_at(self, tasks: Sequence[str]) -> list[tuple[Mapping[str, Any], Mapping[str, str]]]:
        """Those of this pool, as AWS describes them, each with what is told of its group."""
        found = []
        for some in in_pieces(tasks, TASKS_A_CALL):
            answer = await self._ecs.call(
                "describe_tasks", cluster=self._place.cluster, tasks=list(some), include=["TAGS"]
            )
            _only_missing(answer)
            for seen in answer["tasks"]:
                told = spec.tags_of(seen) or await self._labels(seen["taskDefinitionArn"])
                if told.get(POOL) == self._place.pool:
                    found.append((seen, told))
        return found

    def _end(self, seen: Mapping[str, Any]) -> None:
        """Say why a task ended when nobody wanted that: no image, no secret, no room, a crash."""
        self._over.add(seen["taskArn"])
        if seen.get("stopCode") in spec.UNWANTED:
            log.warning("task ended", task=spec.id_of(seen), why=seen.get("stoppedReason"))

    async def _stop(self, task: str, why: str) -> None:
        with suppress(NotThere):
            await self._ecs.call("stop_task", cluster=self._place.cluster, task=task, reason=why[:255])


def _only_missing(answer: Mapping[str, Any]) -> None:
    """What AWS does not know is not there; any other failure is one of the call. Raises EngineUnreachable."""
    for failure in answer.get("failures", ()):
        if failure.get("reason") != "MISSING":
            raise EngineUnreachable(f"AWS cannot describe {failure.get('arn')}: {failure.get('reason')}")
