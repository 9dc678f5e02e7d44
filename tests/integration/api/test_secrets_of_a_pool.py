"""A pool of real processes answers, loses a replica and its control plane, and is looked at from outside.

No secret stands in a process list, an environment, a log, an answer, a metric or the database.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from linkpool.dev.processes import claim_port
from linkpool.fleet.keys import Keyring
from tests.support.planted import Planted
from tests.support.pool import MASTER, PASSPHRASE, RealPool, real_pool, traffic

ALLOWED = {"passphrase": {"passphrase"}, "admin.token": {"admin"}, "n1-blue-1.token": {"group"}}
"""Files that exist to hold a secret, by name."""
BRIDGE_TOKEN, INCOMING_TOKEN = "planted-bridge-token", "planted-incoming-token"
PATHS = ("nodes", "catalog", "alarms", "tokens", "audit", "public/nodes", "openapi.json", "catalog/none")


@dataclass
class Watch:
    """What anybody on the machine may read of the pool's processes."""

    seen: dict[int, bytes] = field(default_factory=dict)

    def look(self, pool: RealPool) -> None:
        assert pool.plane.process is not None
        for pid in pool.processes() | {pool.plane.process.pid}:
            try:
                entry = Path("/proc") / str(pid)
                self.seen[pid] = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:  # it ended while we looked
                continue


@asynccontextmanager
async def watching(pool: RealPool) -> AsyncIterator[Watch]:
    watch = Watch()

    async def keep_looking() -> None:
        while True:
            watch.look(pool)
            await asyncio.sleep(0.25)

    task = asyncio.create_task(keep_looking())
    try:
        yield watch
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def answers(pool: RealPool) -> list[str]:
    """Everything the control plane and both replicas say when asked, with the right token and a wrong one."""
    texts = []
    urls = [f"{pool.control.url}/api/v1/{path}" for path in PATHS] + [f"{pool.control.url}/metrics"]
    for headers in (pool.headers, {"Authorization": "Bearer nonsense"}):
        for url in urls:
            async with pool.http.get(url, headers=headers) as reply:
                texts.append(f"{reply.headers} {await reply.text()}")
    for replica in await pool.replicas():
        for path in ("live", "ready", "metrics"):
            async with pool.http.get(f"{replica.health}/{path}") as reply:
                texts.append(await reply.text())
    return texts


async def make_secrets(pool: RealPool) -> str:
    """A bridge with tokens and an API token; the latter, which that one answer shows."""
    bridge = {"urls": ["https://b.example"], "token": BRIDGE_TOKEN, "incoming_token": INCOMING_TOKEN}
    await pool.control.ask("PUT", "/catalog/bridges/b", bridge)
    made = await pool.control.ask("POST", "/tokens", {"name": "planted", "scope": "read"})
    return str(made["token"])


async def test_no_secret_is_anywhere_it_should_not_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINKPOOL_AGENT_PORT", str(claim_port(0, "the agents", "nothing")))
    monkeypatch.setenv("LINKPOOL_AGENT_HOST", "127.0.0.1")
    async with real_pool(tmp_path) as pool, watching(pool) as watch:
        token = await make_secrets(pool)
        said = await answers(pool)
        async with traffic(pool):
            await pool.answered(2)
            victim, _ = await pool.replicas()
            os.kill(victim.pid or 0, signal.SIGKILL)
            await pool.replicas(victim)
            await pool.plane.kill()
            await pool.answered(1)
            await pool.plane.start()
            await pool.answered(2)
        said += await answers(pool)
        watch.look(pool)
    admin = pool.folder.token.read_text().strip()
    secrets = Planted(Keyring(MASTER), passphrase=PASSPHRASE, admin=admin, api_token=token)
    secrets.add(bridge=BRIDGE_TOKEN, incoming=INCOMING_TOKEN)
    assert len(watch.seen) >= 5, "two control planes and three replicas"
    assert [secrets.within(text) for text in watch.seen.values()] == [set()] * len(watch.seen)
    assert any(b"LINKPOOL_CA_FINGERPRINT=" in text for text in watch.seen.values())
    assert [secrets.within(text) for text in said] == [set()] * len(said)
    assert len(said) == 2 * (2 * (len(PATHS) + 1) + 6)
    assert secrets.within_files(tmp_path, ALLOWED) == {}
    assert secrets.within_files(tmp_path, {}).keys() == {"passphrase", "admin.token"}, "it can find them"
