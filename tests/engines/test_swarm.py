"""The swarm engine: the conformance suite over real containers, and what is its own."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from linkpool.engines.container import GROUP, POOL
from linkpool.engines.docker import Docker
from linkpool.engines.protocol import EngineRefused, EngineUnreachable, Phase, Release, Task
from linkpool.engines.swarm import SwarmEngine
from linkpool.engines.swarm_check import examine
from linkpool.engines.swarm_spec import Ground
from tests.engines.conformance import Bench, Conformance, running, settled, until
from tests.support.docker import Daemon

SLEEP = ("/bin/sh", "-c", "exec sleep 1000")
STUBBORN = ("/bin/sh", "-c", "trap '' TERM; while :; do sleep 0.2; done")


@pytest.fixture
async def bench(docker: Daemon) -> AsyncIterator[Bench]:
    ground = Ground(pool="test", network=docker.network, memory=64)

    async def kill(task: Task) -> None:
        async with Docker(docker.socket) as api:
            seen = await api.get(f"tasks/{task.id}")
            await api.post(f"containers/{seen['Status']['ContainerStatus']['ContainerID']}/kill")

    yield Bench(
        lambda: SwarmEngine(ground, docker.socket),
        Release("r1", SLEEP, docker.shell),
        Release("r1", STUBBORN, docker.shell),
        kill,
    )
    async with SwarmEngine(ground, docker.socket) as engine:
        for name in {task.group for task in await engine.tasks()}:
            await engine.remove(name, 0.0)


class TestConformance(Conformance):
    """Every promise of the protocol, on services of a real swarm."""


async def test_two_pools_share_a_swarm_and_see_only_their_own(bench: Bench, docker: Daemon) -> None:
    other = SwarmEngine(Ground(pool="other", network=docker.network), docker.socket)
    async with bench.open() as engine, other:
        await engine.ensure(bench.group(count=1))
        await other.ensure(replace(bench.group(count=1), pool="other"))
        await settled(engine, 1)
        (mine,), (theirs,) = await settled(engine, 1), await settled(other, 1)
        assert mine.id != theirs.id
        with pytest.raises(EngineRefused, match="of pool other"):
            await engine.ensure(replace(bench.group(count=1), pool="other"))
        await other.remove("n0-blue", 1.0)
        assert [task.id for task in await running(engine)] == [mine.id]


async def test_the_token_is_a_file_for_the_task_and_stands_in_no_listing(
    bench: Bench, docker: Daemon
) -> None:
    reader = Release(
        "r1", ("/bin/sh", "-c", 'cat "$LINKPOOL_TOKEN_FILE"; env; exec sleep 1000'), docker.shell
    )
    async with bench.open() as engine, Docker(docker.socket) as api:
        await engine.ensure(bench.group(release=reader, count=1))
        (task,) = await settled(engine, 1)
        seen = await api.get(f"tasks/{task.id}")
        container = seen["Status"]["ContainerStatus"]["ContainerID"]
        with docker.http() as http:

            async def printed() -> bool:
                said = http.get(f"/containers/{container}/logs", params={"stdout": "1"}).content
                return b"secret-t" in said and f"LINKPOOL_TASK={task.id}".encode() in said

            await until(printed)
            for path in ("services", "tasks", "secrets", f"containers/{container}/json"):
                assert "secret-t" not in http.get(f"/{path}").text
            labels = http.get("/services").json()[0]["Spec"]["Labels"]
            assert (labels[POOL], labels[GROUP]) == ("test", "n0-blue")


async def test_a_removed_group_leaves_no_service_and_no_secret(bench: Bench, docker: Daemon) -> None:
    async with bench.open() as engine:
        await engine.ensure(bench.group())
        await settled(engine, 2)
        await engine.remove("n0-blue", 5.0)
        with docker.http() as http:
            assert http.get("/services").json() == []
            assert http.get("/secrets").json() == []


async def test_two_control_planes_ensure_at_once_and_nothing_is_started_twice(bench: Bench) -> None:
    async with bench.open() as one, bench.open() as two:
        await asyncio.gather(*(each.ensure(bench.group()) for each in (one, two) * 3))
        await settled(one, 2)
        phases = [task.phase for task in await two.tasks()]
        assert phases == [Phase.RUNNING, Phase.RUNNING]


async def test_a_daemon_out_of_reach_is_said_with_what_to_do(bench: Bench, docker: Daemon) -> None:
    elsewhere = SwarmEngine(Ground(pool="test", network="tests"), docker.socket.with_name("nowhere.sock"))
    async with elsewhere:
        with pytest.raises(EngineUnreachable, match="is the daemon up"):
            await elsewhere.tasks()


@pytest.mark.parametrize(("image", "says"), [(None, "has no image"), ("not-here:1", "pull or load it here")])
async def test_a_release_it_cannot_run_is_refused(bench: Bench, image: str | None, says: str) -> None:
    async with bench.open() as engine:
        with pytest.raises(EngineRefused, match=says):
            await engine.ensure(bench.group(release=Release("r2", SLEEP, image)))
        assert await engine.tasks() == []


async def test_the_check_says_what_is_missing_and_what_to_do(docker: Daemon) -> None:
    async with Docker(docker.socket) as api:
        whole = [
            each async for each in examine(api, Ground(pool="test", network=docker.network), docker.shell)
        ]
        assert {each.what: each.good for each in whole} == {
            "engine": True,
            "network": True,
            "zones": False,
            "image": True,
        }
        assert "docker swarm join" in whole[2].advice
        broken = [each async for each in examine(api, Ground(pool="test", network="nowhere"), "missing:1")]
        assert {each.what for each in broken if not each.good} == {"network", "zones", "image"}
        assert "docker network create --driver overlay" in broken[1].advice
    async with Docker(docker.socket.with_name("nowhere.sock")) as api:
        (only,) = [each async for each in examine(api, Ground(pool="test", network="x"), "x")]
        assert not only.good
        assert "start Docker" in only.advice
