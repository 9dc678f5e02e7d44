"""What LinkPool asks of Docker Swarm for one group, and how it reads what Swarm says of its tasks."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from linkpool.engines.container import (
    ASKED,
    GROUP,
    PORT,
    RELEASE,
    STOP_SECONDS,
    USER,
    environment,
    labels,
)
from linkpool.engines.protocol import Group, Phase, Task

TOKEN_FILE = "linkpool-token"  # noqa: S105 - a file's name
SECOND = 10**9
"""Docker counts in nanoseconds."""
_BEFORE_RUNNING = {"new", "pending", "assigned", "accepted", "preparing", "ready", "starting", "allocated"}


@dataclass(frozen=True)
class Ground:
    """What groups of one pool share.

    zone: the node label over which a pair is spread; memory: MiB a task may use.
    """

    pool: str
    network: str
    zone: str = "zone"
    constraints: tuple[str, ...] = ()
    memory: int = 256


def name_of(pool: str, group: str) -> str:
    """The service's and the secret's name: at most 63 characters, the same for the same group."""
    name = f"{pool}-{group}"
    return name if len(name) <= 63 else f"{name[:46]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def service(ground: Ground, group: Group, image: str, secret: str) -> dict[str, Any]:
    """The service that keeps the group running. image: by ID or digest; secret: the token's id in Swarm."""
    asked = {
        "Name": name_of(ground.pool, group.name),
        "Labels": labels(group),
        "TaskTemplate": {
            "ContainerSpec": _container(ground, group, image, secret),
            "RestartPolicy": {"Condition": "any", "Delay": 0},
            "Placement": {
                "Constraints": list(ground.constraints),
                "Preferences": [{"Spread": {"SpreadDescriptor": f"node.labels.{ground.zone}"}}],
            },
            "Networks": [{"Target": ground.network}],
            "Resources": {"Limits": {"MemoryBytes": ground.memory * 2**20}},
        },
        "Mode": {"Replicated": {"Replicas": group.count}},
        # a change of settings goes round one at a time, newcomers first, so that one replica always serves
        "UpdateConfig": {"Parallelism": 1, "Order": "start-first", "Delay": 15 * SECOND},
        "EndpointSpec": {"Mode": "dnsrr"},  # virtual IPs need IPVS, which not every kernel has
    }
    digest = hashlib.sha256(repr(asked).encode()).hexdigest()
    asked["Labels"] = {**labels(group), ASKED: digest}
    return asked


def _container(ground: Ground, group: Group, image: str, secret: str) -> dict[str, Any]:
    told = environment(group) | {
        "LINKPOOL_TASK": "{{.Task.ID}}",
        "LINKPOOL_TOKEN_FILE": f"/run/secrets/{TOKEN_FILE}",
    }
    asked: dict[str, Any] = {
        "Image": image,
        "Env": [f"{name}={value}" for name, value in told.items()],
        "Labels": labels(group),
        "User": f"{USER}:{USER}",
        "ReadOnly": True,
        "Init": True,
        "CapabilityDrop": ["ALL"],
        "Mounts": [{"Type": "tmpfs", "Target": "/tmp"}],  # noqa: S108 - the container's own
        "StopGracePeriod": STOP_SECONDS * SECOND,
        "Secrets": [
            {
                "SecretID": secret,
                "SecretName": name_of(ground.pool, group.name),
                "File": {"Name": TOKEN_FILE, "UID": USER, "GID": USER, "Mode": 0o400},
            }
        ],
    }
    if group.release.command:
        asked["Args"] = list(group.release.command)
    return asked


def task(seen: Mapping[str, Any], told: Mapping[str, str]) -> Task | None:
    """Swarm's task as the protocol names it, with its service's labels; None when it is over."""
    phase = _phase(seen["Status"]["State"], seen["DesiredState"])
    if phase is None:
        return None
    started = datetime.fromisoformat(f"{seen['CreatedAt'][:19]}+00:00").timestamp()
    address = _address(seen, told[PORT]) if PORT in told else None
    return Task(seen["ID"], told[GROUP], phase, told[RELEASE], started, address=address)


def _phase(state: str, desired: str) -> Phase | None:
    ending = desired in {"shutdown", "remove"}
    if state == "running":
        return Phase.STOPPING if ending else Phase.RUNNING
    if state in _BEFORE_RUNNING and not ending:
        return Phase.STARTING
    return None


def _address(seen: Mapping[str, Any], port: str) -> str | None:
    """Where the task listens on the pool's network, as the others on it reach it."""
    for attachment in seen.get("NetworksAttachments") or ():
        for address in attachment.get("Addresses") or ():
            return f"{address.partition('/')[0]}:{port}"
    return None


def packed(token: str) -> str:
    """A secret's content as the Engine API wants it."""
    return base64.b64encode(token.encode()).decode()
