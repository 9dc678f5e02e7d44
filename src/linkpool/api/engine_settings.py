"""What a control plane is told of the engine that runs its replicas: one of three, and what each needs."""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode

from linkpool.engines.swarm import SOCKET


def split(value: Any) -> Any:
    """A list that the environment writes with commas."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


Texts = Annotated[list[str], NoDecode, BeforeValidator(split)]
"""A list; comma-separated in the environment."""


class EngineSettings(BaseSettings):
    """Those of all engines first, then of `swarm`, then of `ecs`; another engine's are not looked at."""

    engine: Literal["local", "swarm", "ecs"] = Field(
        "local", description="What runs replicas: this machine, the Docker Swarm it manages, or AWS."
    )
    release_name: str = Field(
        "local", pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$", description="What new nodes run."
    )
    release_command: list[str] = Field(
        [], description="Its program (local), or its image's arguments; LinkPool's own replica by default."
    )
    release_image: str | None = Field(
        None, description="Image of that release, by digest or ID (swarm, ecs): one runs every process."
    )
    release_settings: dict[str, str] = Field({}, description="Environment of that release's replicas.")
    task_memory: int = Field(512, ge=64, description="MiB that one task may use (swarm, ecs).")
    docker_socket: Path = Field(SOCKET, description="The daemon's socket, of a manager (swarm).")
    swarm_network: str = Field("linkpool", description="Overlay network that replicas join (swarm).")
    swarm_zone: str = Field("zone", description="Node label over which a pair is spread (swarm).")
    swarm_constraints: Texts = Field(
        [], description="Placement constraints of replicas, as Docker has them (swarm)."
    )
    aws_region: str | None = Field(None, description="Region of the cluster (ecs).")
    aws_endpoint: str | None = Field(None, description="Address of an emulator in place of AWS (ecs).")
    ecs_cluster: str = Field("linkpool", description="Name of the cluster (ecs).")
    ecs_subnets: Texts = Field([], description="Subnets of tasks, in two zones at least (ecs).")
    ecs_security_groups: Texts = Field([], description="Security groups of tasks (ecs).")
    ecs_public_ip: bool = Field(
        False, description="Give tasks public addresses: Fargate in subnets without NAT (ecs)."
    )
    ecs_capacity_provider: str | None = Field(
        None, description="Capacity provider with EC2 machines; Fargate without one (ecs)."
    )
    ecs_execution_role: str | None = Field(
        None, description="Role that reads secrets, pulls images and writes logs (ecs)."
    )
    ecs_task_role: str | None = Field(None, description="Role of replicas themselves; they need none (ecs).")
    ecs_log_group: str | None = Field(None, description="CloudWatch log group of replicas (ecs).")
    task_cpu: int = Field(256, ge=128, description="CPU units of one task: 1024 are one core (ecs).")

    @property
    def replica_command(self) -> list[str]:
        """What the configured release runs: a program of this machine, or what the image is told."""
        ours = [sys.executable, "-m", "linkpool.replica"] if self.engine == "local" else ["replica"]
        return self.release_command or ours

    def refuse_half_an_engine(self, *, agents: bool) -> None:
        """Replicas on other machines need an image, and TLS to come back through. Raises ValueError."""
        if self.engine == "local":
            return
        needed: dict[str, object] = {"release_image": self.release_image}
        needed["agent_port and control_urls"] = agents
        if self.engine == "ecs":
            needed |= {"aws_region": self.aws_region, "ecs_subnets": self.ecs_subnets}
        missing = [name for name, value in needed.items() if not value]
        guide = "swarm.md" if self.engine == "swarm" else "aws.md"
        if missing:
            raise ValueError(f"engine {self.engine} also needs {', '.join(missing)}; see docs/{guide}")
