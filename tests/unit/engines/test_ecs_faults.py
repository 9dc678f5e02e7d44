"""The ecs engine while AWS is throttled, half-done, behind or full: every operation ends in the wanted state.

All of botocore takes part, above an AWS in memory that stands where its HTTP session would be.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from linkpool.engines import ecs_rights
from linkpool.engines.aws import TRIES, Aws, NotNow
from linkpool.engines.ecs import GONE_WITHIN, EcsEngine
from linkpool.engines.ecs_check import examine_ecs
from linkpool.engines.protocol import EngineRefused, EngineUnreachable, Group, Release, Task
from tests.support.ecs_group import ONE, settled
from tests.support.examples import examples
from tests.support.fake_ecs import PLACE, REGION, FakeEcs, Fault, run

NEXT_DOOR = replace(ONE, name="n1-blue-2", token="secret-2")
"""Its name begins with the other's."""

troubles = st.fixed_dictionaries(
    {
        "faults": st.lists(st.none() | st.sampled_from(Fault), max_size=30),
        "lag": st.sampled_from((0.0, 0.5, 2.0, 5.0)),
        "page": st.sampled_from((1, 2, 100)),
        "propagates": st.booleans(),
    }
)


async def persist(do: Callable[[], Awaitable[object]]) -> None:
    """As the loops of the control plane do: what may pass is tried again, a refusal is not."""
    async with asyncio.timeout(600):
        while True:
            try:
                await do()
            except EngineUnreachable:
                await asyncio.sleep(1)
            else:
                return


def trouble(sky: FakeEcs, wanted: dict[str, object]) -> None:
    for name, value in wanted.items():
        setattr(sky, name, value)


def standing(sky: FakeEcs) -> dict[str, set[str]]:
    """Groups of which something is left, by what it is."""
    now = sky.now
    return {
        "services": {name for name, each in now.services.items() if each["status"] != "INACTIVE"},
        "definitions": {each["family"] for each in now.definitions.values() if each["status"] == "ACTIVE"},
        "tasks": {each["startedBy"] for each in now.tasks.values() if each["lastStatus"] != "STOPPED"},
        "secrets": {name.replace("linkpool/test/", "test-") for name in now.secrets},
    }


def left(*groups: Group) -> dict[str, set[str]]:
    """What stands when just these groups do."""
    return {what: {f"test-{group.name}" for group in groups} for what in standing(FakeEcs())}


@given(troubles)
@settings(max_examples=examples(25))
def test_a_group_runs_as_it_was_asked_whatever_happens_to_the_calls(wanted: dict[str, object]) -> None:
    sky = FakeEcs()

    async def live() -> None:
        async with EcsEngine(PLACE) as engine:
            trouble(sky, wanted)
            await persist(lambda: engine.ensure(ONE))
            await settled(sky, engine, 2)
            trouble(sky, wanted)
            await persist(lambda: engine.ensure(replace(ONE, count=3)))
            now = await settled(sky, engine, 3)
        (service,) = sky.now.services.values()
        definition = sky.now.definitions[service["taskDefinition"]]["containerDefinitions"][0]
        assert {"name": "LINKPOOL_RPC_URLS", "value": "wss://x"} in definition["environment"]
        (secret,) = sky.now.secrets.values()
        assert definition["secrets"] == [{"name": "LINKPOOL_TOKEN", "valueFrom": secret["ARN"]}]
        assert secret["SecretString"] == ONE.token
        assert {
            sky.now.tasks[arn]["taskDefinitionArn"] for arn in sky.now.tasks if arn[-5:] in _ids(now)
        } == {service["taskDefinition"]}

    with sky.wired():
        run(live())


def _ids(tasks: list[Task]) -> set[str]:
    return {task.id for task in tasks}


@given(troubles)
@settings(max_examples=examples(25))
def test_a_removed_group_is_gone_with_all_it_had_and_its_neighbour_is_not(wanted: dict[str, object]) -> None:
    sky = FakeEcs()

    async def live() -> None:
        async with EcsEngine(PLACE) as engine:
            for group in (ONE, NEXT_DOOR):
                await engine.ensure(group)
            trouble(sky, wanted)
            await persist(lambda: engine.ensure(replace(ONE, count=1)))
            await persist(lambda: engine.remove(ONE.name, 5.0))
            assert ONE.name not in {task.group for task in await settled(sky, engine, 2, NEXT_DOOR)}
            await asyncio.sleep(10)
            await engine.tasks()
        assert standing(sky) == left(NEXT_DOOR)

    with sky.wired():
        run(live())


