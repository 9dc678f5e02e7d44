"""PostgreSQL goes away under a control plane and comes back: replicas go on, and it leads again by itself."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.api.test_one_node import serving_node, until
from tests.support.control import Ground, control_plane, ground
from tests.support.databases import Cluster, cluster

__all__ = ["cluster"]


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Ground]:
    with ground(tmp_path) as made:
        yield made


async def test_an_outage_of_the_database_ends_where_it_began(pool: Ground, cluster: Cluster) -> None:
    async with control_plane(pool.settings(database=cluster.create())) as control:
        await control.client.post("/api/v1/nodes", json={})
        before = await until(lambda: serving_node(control.client), within=40)
        cluster.stop()

        async def unready() -> bool:
            answer: httpx.Response = await control.client.get("/ready")
            return answer.status_code == 503 and answer.json()["leads"] is False

        try:
            await until(unready)
            refused = await control.client.post("/api/v1/nodes", json={})
            assert refused.status_code == 503
            assert "postgres@" not in refused.text
            assert (await control.client.get("/live")).status_code == 200
        finally:
            cluster.start()
        after = await until(lambda: serving_node(control.client), within=40)
        assert [(r["task"], r["slot"], r["pid"]) for r in after["replicas"]] == [
            (r["task"], r["slot"], r["pid"]) for r in before["replicas"]
        ]
