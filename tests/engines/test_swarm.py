"""The swarm engine: the conformance suite over real containers, and what is its own."""

import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from linkpool.engines.container import GROUP, POOL
from linkpool.engines.docker import Docker
from linkpool.engines.protocol import EngineRefused, EngineUnreachable, Release
from linkpool.engines.swarm import SwarmEngine
from linkpool.engines.swarm_check import examine
from linkpool.engines.swarm_spec import Ground
from tests.engines.conformance import Bench, Conformance, says, settled, shell, until
from tests.support.containers import Containers
from tests.support.cut_line import cut_line
from tests.support.docker import Daemon


@pytest.fixture
async def bench(docker: Daemon, tmp_path: Path) -> AsyncIterator[Bench]:
    async def show() -> str:
        with docker.http() as http:
            paths = ["services", "tasks", "secrets"]
            paths += [f"containers/{each['Id']}/json" for each in http.get("/containers/json").json()]
            return "\n".join(http.get(f"/{path}").text for path in paths)

    hands = Containers(docker, lambda task: f"com.docker.swarm.task.id={task}", show, tmp_path)
    async with cut_line(docker.socket, tmp_path / "line.sock") as line:
        made = Bench(
            lambda pool: SwarmEngine(Ground(pool, docker.network, memory=64), tmp_path / "line.sock"),
            hands,
            line,
            (b"secrets/create", b"services/create"),
            docker.shell,
        )
        yield made
        await made.clear()
        await hands.end()


class TestConformance(Conformance):
    """Every promise of the protocol, on services of a real swarm."""


async def test_a_task_is_told_its_own_name_and_carries_its_pools(bench: Bench, docker: Daemon) -> None:
    async with bench.mine() as engine:
        await engine.ensure(bench.group(count=1, command=shell("env; exec sleep 1000")))
        (task,) = await settled(engine, 1)
        log = await bench.hands.log(task)
        await until(lambda: says(log, f"LINKPOOL_TASK={task.id}\n"))
        with docker.http() as http:
            labels = http.get("/services").json()[0]["Spec"]["Labels"]
            assert (labels[POOL], labels[GROUP]) == ("test", "n0-blue")
            assert http.get("/secrets").json()[0]["Spec"]["Labels"][POOL] == "test"


async def test_a_removed_group_leaves_no_service_and_no_secret(bench: Bench, docker: Daemon) -> None:
    async with bench.mine() as engine:
        await engine.ensure(bench.group())
        await settled(engine, 2)
        await engine.remove("n0-blue", 5.0)
        with docker.http() as http:
            assert http.get("/services").json() == []
            assert http.get("/secrets").json() == []


async def test_a_daemon_out_of_reach_is_said_with_what_to_do(bench: Bench, docker: Daemon) -> None:
    elsewhere = SwarmEngine(Ground(pool="test", network="tests"), docker.socket.with_name("nowhere.sock"))
    async with elsewhere:
        with pytest.raises(EngineUnreachable, match="is the daemon up"):
            await elsewhere.tasks()


async def test_a_daemon_that_takes_the_call_and_says_nothing_is_out_of_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("linkpool.engines.docker.SECONDS", 0.2)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "silent.sock"))
        silent.listen()
        async with SwarmEngine(Ground("test", "tests"), tmp_path / "silent.sock") as engine:
            with pytest.raises(EngineUnreachable, match="timed out"):
                await engine.tasks()


@pytest.mark.parametrize(("image", "why"), [(None, "has no image"), ("not-here:1", "pull or load it here")])
async def test_a_release_it_cannot_run_is_refused(bench: Bench, image: str | None, why: str) -> None:
    async with bench.mine() as engine:
        with pytest.raises(EngineRefused, match=why):
            await engine.ensure(replace(bench.group(), release=Release("r2", image=image)))
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
