"""A whole life with known secrets, and a search for them in everything that was written or answered."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkpool.fleet.keys import Keyring
from tests.integration.api.test_one_node import serving_node, until
from tests.support.control import MASTER, PASSPHRASE, Ground, control_process, ground

BRIDGE_TOKEN = "planted-bridge-token"
ALLOWED = {
    "passphrase": {PASSPHRASE},  # the operator's own file
    "admin.token": {"admin"},
    "n1-blue.token": {"group"},
}
"""Files that exist to hold a secret, by name."""


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Ground]:
    with ground(tmp_path) as made:
        yield made


def planted(pool: Ground) -> dict[str, str]:
    """Every secret of this pool by what it is."""
    keys = Keyring(MASTER)
    secrets = {
        "master": MASTER.hex(),
        "manager": keys.manager(),
        "treasury": keys.treasury(),
        "wallet": keys.wallet(1),
        "group": keys.group_token("n1-blue"),
        "admin": (pool.folder / "admin.token").read_text().strip(),
        PASSPHRASE: PASSPHRASE,
        "bridge": BRIDGE_TOKEN,
    }
    return secrets | {f"sender {slot}": keys.sender(1, slot) for slot in range(6)}


async def test_no_secret_is_in_a_log_an_answer_a_metric_or_the_database(pool: Ground) -> None:
    answers: list[str] = []
    async with control_process(pool) as control:
        client = control.client
        answers.append((await client.post("/api/v1/nodes", json={})).text)
        bridges = {"b": {"urls": ["https://b.example"], "token": BRIDGE_TOKEN}}
        answers.append((await client.put("/api/v1/bridges", json={"bridges": bridges})).text)
        node = await until(lambda: serving_node(client))
        os.kill(node["replicas"][0]["pid"], signal.SIGKILL)
        await until(lambda: serving_node(client, without=node["replicas"][0]["task"]))
        for path in ("nodes", "jobs", "tokens", "audit", "public/nodes", "openapi.json"):
            answers.append((await client.get(f"/api/v1/{path}")).text)
        answers.append((await client.get("/metrics")).text)
        answers.append((await client.get("/api/v1/nodes", headers={"Authorization": "Bearer x"})).text)
    secrets = planted(pool)
    found = [
        (path.name, what)
        for path in pool.folder.rglob("*")
        if path.is_file()
        for what, secret in secrets.items()
        if what not in ALLOWED.get(path.name, set())
        and secret.removeprefix("0x").encode() in path.read_bytes()
    ]
    assert found == []
    assert [what for what, secret in secrets.items() if any(secret in answer for answer in answers)] == []
    assert len(answers) == 10
    assert (pool.folder / "settings-0.json.log").stat().st_size > 0
