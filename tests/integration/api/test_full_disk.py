"""The disk under SQLite is full: what was refused is not there, what was done is, and it mends itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.api.test_one_node import serving_node, until
from tests.support.control import Ground, control_plane, ground
from tests.support.job_text import JOB
from tests.support.small_disk import fill, small_disk

PADDING = 60_000
"""Bytes of comment in a catalog: a write that needs room."""


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Ground]:
    with small_disk(tmp_path / "disk", 24) as disk, ground(disk) as made:
        yield made


async def put(client: httpx.AsyncClient, number: int) -> httpx.Response:
    text = f"{JOB}\n# {number:06} " + "x" * PADDING
    return await client.post("/api/v1/catalog", json={"jobs": [{"text": text}]})


async def catalog(client: httpx.AsyncClient) -> dict[str, Any]:
    return dict((await client.get("/api/v1/catalog")).raise_for_status().json())


async def test_nothing_half_written_is_left_and_it_goes_on_when_there_is_room(pool: Ground) -> None:
    async with control_plane(pool.settings()) as control:
        client = control.client
        await client.post("/api/v1/nodes", json={})
        before = await until(lambda: serving_node(client))
        kept = (await put(client, 0)).raise_for_status().json()
        filled = fill(pool.folder)
        refused = None
        for number in range(1, 200):
            answer = await put(client, number)
            if answer.status_code == 503:
                refused = answer
                break
            kept = answer.raise_for_status().json()
        assert refused is not None, "the disk never was full"
        assert "disk" in refused.json()["detail"]
        assert (await client.get("/live")).status_code == 200
        assert (await catalog(client))["revision"] == kept["revision"]
        filled.unlink()

        async def written() -> bool:
            return (await put(client, 999)).status_code == 200

        await until(written)
        assert (await catalog(client))["revision"] == kept["revision"] + 1
        after = await until(lambda: serving_node(client))
        assert {r["task"] for r in after["replicas"]} == {r["task"] for r in before["replicas"]}
