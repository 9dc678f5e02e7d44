"""A whole pool on ECS while requests flow: a container killed, an upgrade, a node more, a node less.

The same commands as on every other engine, against an emulator of AWS that runs real containers. What it does
not do as AWS does stands at the head of test_ecs.py. Beside that, here:

- it gives a task to no zone and no machine: two subnets in two zones are named, one bridge holds all tasks;
- a capacity provider is only kept in its books; nothing scales;
- roles are not looked at: every call is allowed, and a task starts without its execution role's rights;
- what it says is never behind, and it throttles nobody (tests/unit/engines/test_ecs_faults.py does);
- images are named by the daemon's ID, where AWS pulls by digest;
- network: no security group stands in the way, and tasks reach this machine by the bridge's gateway;
- a new deployment stops the old tasks once new ones run for a second, healthy or not.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from linkpool.api.client import until_serving
from linkpool.contracts.pool import Pool, Status
from linkpool.dev.pool import stake
from linkpool.engines.aws import Aws
from linkpool.engines.ecs import EcsEngine
from linkpool.engines.protocol import Task
from tests.support.aws import REGION
from tests.support.command import linkpool
from tests.support.docker import Daemon
from tests.support.ecs_pool import UP_SECONDS, Stage, ecs_pool
from tests.support.images import Images
from tests.support.pool import RealPool, traffic
from tests.support.until import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1_200)]

SLOW_BLOCKS = 60
"""An answer later than this is a failure of the pool, though not yet a miss; a busy machine needs some."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(
    tmp_path_factory: pytest.TempPathFactory, docker: Daemon, images: Images
) -> AsyncIterator[Stage]:
    async with ecs_pool(tmp_path_factory.mktemp("ecs"), docker, images.linkpool) as made:
        yield made


@pytest.fixture(scope="module")
def pool(stage: Stage) -> RealPool:
    return stage.pool


async def nothing_missed(pool: RealPool) -> None:
    """Every request is answered, paid once, and soon."""
    tally = await pool.settled()
    assert max(fate.delay or 0 for fate in tally.fates.values()) <= SLOW_BLOCKS


async def tasks(stage: Stage) -> list[Task]:
    async with EcsEngine(stage.place, stage.cloud.endpoint) as engine:
        return await engine.tasks()


async def leftovers(stage: Stage) -> list[str]:
    """Services, task definitions and secrets of groups that run no more."""
    ecs, secrets = (Aws(service, REGION, stage.cloud.endpoint) for service in ("ecs", "secretsmanager"))
    running = {task.group for task in await tasks(stage)}
    pool = stage.place.pool
    listed = await ecs.every("list_services", "serviceArns", cluster=stage.place.cluster)
    found = [arn.rpartition("/")[2].removeprefix(f"{pool}-") for arn in listed]
    listed = await ecs.every("list_task_definitions", "taskDefinitionArns", familyPrefix=f"{pool}-")
    found += [arn.rpartition("/")[2].rpartition(":")[0].removeprefix(f"{pool}-") for arn in listed]
    listed = (await secrets.call("list_secrets"))["SecretList"]
    found += [each["Name"].removeprefix(f"linkpool/{pool}/") for each in listed]
    return [group for group in found if group not in running]


async def test_the_pair_of_a_node_is_two_tasks_and_the_engine_has_all_it_needs(
    stage: Stage, pool: RealPool
) -> None:
    async with traffic(pool):
        await pool.answered(10)
    await nothing_missed(pool)
    assert {task.id for task in await tasks(stage)} == {replica.task for replica in await pool.replicas()}
    assert "BAD" not in await linkpool(pool, "engine", "check", "--config", pool.folder.config)


async def test_a_killed_container_is_replaced_and_the_other_replica_answers(
    stage: Stage, pool: RealPool
) -> None:
    async with traffic(pool):
        victim = (await pool.replicas())[0]
        began = time.monotonic()
        await asyncio.to_thread(stage.kill, victim.task)
        await pool.replicas(victim, within=UP_SECONDS)
        print(f"killed container: two serve again after {time.monotonic() - began:.1f} s")
        await pool.answered(5)
    await nothing_missed(pool)


async def test_an_upgrade_under_load_is_noticed_by_nobody(stage: Stage, pool: RealPool) -> None:
    image = json.loads(await linkpool(pool, "release", "list", "--json"))[0]["image"]
    await linkpool(pool, "release", "add", "second", "--image", image, "replica")
    before = await pool.replicas()
    async with traffic(pool):
        began = time.monotonic()
        done = json.loads(await linkpool(pool, "upgrade", "--release", "second", "--all", "--json"))
        print(f"upgrade: {time.monotonic() - began:.1f} s")
        await pool.answered(5)
    assert (done["state"], done["detail"]) == ("done", "1 moved")
    await pool.replicas(*before, within=UP_SECONDS)
    await nothing_missed(pool)


async def test_a_node_more_serves_and_is_retired_and_leaves_nothing(stage: Stage, pool: RealPool) -> None:
    async with traffic(pool):
        (made,) = json.loads(await linkpool(pool, "node", "add", "--no-wait", "--json"))
        node = await until_serving(pool.control, made["index"], UP_SECONDS)
        second = replace(pool, oracle=node.id or "")
        await stake(pool.found, second.oracle)
        async with traffic(second):
            await second.answered(10)
        await nothing_missed(second)
        await linkpool(pool, "node", "retire", second.oracle, "--wait")

        async def gone() -> bool:
            return len(await tasks(stage)) == 2 and await leftovers(stage) == []

        await until(gone, "nothing of the retired node is left")
        await pool.answered(5)
    await nothing_missed(pool)
    books = Pool(pool.found.deployment.pool)
    assert (await books.node(second.oracle).ask(pool.rpc)).status is Status.RETIRED
