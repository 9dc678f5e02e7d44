"""PostgreSQL goes away under a control plane for half a minute: replicas go on, and it leads again by itself.

A node is half made when it happens; afterwards it is made once.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from linkpool.chain.keys import Key
from linkpool.fleet.secrets.keys import Keyring
from linkpool.store.database import Database
from linkpool.store.tables import OutboxRow
from tests.integration.api.test_one_node import serving_node, until
from tests.support.control import MASTER, Ground, control_plane, ground
from tests.support.databases import Cluster, cluster

__all__ = ["cluster"]

OUTAGE_SECONDS = 30


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Ground]:
    with ground(tmp_path) as made:
        yield made


async def sent_once(pool: Ground, url: str) -> None:
    """Every nonce of the treasury has one content, and the chain saw as many as were stored."""
    database = Database(url)
    async with database.read() as session:
        rows = list((await session.scalars(select(OutboxRow))).all())
    await database.close()
    contents = defaultdict(set)
    for row in rows:
        contents[row.nonce].add((row.purpose, row.target, row.value, row.data))
    assert all(len(found) == 1 for found in contents.values())
    assert sorted(contents) == list(range(len(contents)))
    treasury = Key(Keyring(MASTER).treasury()).address
    assert int(pool.chain.rpc("eth_getTransactionCount", treasury, "latest"), 16) == len(contents)


async def test_half_a_minute_without_the_database_changes_nothing(pool: Ground, cluster: Cluster) -> None:
    url = cluster.create()
    async with control_plane(pool.settings(database=url)) as control:
        await control.client.post("/api/v1/nodes", json={})
        before = await until(lambda: serving_node(control.client))
        half_made = (await control.client.post("/api/v1/nodes", json={})).json()["node"]["id"]
        cluster.stop()

        async def unready() -> bool:
            answer: httpx.Response = await control.client.get("/ready")
            return answer.status_code == 503 and answer.json()["leads"] is False

        try:
            await until(unready)
            over_at = asyncio.get_running_loop().time() + OUTAGE_SECONDS
            while asyncio.get_running_loop().time() < over_at:
                refused = await control.client.post("/api/v1/nodes", json={})
                assert refused.status_code == 503
                assert "postgres@" not in refused.text
                assert (await control.client.get("/live")).status_code == 200
                assert await unready()
                await asyncio.sleep(1)
        finally:
            cluster.start()
        after = await until(lambda: serving_node(control.client))
        assert [(r["task"], r["slot"], r["pid"]) for r in after["replicas"]] == [
            (r["task"], r["slot"], r["pid"]) for r in before["replicas"]
        ]

        async def made() -> bool:
            nodes = (await control.client.get("/api/v1/nodes")).json()["nodes"]
            assert [node["id"] for node in nodes] == [before["id"], half_made], "no refused call made a node"
            return bool(nodes[1]["state"] == "serving")

        await until(made)
    await sent_once(pool, url)
