"""An AWS emulator whose ECS runs real containers (ministack), for one test run.

It lives in an environment of its own (`scripts/setup engines`), since it pins boto's parts.
"""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlsplit

import httpx

from linkpool.engines.aws import Aws
from linkpool.engines.ecs_spec import Place
from linkpool.engines.protocol import EngineRefused
from tests.support.docker import Daemon, NoDocker
from tests.support.ports import free_port

PROGRAM = Path(__file__).parents[2] / "build" / "ministack" / "bin" / "ministack"
GATEWAY = "172.17.0.1"
"""Of the daemon's default bridge: containers reach the emulator there."""
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_EC2_METADATA_DISABLED": "true",
}
REGION = "eu-west-1"
MACHINES, LOGS = "machines", "/linkpool/replicas"
"""The capacity provider and the log group of `ground`."""


@dataclass(frozen=True)
class Cloud:
    """The emulator, and the cluster made in it."""

    endpoint: str
    cluster: str

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the endpoint."""
        parts = urlsplit(self.endpoint)
        return str(parts.hostname), int(parts.port or 0)


@contextmanager
def emulator(docker: Daemon, folder: Path) -> Iterator[Cloud]:
    """Start it on a free port beside the daemon; its containers end with it.

    While it runs, boto3 finds credentials in the environment, here and in processes started from here.
    """
    if not PROGRAM.exists():
        raise NoDocker(f"{PROGRAM} is missing: scripts/setup engines")
    port = free_port()
    told = {"BIND_HOST": GATEWAY, "GATEWAY_PORT": str(port), "MINISTACK_REGION": REGION}
    told |= {"DOCKER_HOST": f"unix://{docker.socket}", "ECS_REAP_INTERVAL_SECONDS": "1"}
    with (folder / "ministack.log").open("wb") as sink:
        process = subprocess.Popen(
            [PROGRAM], env={**os.environ, **told}, stdout=sink, stderr=sink, cwd=folder
        )
    url = f"http://{GATEWAY}:{port}"
    try:
        _until_up(url, process, folder / "ministack.log")
        with patch.dict(os.environ, CREDENTIALS):
            yield Cloud(url, "pool")
    finally:
        process.kill()  # it would wait for its containers, one after the other
        process.wait(20)
        with docker.http() as http:
            for found in _containers(http, "com.amazonaws.ecs.cluster"):
                http.delete(f"/containers/{found}", params={"force": "1"})


async def ground(cloud: Cloud, pool: str) -> Place:
    """A cluster in a network of two zones, on machines of a capacity provider, with a log group."""
    ecs, ec2, logs = (Aws(service, REGION, cloud.endpoint) for service in ("ecs", "ec2", "logs"))
    await ecs.call("create_cluster", clusterName=cloud.cluster)
    group = f"arn:aws:autoscaling:{REGION}:000000000000:autoScalingGroup:x:autoScalingGroupName/machines"
    with suppress(EngineRefused):  # there from an earlier call
        machines = {"autoScalingGroupArn": group}
        await ecs.call("create_capacity_provider", name=MACHINES, autoScalingGroupProvider=machines)
        await logs.call("create_log_group", logGroupName=LOGS)
    await ecs.call(
        "put_cluster_capacity_providers",
        cluster=cloud.cluster,
        capacityProviders=[MACHINES],
        defaultCapacityProviderStrategy=[],
    )
    vpc = (await ec2.call("create_vpc", CidrBlock="10.77.0.0/16"))["Vpc"]["VpcId"]
    made = [
        await ec2.call(
            "create_subnet", VpcId=vpc, CidrBlock=f"10.77.{n}.0/24", AvailabilityZone=REGION + zone
        )
        for n, zone in enumerate("ab")
    ]
    subnets = tuple(each["Subnet"]["SubnetId"] for each in made)
    role = "arn:aws:iam::000000000000:role/linkpool-tasks"
    return Place(pool, REGION, cloud.cluster, subnets, (), role, log_group=LOGS, capacity_provider=MACHINES)


def kill_container(docker: Daemon, cloud: Cloud, task: str) -> None:
    """SIGKILL to what a task runs in."""
    arn = f"arn:aws:ecs:{REGION}:000000000000:task/{cloud.cluster}/{task}"
    with docker.http() as http:
        (found,) = _containers(http, f"com.amazonaws.ecs.task-arn={arn}")
        http.post(f"/containers/{found}/kill").raise_for_status()


def _containers(http: httpx.Client, label: str) -> list[str]:
    wanted = json.dumps({"label": [label]})
    return [each["Id"] for each in http.get("/containers/json", params={"filters": wanted}).json()]


def _until_up(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + 200
    while True:
        try:
            if httpx.get(f"{url}/_ministack/health").status_code < 500:
                return
        except httpx.HTTPError:
            pass
        if process.poll() is not None or time.monotonic() > until:
            raise NoDocker(f"the emulator does not start:\n{log.read_text(errors='replace')[-1500:]}")
        time.sleep(0.1)
