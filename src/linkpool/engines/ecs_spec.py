"""What LinkPool asks of Amazon ECS for one group, and how it reads what ECS says of its tasks."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from linkpool.engines.container import (
    ASKED,
    GROUP,
    POOL,
    PORT,
    RELEASE,
    STOP_SECONDS,
    USER,
    environment,
    labels,
)
from linkpool.engines.protocol import Group, Phase, Task

CONTAINER = "linkpool"
_RUNNING = {"RUNNING"}
_BEFORE = {"PROVISIONING", "PENDING", "ACTIVATING"}
_OVER = {"STOPPED", "DELETED"}
UNWANTED = {"TaskFailedToStart", "EssentialContainerExited", "SpotInterruption", "TerminationNotice"}
"""How tasks end that neither we nor the service stopped."""


@dataclass(frozen=True)
class Place:
    """Where all groups of one pool run (docs/aws.md)."""

    pool: str
    region: str
    cluster: str
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    execution_role: str | None = None
    task_role: str | None = None
    log_group: str | None = None
    capacity_provider: str | None = None
    """EC2 packing through this provider; None is Fargate."""
    public_ip: bool = False
    """Whether tasks get public addresses, which only Fargate can give."""
    cpu: int = 256
    """CPU units of a task: 1024 are one core."""
    memory: int = 512
    """MiB of a task."""

    @property
    def fargate(self) -> bool:
        """No machines of our own."""
        return self.capacity_provider is None


def name_of(pool: str, group: str) -> str:
    """The service's and the task definition's name, and the secret's."""
    return f"{pool}-{group}"


def as_list(values: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as ECS wants them."""
    return [{"key": key, "value": value} for key, value in values.items()]


def definition(place: Place, group: Group, secret: str) -> dict[str, Any]:
    """The task definition. It never changes once made, so its labels tell whose a task is. secret: an ARN."""
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": group.release.image,
        "essential": True,
        "environment": [{"name": name, "value": value} for name, value in environment(group).items()],
        "secrets": [{"name": "LINKPOOL_TOKEN", "valueFrom": secret}],
        "stopTimeout": STOP_SECONDS,
        "readonlyRootFilesystem": True,
        "user": f"{USER}:{USER}",
        "linuxParameters": {"initProcessEnabled": True},
    }
    if group.release.command:
        container["command"] = list(group.release.command)
    if place.log_group:
        options = {"awslogs-group": place.log_group, "awslogs-region": place.region}
        container["logConfiguration"] = {
            "logDriver": "awslogs",
            "options": options | {"awslogs-stream-prefix": group.name},
        }
    asked: dict[str, Any] = {
        "family": name_of(place.pool, group.name),
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE" if place.fargate else "EC2"],
        "cpu": str(place.cpu),
        "memory": str(place.memory),
        "containerDefinitions": [container],
    }
    roles = {"executionRoleArn": place.execution_role, "taskRoleArn": place.task_role}
    asked |= {name: role for name, role in roles.items() if role}
    told = {**labels(group), ASKED: hashlib.sha256(repr(asked).encode()).hexdigest()}
    container["dockerLabels"] = told
    return asked | {"tags": as_list(told)}


def service(place: Place, group: Group, task_definition: str) -> dict[str, Any]:
    """The service that keeps the group running, a pair in two zones where there are two."""
    network = {"subnets": list(place.subnets), "securityGroups": list(place.security_groups)}
    asked: dict[str, Any] = {
        "cluster": place.cluster,
        "serviceName": name_of(place.pool, group.name),
        "taskDefinition": task_definition,
        "desiredCount": group.count,
        "networkConfiguration": {
            "awsvpcConfiguration": network | {"assignPublicIp": "ENABLED" if place.public_ip else "DISABLED"}
        },
        # what AWS itself moves (a machine is drained, Fargate retires a task) goes newcomers first
        "deploymentConfiguration": {"maximumPercent": 200, "minimumHealthyPercent": 100},
        "propagateTags": "SERVICE",
        "tags": as_list(labels(group)),
    }
    if place.fargate:
        return asked | {"launchType": "FARGATE"}
    spread = [
        {"type": "spread", "field": "attribute:ecs.availability-zone"},
        {"type": "binpack", "field": "memory"},
    ]
    provider = [{"capacityProvider": place.capacity_provider, "weight": 1}]
    return asked | {"capacityProviderStrategy": provider, "placementStrategy": spread}


def labels_of(described: Mapping[str, Any]) -> Mapping[str, str]:
    """What a task definition says of its group; empty when it is none of ours."""
    for container in described["containerDefinitions"]:
        if POOL in container.get("dockerLabels", {}):
            found: Mapping[str, str] = container["dockerLabels"]
            return found
    return {}


def tags_of(seen: Mapping[str, Any]) -> Mapping[str, str]:
    """What a task got from its service, which says the same of its group; empty when it is none of ours."""
    found = {tag["key"]: tag["value"] for tag in seen.get("tags", ())}
    return found if POOL in found else {}


def id_of(seen: Mapping[str, Any]) -> str:
    """A task's name in all of LinkPool: the end of its ARN."""
    name: str = seen["taskArn"].rpartition("/")[2]
    return name


def task(seen: Mapping[str, Any], told: Mapping[str, str]) -> Task | None:
    """ECS's task as the protocol names it, with what is told of its group; None when it is over."""
    phase = _phase(seen["lastStatus"], seen["desiredStatus"])
    if phase is None:
        return None
    address = _address(seen, told[PORT]) if PORT in told else None
    started = seen.get("startedAt") or seen["createdAt"]
    return Task(id_of(seen), told[GROUP], phase, told[RELEASE], started.timestamp(), address=address)


def _phase(last: str, desired: str) -> Phase | None:
    if last in _OVER:
        return None
    if desired == "STOPPED":
        return Phase.STOPPING
    return Phase.RUNNING if last in _RUNNING else Phase.STARTING if last in _BEFORE else Phase.STOPPING


def _address(seen: Mapping[str, Any], port: str) -> str | None:
    for attachment in seen.get("attachments", ()):
        for detail in attachment.get("details", ()):
            if detail.get("name") == "privateIPv4Address":
                return f"{detail['value']}:{port}"
    return None
