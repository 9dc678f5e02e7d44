"""Releases and rollouts over HTTP: what is taken, what is refused, and what is shown."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from linkpool.store import groups, nodes
from linkpool.store.groups import Owner
from linkpool.store.tables import Colour, NodeState
from tests.support.api_house import ApiHouse, api_house

NODES = [f"0x{number:040x}" for number in (1, 2)]
RELEASE = {"command": ["run", "it"], "settings": {"LEVEL": "high"}}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[ApiHouse]:
    """Two nodes that serve release "r"."""
    async with api_house(tmp_path) as made:
        await put(made, "r", {"command": ["x"]})
        async with made.database.write() as session:
            for number, oracle in enumerate(NODES):
                node = await nodes.want(session, 1, 0.0)
                await nodes.set_addresses(
                    session, node.index, wallet=f"0xw{number}", oracle=oracle, senders=[], now=0.0
                )
                await nodes.set_state(session, node.index, NodeState.SERVING, 0.0)
                name, serial = await groups.fresh(session, Owner(node=node.index), Colour.BLUE)
                await groups.add(
                    session,
                    name,
                    Owner(node=node.index),
                    serial=serial,
                    colour=Colour.BLUE,
                    release="r",
                    token_hash="h",
                    now=0.0,
                )
        yield made


async def put(house: ApiHouse, name: str, body: Any) -> httpx.Response:
    return await house.client.put(f"/api/v1/releases/{name}", json=body, headers=house.headers("admin"))


async def start(house: ApiHouse, body: Any, key: str | None = None) -> httpx.Response:
    headers = house.headers("operate") | ({"Idempotency-Key": key} if key else {})
    return await house.client.post("/api/v1/rollouts", json=body, headers=headers)


async def test_a_release_is_what_its_name_says_for_good(house: ApiHouse) -> None:
    assert (await put(house, "v2", RELEASE)).json() == (await put(house, "v2", RELEASE)).json()
    other = await put(house, "r", {"command": ["y"]})
    assert other.status_code == 409
    assert "a name keeps its meaning" in other.json()["detail"]
    listed = await house.client.get("/api/v1/releases", headers=house.headers("read"))
    shown = {each["name"]: (each["current"], each["nodes"]) for each in listed.json()["releases"]}
    assert shown == {"r": (True, 2), "v2": (False, 0)}


@pytest.mark.parametrize(
    ("name", "body"),
    [("v2", {}), ("V2", RELEASE), ("v2", RELEASE | {"settings": {"A-B": "c"}}), ("v2", {"command": ["\0"]})],
)
async def test_what_is_no_release_is_refused(house: ApiHouse, name: str, body: Any) -> None:
    assert (await put(house, name, body)).status_code == 422


async def test_a_rollout_is_begun_once_followed_and_called_back(house: ApiHouse) -> None:
    await put(house, "v2", RELEASE)
    answers = await asyncio.gather(*(start(house, {"release": "v2", "all": True}, "once") for _ in range(4)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["rollout"]["id"] for answer in answers}) == 1
    begun = answers[0].json()
    assert begun["operation"]["state"] == "running"
    assert [(move["node"], move["state"], move["colour"]) for move in begun["rollout"]["moves"]] == [
        (oracle, "waiting", "green") for oracle in NODES
    ]
    path = answers[0].headers["location"]
    assert path == f"/api/v1/rollouts/{begun['rollout']['id']}"
    changed = [
        (await house.client.post(f"{path}/{change}", headers=house.headers("operate"))).json()["state"]
        for change in ("pause", "pause", "resume", "abort")
    ]
    assert changed == ["paused", "paused", "running", "aborting"]
    refused = await house.client.post(f"{path}/resume", headers=house.headers("operate"))
    assert refused.status_code == 409
    assert "cannot become running" in refused.json()["detail"]
    listed = await house.client.get("/api/v1/rollouts", headers=house.headers("read"))
    assert [each["state"] for each in listed.json()["rollouts"]] == ["aborting"]


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({"release": "v9", "all": True}, 404, "no release v9"),
        ({"release": "r", "nodes": [f"0x{9:040x}"]}, 404, "no node"),
        ({"release": "r"}, 422, "name the nodes, or say all"),
        ({"release": "r", "all": True, "nodes": NODES}, 422, "name the nodes, or say all"),
        ({"release": "r", "all": True, "wave": 0}, 422, "wave"),
    ],
)
async def test_what_cannot_be_rolled_out_is_refused(
    house: ApiHouse, body: Any, status: int, reason: str
) -> None:
    answer = await start(house, body)
    assert answer.status_code == status
    assert reason in answer.json()["detail"]


async def test_two_rollouts_of_one_node_do_not_run_at_once(house: ApiHouse) -> None:
    await put(house, "v2", RELEASE)
    wanted = {"release": "v2", "nodes": NODES[:1]}
    answers = await asyncio.gather(*(start(house, wanted, key) for key in ("a", "b", "c")))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409]
    (refused, _) = (answer for answer in answers if answer.status_code == 409)
    assert NODES[0] in refused.json()["detail"]
    assert (await start(house, {"release": "v2", "nodes": NODES[1:]})).status_code == 202
