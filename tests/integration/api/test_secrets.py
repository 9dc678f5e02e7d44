"""A whole life with known secrets, and a search for them in everything that was written or answered."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkpool.fleet.secrets.keys import Keyring
from tests.integration.api.test_one_node import serving_node, until
from tests.support.control import MASTER, PASSPHRASE, Ground, control_process, ground
from tests.support.databases import cluster, dump_postgres, url
from tests.support.planted import Planted

__all__ = ["cluster", "url"]

BRIDGE_TOKEN = "planted-bridge-token"
ALLOWED = {
    "passphrase": {"passphrase"},  # the operator's own file
    "admin.token": {"admin"},
    "n1-blue-1.token": {"group"},
}
"""Files that exist to hold a secret, by name."""


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Ground]:
    with ground(tmp_path) as made:
        yield made


@pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)
async def test_no_secret_is_in_a_log_an_answer_a_metric_or_the_database(pool: Ground, url: str) -> None:
    answers: list[str] = []
    async with control_process(pool, database=url) as control:
        client = control.client
        answers.append((await client.post("/api/v1/nodes", json={})).text)
        bridge = {"urls": ["https://b.example"], "token": BRIDGE_TOKEN}
        answers.append((await client.put("/api/v1/catalog/bridges/b", json=bridge)).text)
        node = await until(lambda: serving_node(client))
        os.kill(node["replicas"][0]["pid"], signal.SIGKILL)
        await until(lambda: serving_node(client, without=node["replicas"][0]["task"]))
        for path in ("nodes", "catalog", "tokens", "audit", "public/nodes", "openapi.json"):
            answers.append((await client.get(f"/api/v1/{path}")).text)
        answers.append((await client.get("/metrics")).text)
        answers.append((await client.get("/api/v1/nodes", headers={"Authorization": "Bearer x"})).text)
    secrets = Planted(
        Keyring(MASTER),
        passphrase=PASSPHRASE,
        bridge=BRIDGE_TOKEN,
        admin=(pool.folder / "admin.token").read_text().strip(),
    )
    if url.startswith("postgresql"):
        text = dump_postgres(url)
        assert "INSERT INTO public.tokens" in text
        assert secrets.within(text) == set()
    assert secrets.within_files(pool.folder, ALLOWED) == {}
    assert [secrets.within(answer) for answer in answers] == [set()] * 10
    assert (pool.folder / "settings-0.json.log").stat().st_size > 0
    assert secrets.within_files(pool.folder, {}).keys() == {"passphrase", "admin.token"}, "it can find them"