@given(troubles)
@settings(max_examples=examples(25))
def test_a_replaced_task_goes_and_another_comes(wanted: dict[str, object]) -> None:
    sky = FakeEcs()

    async def live() -> None:
        async with EcsEngine(PLACE) as engine:
            await engine.ensure(ONE)
            victim, sibling = await settled(sky, engine, 2)
            await asyncio.sleep(6)  # longer than anything lags
            trouble(sky, wanted)
            await persist(lambda: engine.replace(victim.id, "test"))
            assert sky.now.tasks[_arn(sky, sibling)]["desiredStatus"] == "RUNNING"
            assert victim.id not in _ids(await settled(sky, engine, 2))

    with sky.wired():
        run(live())


@pytest.mark.parametrize("fault", [Fault.HALF_DONE, Fault.THROTTLED])
def test_a_task_that_ended_between_two_tries_is_replaced_all_the_same(fault: Fault) -> None:
    sky = FakeEcs()

    async def live() -> None:
        async with EcsEngine(PLACE) as engine:
            await engine.ensure(ONE)
            victim, _ = await settled(sky, engine, 2)
            sky.faults = [None, None, None, *[fault] * TRIES]  # what follows its stop fails until it is over
            with pytest.raises(EngineUnreachable):
                await engine.replace(victim.id, "test")
            await asyncio.sleep(sky.stop_seconds)
            await engine.replace(victim.id, "test")
            assert victim.id not in _ids(await settled(sky, engine, 2))

    with sky.wired():
        run(live())


def _arn(sky: FakeEcs, task: Task) -> str:
    return next(arn for arn in sky.now.tasks if arn.endswith(task.id))


@given(st.lists(st.none() | st.sampled_from(Fault), max_size=20))
@settings(max_examples=examples(25))
def test_two_control_planes_at_once_start_nothing_twice(faults: list[Fault | None]) -> None:
    sky = FakeEcs()
    sky.faults = faults

    async def live() -> None:
        async with EcsEngine(PLACE) as one, EcsEngine(PLACE) as two:
            await asyncio.gather(*(persist(lambda each=each: each.ensure(ONE)) for each in (one, two, one)))
            first = _ids(await settled(sky, one, 2))
            for each in (one, two):
                await each.ensure(ONE)
            await asyncio.sleep(30)
            assert _ids(await settled(sky, two, 2)) == first

    with sky.wired():
        run(live())


def test_a_fleet_of_many_pages_is_described_a_hundred_at_a_time() -> None:
    sky = FakeEcs()

    async def live() -> None:
        async with EcsEngine(PLACE) as engine:
            await engine.ensure(replace(ONE, count=230))
            await settled(sky, engine, 230)
            sky.calls.clear()
            assert len(await engine.tasks()) == 230

    with sky.wired():
        run(live())
    assert sky.calls == ["ecs:ListTasks"] * 4 + ["ecs:DescribeTasks"] * 3  # the last list is of STOPPED


def test_why_a_task_ended_is_said_once_and_it_is_not_described_again() -> None:
    sky = FakeEcs()

    async def live() -> None:
        async with EcsEngine(PLACE) as engine:
            await engine.ensure(ONE)
            victim, sibling = await settled(sky, engine, 2)
            sky.crash(victim.id, "OutOfMemoryError: container killed")
            with capture_logs() as said:
                await settled(sky, engine, 2)
                await engine.tasks()
            assert [line["why"] for line in said] == ["OutOfMemoryError: container killed"]
            await engine.replace(sibling.id, "test")
            await asyncio.sleep(10)
            with capture_logs() as said:
                await settled(sky, engine, 2)
            assert said == []  # that one was to end

    with sky.wired():
        run(live())


# --- what does not pass -----------------------------------------------------------------------------


@contextmanager
def refusing(action: str, code: str, message: str) -> Iterator[FakeEcs]:
    sky = FakeEcs()
    sky.refuses[action] = (code, message)
    with sky.wired():
        yield sky


async def ensured(group: Group = ONE) -> None:
    async with EcsEngine(PLACE) as engine:
        await engine.ensure(group)


@pytest.mark.parametrize("fault", Fault)
def test_what_goes_on_for_long_is_said_after_pauses_that_grow_and_differ(fault: Fault) -> None:
    sky = FakeEcs()

    async def asked() -> float:
        sky.faults = [fault] * TRIES
        began = asyncio.get_running_loop().time()
        with pytest.raises(EngineUnreachable, match="ecs:ListTasks"):
            await Aws("ecs", REGION).call("list_tasks", cluster="pool")
        return asyncio.get_running_loop().time() - began

    with sky.wired():
        took = [run(asked()) for _ in range(5)]
    assert len(sky.calls) == 5 * TRIES
    assert len(set(took)) == 5
    assert all(0 < each < 13 for each in took)


