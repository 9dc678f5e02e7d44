"""One call makes a node; a killed replica is replaced at once; a killed control plane finds its replicas."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.control import Ground, control_plane, control_process, ground


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Ground]:
    with ground(tmp_path) as made:
        yield made


async def until(probe: Callable[[], Awaitable[Any]], within: float = 120.0) -> Any:
    """What `probe` gives, once it gives something."""
    async with asyncio.timeout(within):
        while not (found := await probe()):
            await asyncio.sleep(0.01)
    return found


async def serving_node(client: httpx.AsyncClient, without: str = "") -> dict[str, Any] | None:
    """The first node once it serves with two replicas, `without` not among them."""
    answer = await client.get("/api/v1/nodes")
    if answer.status_code == 503:  # its database is not there yet
        return None
    nodes = answer.raise_for_status().json()["nodes"]
    live = [replica for replica in nodes[0]["replicas"] if replica["in_roster"]] if nodes else []
    if len(live) == 2 and nodes[0]["state"] == "serving" and without not in {r["task"] for r in live}:
        return dict(nodes[0])
    return None


async def told_by_both(pool: Ground, task: str) -> list[dict[str, Any]] | None:
    """All that a replica heard, once the second control plane told it who is alive."""
    words = pool.heard(task)
    told = any(word["kind"] == "roster" and word["epoch"] == 2 for word in words)
    return words if told else None


async def test_one_call_makes_a_node_with_two_replicas_serving(pool: Ground) -> None:
    async with control_plane(pool.settings()) as control:
        answer = await control.client.post("/api/v1/nodes", json={})
        assert answer.status_code == 202, answer.text
        made = answer.json()
        node = await until(lambda: serving_node(control.client))
        assert node["id"] == made["node"]["id"]
        assert node["capacity"] == str(100_000 * 10**18)
        assert node["stake"] == "0"
        assert node["accepting"]
        assert {replica["slot"] for replica in node["replicas"]} == {0, 1}
        assert len({replica["sender"] for replica in node["replicas"]}) == 2
        async with httpx.AsyncClient(base_url=control.client.base_url, trust_env=False) as anybody:

            async def known() -> dict[str, Any] | None:
                (shown,) = (await anybody.get("/api/v1/public/nodes")).json()["nodes"]
                return dict(shown) if shown["figures"] else None  # the indexer follows a moment later

            public = await until(known)
            alone = (await anybody.get(f"/api/v1/public/nodes/{node['id']}")).json()
            assert public | {"figures": None} == alone | {"figures": None}, "figures may be of another block"
        assert (public["id"], public["serving"], public["accepting"]) == (node["id"], 2, True)
        operation = (await control.client.get(answer.headers["Location"])).json()
        assert (operation["state"], operation["node"]) == ("done", node["id"])


async def test_a_killed_replica_leaves_the_roster_at_once_and_is_replaced(
    pool: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A closed socket is told, and not waited for: silence alone would be noticed after an hour."""
    for reader in ("roster", "hub"):
        monkeypatch.setattr(f"linkpool.fleet.agents.{reader}.SILENT_AFTER", 3_600.0)
    async with control_plane(pool.settings()) as control:
        await control.client.post("/api/v1/nodes", json={})
        node = await until(lambda: serving_node(control.client))
        victim, sibling = node["replicas"]
        os.kill(victim["pid"], signal.SIGKILL)

        async def told() -> dict[str, Any] | None:
            rosters = [word for word in pool.heard(sibling["task"]) if word["kind"] == "roster"]
            return next((r for r in rosters if [m["task"] for m in r["members"]] == [sibling["task"]]), None)

        await until(told)
        after = await until(lambda: serving_node(control.client, without=victim["task"]))
        assert {replica["slot"] for replica in after["replicas"]} == {0, 1}
        assert sibling["task"] in {replica["task"] for replica in after["replicas"]}


async def test_a_control_plane_killed_by_sigkill_finds_its_replicas_and_their_slots(pool: Ground) -> None:
    async with control_process(pool, stop_replicas=False) as control:
        await control.client.post("/api/v1/nodes", json={})
        before = await until(lambda: serving_node(control.client))
        control.process.kill()
        await control.process.wait()
        port = control.client.base_url.port
    slots = {replica["task"]: replica["slot"] for replica in before["replicas"]}
    async with control_process(pool, port=port) as control:
        after = await until(lambda: serving_node(control.client))
        assert {replica["task"]: replica["slot"] for replica in after["replicas"]} == slots
        for replica in after["replicas"]:
            words = await until(lambda task=replica["task"]: told_by_both(pool, task))
            assert [word["epoch"] for word in words if word["kind"] == "welcome"] == [1, 2]
            later = [word for word in words if word["kind"] == "roster" and word["epoch"] == 2]
            assert all(len(word["members"]) == 2 for word in later)  # nobody was ever judged away
