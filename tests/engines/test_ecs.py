"""The ecs engine: the conformance suite over real containers behind an emulator of AWS.

What the emulator does not do as AWS does, so that nothing here relies on it: container health checks, entry
points, user and read-only root of a task definition, CPU and memory limits, `stopTimeout` (it kills after
5 s), task protection, the replacement of a stopped task before the service is updated again.
"""

from collections.abc import AsyncIterator, Iterator

import pytest

from linkpool.engines.aws import Aws
from linkpool.engines.docker import Docker
from linkpool.engines.ecs import EcsEngine
from linkpool.engines.ecs_spec import Place
from linkpool.engines.protocol import EngineRefused, EngineUnreachable, Release, Task
from tests.engines.conformance import Bench, Conformance, settled
from tests.support.aws import CREDENTIALS, REGION, Cloud, emulator
from tests.support.docker import Daemon

ARN = "com.amazonaws.ecs.task-arn"
SLEEP = ("/bin/sh", "-c", "exec sleep 1000")
STUBBORN = ("/bin/sh", "-c", "trap '' TERM; while :; do sleep 0.2; done")


@pytest.fixture(scope="module")
def cloud(docker: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with emulator(docker, tmp_path_factory.mktemp("aws")) as running:
        yield running


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
async def place(cloud: Cloud) -> Place:
    """A cluster in a network of one subnet."""
    ecs, ec2 = Aws("ecs", REGION, cloud.endpoint), Aws("ec2", REGION, cloud.endpoint)
    await ecs.call("create_cluster", clusterName=cloud.cluster)
    vpc = (await ec2.call("create_vpc", CidrBlock="10.77.0.0/16"))["Vpc"]["VpcId"]
    subnet = (await ec2.call("create_subnet", VpcId=vpc, CidrBlock="10.77.1.0/24"))["Subnet"]["SubnetId"]
    return Place("test", REGION, cloud.cluster, (subnet,), ())


@pytest.fixture
async def bench(docker: Daemon, cloud: Cloud, place: Place) -> AsyncIterator[Bench]:
    async def kill(task: Task) -> None:
        """Its container dies."""
        async with Docker(docker.socket) as api:
            label = f"{ARN}=arn:aws:ecs:{REGION}:000000000000:task/{cloud.cluster}/{task.id}"
            for found in await api.listed("containers/json", label=label):
                await api.post(f"containers/{found['Id']}/kill")

    yield Bench(
        lambda: EcsEngine(place, cloud.endpoint),
        Release("r1", SLEEP, docker.shell),
        Release("r1", STUBBORN, docker.shell),
        kill,
    )
    async with EcsEngine(place, cloud.endpoint) as engine:
        for name in {task.group for task in await engine.tasks()}:
            await engine.remove(name, 0.0)


class TestConformance(Conformance):
    """Every promise of the protocol, on services of a cluster."""


async def test_the_token_is_a_secret_of_its_own_and_stands_in_no_definition(
    bench: Bench, cloud: Cloud
) -> None:
    async with bench.open() as engine:
        await engine.ensure(bench.group(count=1))
        await settled(engine, 1)
        ecs = Aws("ecs", REGION, cloud.endpoint)
        told = await ecs.call("describe_task_definition", taskDefinition="test-n0-blue")
        assert "secret-t" not in repr(told)
        assert told["taskDefinition"]["containerDefinitions"][0]["secrets"][0]["name"] == "LINKPOOL_TOKEN"
        await engine.remove("n0-blue", 5.0)
        with pytest.raises(EngineRefused):
            await Aws("secretsmanager", REGION, cloud.endpoint).call(
                "describe_secret", SecretId="linkpool/test/n0-blue"
            )


async def test_a_region_out_of_reach_is_said(place: Place) -> None:
    async with EcsEngine(place, "http://127.0.0.1:9") as engine:
        with pytest.raises(EngineUnreachable, match="does not answer ecs list_tasks"):
            await engine.tasks()
