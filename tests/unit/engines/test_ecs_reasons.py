"""What keeps tasks of ECS from running is said, since nothing but the services' events tells it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from linkpool.engines.aws import NotNow
from linkpool.engines.ecs import EcsEngine
from linkpool.engines.protocol import EngineUnreachable
from tests.support.ecs_group import ONE, settled
from tests.support.fake_ecs import PLACE, FakeEcs, run

NO_MORE = "You've reached the limit on the number of vCPUs you can run concurrently."


@asynccontextmanager
async def followed(engine: EcsEngine) -> AsyncIterator[list[Mapping[str, Any]]]:
    """Its events are listened to, as a leader does; the warnings until the end."""

    async def listen() -> None:
        async for _ in engine.events():
            pass

    with capture_logs() as said:
        listener = asyncio.create_task(listen())
        yield said
        listener.cancel()


def whys(said: list[Mapping[str, Any]]) -> list[str]:
    return [line["why"] for line in said if line["event"] == "group lacks tasks"]


def test_what_keeps_a_group_from_running_is_said_once_with_what_to_do() -> None:
    sky = FakeEcs()
    sky.full = NO_MORE

    async def live() -> None:
        async with EcsEngine(PLACE) as engine, followed(engine) as said:
            await engine.ensure(ONE)
            await asyncio.sleep(50)
            assert whys(said) == []
            await asyncio.sleep(600)
            assert whys(said) == [f"(service test-n1-blue) was unable to place a task. Reason: {NO_MORE}"]
            assert "quotas" in said[0]["advice"]
            sky.full = ""
            await settled(sky, engine, 2)
            sky.full = "No Container Instances were found in your cluster."
            await engine.ensure(replace(ONE, count=3))
            await asyncio.sleep(600)
            assert "No Container Instances" in whys(said)[1]

    with sky.wired():
        run(live())


def test_what_was_wrong_before_a_group_was_well_is_not_said_again() -> None:
    sky = FakeEcs()
    sky.full = NO_MORE

    async def live() -> None:
        async with EcsEngine(PLACE) as engine:
            await engine.ensure(ONE)
            sky.full = ""
            await settled(sky, engine, 2)
        async with EcsEngine(PLACE) as engine, followed(engine) as said:
            sky.start_seconds = 1_000.0  # machines are on their way
            await engine.ensure(replace(ONE, count=3))
            await asyncio.sleep(600)
            assert whys(said) == []

    with sky.wired():
        run(live())


def test_nobody_is_asked_about_groups_that_have_what_they_want_or_are_removed() -> None:
    sky = FakeEcs()

    async def live() -> None:
        async with EcsEngine(PLACE) as engine, followed(engine) as said:
            await engine.ensure(ONE)
            await settled(sky, engine, 2)
            other = replace(ONE, name="n2-blue")
            sky.full = NO_MORE
            await engine.ensure(other)
            await engine.remove(other.name, 0.0)
            sky.calls.clear()
            await asyncio.sleep(600)
            assert "ecs:DescribeServices" not in sky.calls
            assert whys(said) == []

    with sky.wired():
        run(live())


def test_a_term_that_ended_leaves_no_group_to_ask_about() -> None:
    sky = FakeEcs()
    sky.full = NO_MORE

    async def live() -> None:
        engine = EcsEngine(PLACE)
        async with engine:
            await engine.ensure(ONE)
        async with engine, followed(engine) as said:
            await asyncio.sleep(600)
            assert whys(said) == []

    with sky.wired():
        run(live())


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ClientException", NO_MORE),
        ("InvalidParameterException", "Unable to create, since this exceeds the maximum limit."),
        ("InvalidParameterException", "Desired count exceeds limit."),
    ],
)
def test_a_quota_that_ecs_only_words_may_pass(code: str, message: str) -> None:
    sky = FakeEcs()
    sky.refuses["ecs:CreateService"] = (code, message)

    async def live() -> None:
        async with EcsEngine(PLACE) as engine:
            await engine.ensure(ONE)

    with sky.wired(), pytest.raises(NotNow, match="a quota of AWS stops ecs:CreateService"):
        run(live())


def test_what_ec2_cannot_do_for_ecs_just_now_is_asked_again() -> None:
    sky = FakeEcs()
    said = "Error retrieving subnet information: Request limit exceeded. (ErrorCode: RequestLimitExceeded)"
    sky.refuses["ecs:CreateService"] = ("InvalidParameterException", said)

    async def live() -> None:
        async with EcsEngine(PLACE) as engine:
            await engine.ensure(ONE)

    with sky.wired(), pytest.raises(EngineUnreachable, match="cannot do ecs:CreateService now"):
        run(live())
    assert sky.calls.count("ecs:CreateService") > 1
