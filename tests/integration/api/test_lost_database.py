"""The database is gone, the keys and the chain are there: the pool comes back, and its replicas with it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest

from linkpool.chain.endpoint import connect
from linkpool.chain.keys import Key
from linkpool.fleet.clock import SystemClock
from linkpool.fleet.nodes.restore import restore
from linkpool.fleet.pool import open_pool
from linkpool.fleet.secrets.keys import Keyring
from linkpool.store.database import Database
from tests.integration.api.test_one_node import until
from tests.support.control import MASTER, Ground, control_plane, ground


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Ground]:
    with ground(tmp_path) as made:
        yield made


async def two_serving(client: httpx.AsyncClient) -> list[dict[str, Any]] | None:
    """Both nodes, once both serve with two replicas each."""
    nodes = (await client.get("/api/v1/nodes")).raise_for_status().json()["nodes"]
    good = [
        node
        for node in nodes
        if node["state"] == "serving" and sum(r["in_roster"] for r in node["replicas"]) == 2
    ]
    return good if len(good) == 2 else None


def identity(nodes: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """What must be the same afterwards."""
    senders = [frozenset(replica["sender"] for replica in node["replicas"]) for node in nodes]
    return [
        (node["id"], node["wallet"], node["index"], sender)
        for node, sender in zip(nodes, senders, strict=True)
    ]


async def test_a_pool_is_rebuilt_from_its_secret_and_the_chain(pool: Ground) -> None:
    settings = pool.settings()
    async with control_plane(settings) as control:
        for _ in range(2):
            await control.client.post("/api/v1/nodes", json={})
        before = await until(lambda: two_serving(control.client))
    for path in pool.folder.glob("control.db*"):
        path.unlink()
    keys = Keyring(MASTER)
    database = Database(settings.database_url)
    await database.migrate()
    async with aiohttp.ClientSession() as session:
        endpoint = connect(pool.chain.http, session)
        contracts = await open_pool(
            endpoint,
            chain_id=31337,
            pool=settings.pool,
            view=settings.view,
            manager=Key(keys.manager()),
        )
        restored = await restore(database, keys, contracts, SystemClock())
        await endpoint.close()
    await database.close()
    assert restored == [node["id"] for node in before]
    async with control_plane(settings) as control:
        after = await until(lambda: two_serving(control.client))
    assert identity(after) == identity(before)
