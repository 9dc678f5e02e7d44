"""What tasks on ECS say, as CloudWatch keeps it: in the pool's log group a stream for each task."""

from collections.abc import Mapping
from typing import Any

from linkpool.engines.aws import Aws
from linkpool.engines.ecs_spec import CONTAINER

MOST = 10_000
"""Events that one call may ask for."""


class EcsLogs:
    """The log group `log_group`. endpoint: an emulator's address, in tests. Calls raise as `Aws` does."""

    def __init__(self, log_group: str, region: str, endpoint: str | None = None) -> None:
        self._log_group = log_group
        self._logs = Aws("logs", region, endpoint)

    async def tasks(self, group: str) -> Mapping[str, float]:
        """Every task of the group that ever said something: Unix seconds of its newest word known here."""
        prefix = f"{group}/{CONTAINER}/"  # as the awslogs driver names streams
        seen = await self._logs.every(
            "describe_log_streams", "logStreams", logGroupName=self._log_group, logStreamNamePrefix=prefix
        )
        return {each["logStreamName"].removeprefix(prefix): _newest(each) for each in seen}

    async def tail(self, group: str, task: str, lines: int) -> list[str]:
        """The last lines of a task that said something."""
        asked: dict[str, Any] = {
            "logGroupName": self._log_group,
            "logStreamName": f"{group}/{CONTAINER}/{task}",
            "startFromHead": False,
        }
        found: list[str] = []
        while len(found) < lines:  # a page may be empty though there is more; the last one repeats its token
            page = await self._logs.call("get_log_events", **asked, limit=min(lines - len(found), MOST))
            found = [each["message"] for each in page["events"]] + found
            if page["nextBackwardToken"] == asked.get("nextToken"):
                break
            asked["nextToken"] = page["nextBackwardToken"]
        return found


def _newest(stream: Mapping[str, Any]) -> float:
    """CloudWatch tells the last word late, the first one at once."""
    told: int = stream.get("lastEventTimestamp") or stream.get("creationTime", 0)
    return told / 1000
