"""A control plane that leads follows the pool by itself: a node it made is in the public figures."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.control import Ground, control_plane, ground
from tests.support.until import until


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Ground]:
    with ground(tmp_path) as made:
        yield made


async def test_a_node_that_registers_is_known_to_everybody(pool: Ground) -> None:
    async with control_plane(pool.settings()) as control:
        public = "/api/v1/public"
        (await control.client.post("/api/v1/nodes", json={})).raise_for_status()

        async def known() -> dict[str, Any] | None:
            shown = (await control.client.get(f"{public}/nodes")).raise_for_status().json()
            return next((dict(node) for node in shown["nodes"] if node["figures"]), None)

        node = await until(known, "the indexer knows the node")
        figures = node["figures"]
        assert (figures["status"], figures["capacity"]) == ("active", node["capacity"])
        assert figures["rates"]["apr"] is None
        (event,) = (
            await control.client.get(f"{public}/chain/events", params={"kind": "NodeRegistered"})
        ).json()["events"]
        assert event["node"] == node["id"]
        metrics = (await control.client.get("/metrics")).text
        values = dict(
            line.rsplit(" ", 1) for line in metrics.splitlines() if line.startswith("linkpool_index")
        )
        assert float(values["linkpool_index_block"]) >= event["block"]
        assert float(values["linkpool_index_differences"]) == 0