def test_a_reached_quota_is_said_and_may_pass() -> None:
    with (
        refusing("ecs:CreateService", "LimitExceededException", "The maximum number of services.") as sky,
        pytest.raises(NotNow, match=r"quota of AWS stops ecs:CreateService.*maximum number.*have it raised"),
    ):
        run(ensured())
    assert sky.calls.count("ecs:CreateService") == 1


@pytest.mark.parametrize(
    ("message", "missing"),
    [
        ("User: arn:x is not authorized to perform: iam:PassRole on resource: y", "iam:PassRole"),
        ("Access denied", "ecs:RegisterTaskDefinition"),
    ],
)
def test_a_missing_right_is_named(message: str, missing: str) -> None:
    with (
        refusing("ecs:RegisterTaskDefinition", "AccessDeniedException", message),
        pytest.raises(EngineRefused, match=f"allow {missing} to the control plane's role"),
    ):
        run(ensured())


def test_credentials_that_ran_out_may_come_back() -> None:
    with (
        refusing("secretsmanager:CreateSecret", "ExpiredTokenException", "The security token is expired"),
        pytest.raises(NotNow, match="credentials and clock"),
    ):
        run(ensured())


@pytest.mark.parametrize(
    ("group", "says"),
    [
        (replace(ONE, pool="other"), "is of pool other, this engine runs test"),
        (replace(ONE, release=Release("r2", ("replica",))), "release r2 has no image"),
    ],
)
def test_what_is_not_for_this_engine_is_refused_before_anything_is_asked(group: Group, says: str) -> None:
    sky = FakeEcs()
    with sky.wired(), pytest.raises(EngineRefused, match=says):
        run(ensured(group))
    assert sky.calls == []


def test_a_call_that_aws_would_not_understand_is_not_sent() -> None:
    sky = FakeEcs()
    with sky.wired(), pytest.raises(EngineRefused, match="would refuse ecs:ListTasks"):
        run(Aws("ecs", REGION).call("list_tasks", cluster=7))
    assert sky.calls == []


def test_a_failure_that_is_not_a_missing_task_is_one_of_the_call() -> None:
    sky = FakeEcs()
    sky.reason = "ACCESS_DENIED"
    with sky.wired(), pytest.raises(EngineUnreachable, match="cannot describe test-n1-blue: ACCESS_DENIED"):
        run(ensured())


def test_a_name_is_free_when_its_service_is_gone_and_not_before() -> None:
    sky = FakeEcs()

    async def live() -> None:
        async with EcsEngine(PLACE) as engine:
            await engine.ensure(ONE)
            sky.now.services["test-n1-blue"]["status"] = "DRAINING"
            with pytest.raises(NotNow, match="still being removed"):
                await engine.ensure(ONE)
            sky.now.services["test-n1-blue"] |= {"status": "INACTIVE", "desiredCount": 0}
            await engine.ensure(ONE)
            await settled(sky, engine, 2)

    with sky.wired():
        run(live())


def test_tasks_that_will_not_go_are_said_and_nothing_of_theirs_is_forgotten() -> None:
    """A machine without power: ECS keeps its tasks on the way out until the instance is terminated."""
    sky = FakeEcs()

    async def live() -> None:
        loop = asyncio.get_running_loop()
        async with EcsEngine(PLACE) as engine:
            await engine.ensure(ONE)
            await settled(sky, engine, 2)
            sky.stop_seconds = 1_000.0
            began = loop.time()
            with pytest.raises(EngineUnreachable, match="stay though they were stopped"):
                await engine.remove(ONE.name, 5.0)
            assert loop.time() - began < GONE_WITHIN + 30
            assert standing(sky)["secrets"] == {"test-n1-blue"}
            await asyncio.sleep(1_000)
            await engine.remove(ONE.name, 5.0)
        assert standing(sky) == left()

    with sky.wired():
        run(live())


def test_the_engine_asks_for_what_its_role_allows_and_for_nothing_else() -> None:
    sky = FakeEcs()
    place = replace(PLACE, capacity_provider="machines", log_group="/linkpool/replicas")

    async def live() -> None:
        async with EcsEngine(place) as engine:
            sky.refuses["ecs:CreateService"] = ("LimitExceededException", "The maximum number of services.")
            with pytest.raises(NotNow):
                await engine.ensure(ONE)
            sky.refuses.clear()
            await engine.ensure(ONE)
            await engine.ensure(replace(ONE, count=1))
            (task,) = await settled(sky, engine, 1)
            await engine.replace(task.id, "test")
            await engine.remove(ONE.name, 0.0)
        assert sky.asked == ecs_rights.ENGINE
        sky.asked.clear()
        assert all([found.good async for found in examine_ecs(place)])
        assert sky.asked == ecs_rights.CHECK

    with sky.wired():
        run(live())
