"""Why groups lack tasks, as ECS words it.

ECS takes a service whatever it can give it. What then keeps tasks from running (a quota, no free address, no
machine) stands in the service's events alone, so those are read of groups that lack tasks for a while.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import Any

import structlog

from linkpool.engines.aws import Aws
from linkpool.engines.ecs_spec import Place, name_of
from linkpool.engines.protocol import Phase, Task

log = structlog.get_logger(__name__)

PATIENCE = 60.0
"""Seconds that a group may lack tasks: so long a task starts."""
ASK_EVERY = 60.0
SERVICES_A_CALL = 10
"""Of those that lack tasks the first few are asked about: a quota stops all of them alike."""
_WELL = "steady state"
_TROUBLE = re.compile("unable|fail|throttl")
_ADVICE = (
    "look at the quotas of Fargate (vCPUs), of network interfaces and of tasks being provisioned, at the "
    "subnets' free addresses and at how many machines there may be; ECS goes on trying"
)


class Reasons:
    """`wanted`: tasks by group, as this term asked for them. `look` is shown what runs, now and then."""

    def __init__(self, place: Place, ecs: Aws) -> None:
        self.wanted: dict[str, int] = {}
        self._place = place
        self._ecs = ecs
        self._lacking: dict[str, float] = {}
        """Since when, by group."""
        self._ask_at = 0.0
        self._said: dict[str, str] = {}
        """The last event that was told, by group."""

    async def look(self, tasks: Iterable[Task]) -> None:
        """Say what ECS says of groups that lack tasks. Raises as `Aws` does."""
        now = asyncio.get_running_loop().time()
        running = Counter(task.group for task in tasks if task.phase is Phase.RUNNING)
        lacking = [group for group, count in self.wanted.items() if running[group] < count]
        self._lacking = {group: self._lacking.get(group, now) for group in lacking}
        late = [group for group, since in self._lacking.items() if now - since >= PATIENCE]
        if late and now >= self._ask_at:
            self._ask_at = now + ASK_EVERY
            await self._ask(late)

    async def _ask(self, late: list[str]) -> None:
        names = {name_of(self._place.pool, group): group for group in late[:SERVICES_A_CALL]}
        answer = await self._ecs.call("describe_services", cluster=self._place.cluster, services=list(names))
        for service in answer["services"]:
            group, event = names[service["serviceName"]], _trouble(service)
            if event is not None and self._said.get(group) != event["id"]:
                self._said[group] = event["id"]
                log.warning(
                    "group lacks tasks",
                    group=group,
                    groups=len(late),
                    why=event["message"],
                    advice=_ADVICE,
                )


def _trouble(service: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The newest event that tells of trouble, of those since the service was last well; newest come first."""
    since = takewhile(lambda event: _WELL not in event["message"], service.get("events", ()))
    return next((event for event in since if _TROUBLE.search(event["message"])), None)
