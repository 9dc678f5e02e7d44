"""Two control planes over one node of real processes: the leader is killed, or put to sleep."""

import asyncio
import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, closing
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.integration.api.test_one_node import serving_node, until
from tests.support.control import Ground, Process, control_process, ground
from tests.support.ports import free_port


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Ground]:
    with ground(tmp_path) as made:
        yield made


@pytest.fixture
async def two(pool: Ground) -> AsyncIterator[list[Process]]:
    ports = [free_port(), free_port()]
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(control_process(pool, port=port, control_urls=urls))
            for port in ports
        ]


async def leads(control: Process) -> bool:
    try:
        return bool((await control.client.get("/ready", timeout=1)).json()["leads"])
    except httpx.HTTPError:
        return False


async def sorted_by_rank(two: list[Process]) -> tuple[Process, Process]:
    """Leader first, once there is one."""

    async def found() -> list[Process]:
        return [control for control in two if await leads(control)]

    (leader,) = await until(found)
    return leader, next(control for control in two if control is not leader)


async def put_to_sleep(leader: Process, database: Path) -> bool:
    """Outside a write: one stopped inside keeps the file locked, for itself and the standby alike."""
    leader.process.send_signal(signal.SIGSTOP)
    with closing(sqlite3.connect(database, timeout=0.1)) as probe:
        try:
            probe.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            leader.process.send_signal(signal.SIGCONT)
            return False
        return True


async def test_the_standby_makes_a_node_and_leads_after_a_kill(pool: Ground, two: list[Process]) -> None:
    leader, standby = await sorted_by_rank(two)
    stands_by = await standby.client.get("/ready")
    assert (stands_by.status_code, stands_by.json()) == (200, {"ready": True, "leads": False})
    assert (await standby.client.get("/leads")).status_code == 503
    assert (await leader.client.get("/leads")).status_code == 200
    await standby.client.post("/api/v1/nodes", json={})  # written by anybody, done by the leader
    before = await until(lambda: serving_node(leader.client))
    leader.process.kill()
    await until(lambda: leads(standby))
    after = await until(lambda: serving_node(standby.client))
    assert [(r["task"], r["slot"]) for r in after["replicas"]] == [
        (r["task"], r["slot"]) for r in before["replicas"]
    ]
    victim = after["replicas"][0]
    os.kill(victim["pid"], signal.SIGKILL)
    healed = await until(lambda: serving_node(standby.client, without=victim["task"]))
    assert {replica["slot"] for replica in healed["replicas"]} == {0, 1}


async def test_a_leader_that_slept_says_nothing_when_it_wakes(pool: Ground, two: list[Process]) -> None:
    leader, standby = await sorted_by_rank(two)
    await leader.client.post("/api/v1/nodes", json={})
    node = await until(lambda: serving_node(leader.client))
    await until(partial(put_to_sleep, leader, pool.folder / "control.db"))
    try:
        await until(lambda: leads(standby))
        await until(lambda: serving_node(standby.client))
        os.kill(node["replicas"][0]["pid"], signal.SIGKILL)
        survivor = node["replicas"][1]["task"]
        await until(lambda: serving_node(standby.client, without=node["replicas"][0]["task"]))
    finally:
        leader.process.send_signal(signal.SIGCONT)

    async def stands_by() -> bool:
        return not await leads(leader) and (await leader.client.get("/live")).status_code == 200

    await until(stands_by)
    await asyncio.sleep(1.0)  # long enough for anything it may have had to say or start
    assert await until(lambda: serving_node(standby.client))
    assert len((await standby.client.get("/api/v1/nodes")).json()["nodes"][0]["replicas"]) == 2
    epochs = [word["epoch"] for word in pool.heard(survivor) if "epoch" in word]
    assert epochs == sorted(epochs)
    assert epochs[-1] >= 2
