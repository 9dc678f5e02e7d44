"""The ecs engine: the conformance suite over real containers behind an emulator of AWS.

What the emulator does not do as AWS does, so that nothing here relies on it: container health checks, entry
points, user and read-only root of a task definition, CPU and memory limits, `stopTimeout` (it kills after
5 s), task protection, the replacement of a stopped task before the service is updated again.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from linkpool.engines.aws import Aws
from linkpool.engines.ecs import EcsEngine
from linkpool.engines.ecs_spec import Place
from linkpool.engines.protocol import EngineRefused, EngineUnreachable
from tests.engines.conformance import Bench, Conformance, settled
from tests.support.aws import REGION, Cloud, emulator, ground
from tests.support.containers import Containers
from tests.support.cut_line import cut_line
from tests.support.docker import Daemon

ARN = "com.amazonaws.ecs.task-arn"


@pytest.fixture(scope="module")
def cloud(docker: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with emulator(docker, tmp_path_factory.mktemp("aws")) as running:
        yield running


@pytest.fixture
async def place(cloud: Cloud) -> Place:
    return await ground(cloud, "test")


@pytest.fixture
async def bench(
    docker: Daemon, cloud: Cloud, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Bench]:
    monkeypatch.setattr("linkpool.engines.aws.TRIES", 3)  # each further one waits longer

    def label(task: str) -> str:
        return f"{ARN}=arn:aws:ecs:{REGION}:000000000000:task/{cloud.cluster}/{task}"

    hands = Containers(docker, label, partial(show, cloud), tmp_path)
    async with cut_line(cloud.address) as line:
        made = Bench(
            lambda pool: EcsEngine(replace(place, pool=pool), f"http://127.0.0.1:{line.port}"),
            hands,
            line,
            (b"CreateSecret", b"RegisterTaskDefinition", b"CreateService"),
            docker.shell,
            renews=False,
        )
        yield made
        await made.clear()
        await hands.end()


async def show(cloud: Cloud) -> str:
    """What AWS lists to whoever may look, values of secrets aside."""
    ecs, secrets = Aws("ecs", REGION, cloud.endpoint), Aws("secretsmanager", REGION, cloud.endpoint)
    asked = {"cluster": cloud.cluster}
    tasks = await ecs.every("list_tasks", "taskArns", **asked)
    services = await ecs.every("list_services", "serviceArns", **asked)
    definitions = await ecs.every("list_task_definitions", "taskDefinitionArns")
    shown = [await ecs.call("describe_tasks", tasks=tasks, **asked)]
    shown += [await ecs.call("describe_services", services=services, include=["TAGS"], **asked)]
    shown += [await ecs.call("describe_task_definition", taskDefinition=each) for each in definitions]
    return repr([*shown, await secrets.call("list_secrets")])


class TestConformance(Conformance):
    """Every promise of the protocol, on services of a cluster."""


async def test_the_token_is_a_secret_of_its_own_and_stands_in_no_definition(
    bench: Bench, cloud: Cloud
) -> None:
    async with bench.mine() as engine:
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
        with pytest.raises(EngineUnreachable, match="does not answer ecs:ListTasks"):
            await engine.tasks()
