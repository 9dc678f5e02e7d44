"""A group that runs on ECS: whatever is changed meanwhile, its tasks stay. And what a new term asks AWS."""

from copy import deepcopy
from dataclasses import replace

import pytest

from linkpool.engines.aws import NotNow
from linkpool.engines.ecs import EcsEngine
from linkpool.engines.ecs_spec import Place
from tests.support.ecs_group import ONE, settled
from tests.support.fake_ecs import PLACE, FakeEcs, run

OTHERWISE = replace(ONE, environment={"LINKPOOL_RPC_URLS": "wss://y"})


@pytest.mark.parametrize(
    "place",
    [
        PLACE,
        replace(PLACE, memory=1024),
        replace(PLACE, execution_role="arn:aws:iam::0:role/other"),
        replace(PLACE, log_group="/linkpool/replicas"),
        replace(PLACE, capacity_provider="machines"),
    ],
)
def test_whatever_is_changed_the_tasks_of_a_living_group_stay(place: Place) -> None:
    sky = FakeEcs()

    async def live() -> None:
        async with EcsEngine(PLACE) as engine:
            await engine.ensure(ONE)
            before = await settled(sky, engine, 2)
        was = deepcopy(sky.now.services["test-n1-blue"])
        async with EcsEngine(place) as engine:
            await engine.ensure(OTHERWISE)
            assert sky.now.services["test-n1-blue"] == was
            assert await settled(sky, engine, 2) == before
            await engine.ensure(replace(OTHERWISE, count=3))
            assert {task.id for task in before} < {task.id for task in await settled(sky, engine, 3)}

    with sky.wired():
        run(live())


def test_what_is_changed_comes_with_the_next_group() -> None:
    sky = FakeEcs()
    following = replace(OTHERWISE, name="n1-green")

    async def live() -> None:
        async with EcsEngine(PLACE) as engine:
            await engine.ensure(ONE)
        async with EcsEngine(replace(PLACE, memory=1024)) as engine:
            await engine.ensure(following)
            await settled(sky, engine, 2, following)

    with sky.wired():
        run(live())
    assert told(sky, "test-n1-green") == ("1024", "wss://y")
    assert told(sky, "test-n1-blue") == ("512", "wss://x")


def test_what_was_changed_before_the_service_was_made_counts() -> None:
    sky = FakeEcs()

    async def live() -> None:
        async with EcsEngine(PLACE) as engine:
            sky.refuses["ecs:CreateService"] = ("LimitExceededException", "not now")
            with pytest.raises(NotNow):
                await engine.ensure(ONE)
            sky.refuses.clear()
            await engine.ensure(OTHERWISE)

    with sky.wired():
        run(live())
    assert told(sky, "test-n1-blue") == ("512", "wss://y")


def told(sky: FakeEcs, service: str) -> tuple[str, str]:
    """Memory of the service's tasks, and their first variable."""
    definition = sky.now.definitions[sky.now.services[service]["taskDefinition"]]
    return definition["memory"], definition["containerDefinitions"][0]["environment"][0]["value"]


def test_of_a_group_that_runs_a_new_leader_asks_one_thing() -> None:
    sky = FakeEcs()

    async def live() -> None:
        for _ in range(2):
            sky.calls.clear()
            async with EcsEngine(PLACE) as engine:
                await engine.ensure(ONE)

    with sky.wired():
        run(live())
    assert sky.calls == ["ecs:DescribeServices"]
