"""A pool of real processes answers, loses a replica and its control plane, and is looked at from outside.

No secret stands in a process list, an environment, a log, an answer, a metric or the database.
"""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from linkpool.fleet.secrets.keys import Keyring
from tests.support.planted import Planted
from tests.support.pool import RealPool, real_pool, traffic
from tests.support.ports import free_port
from tests.support.site import MASTER, PASSPHRASE

BRIDGE_TOKEN, INCOMING_TOKEN = "planted-bridge-token", "planted-incoming-token"
ADAPTER_SECRET, WRONG_TOKEN = "planted-adapter-secret", "planted-wrong-token"
RPC_KEY = "planted-rpc-key"
ALLOWED = {
    "passphrase": {"passphrase"},
    "admin.token": {"admin"},
    "control.toml": {"rpc"},
    "n1-blue-1.token": {"group"},
    "n1-blue-1.json": {"rpc"},
    "b-own-blue-1.json": {"adapter"},
}
"""Files that exist to hold a secret, by name: those of the operator and, mode 0600, the engine's."""


@dataclass(frozen=True)
class Look:
    """One process: its command line is anybody's to see, its environment its user's."""

    command: bytes
    environment: bytes

    @property
    def is_replica(self) -> bool:
        return b"LINKPOOL_RPC_URLS=" in self.environment


@dataclass
class Watch:
    """What anybody on the machine may read of the pool's processes."""

    seen: dict[int, Look] = field(default_factory=dict)

    def look(self, pool: RealPool) -> None:
        assert pool.plane.process is not None
        for pid in pool.processes() | {pool.plane.process.pid}:
            try:
                entry = Path("/proc") / str(pid)
                self.seen[pid] = Look((entry / "cmdline").read_bytes(), (entry / "environ").read_bytes())
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
    """What every readable path of the API says, with the right token and a wrong one; so do replicas."""
    document = await pool.control.ask("GET", "/openapi.json")
    paths = [path for path, item in document["paths"].items() if "get" in item and "/events" not in path]
    texts = [json.dumps(document)]
    for headers in (pool.headers, {"Authorization": "Bearer nonsense"}):
        for path in paths:
            url = pool.control.url + re.sub(r"\{[^}]+\}", pool.oracle, path)
            async with pool.http.get(url, headers=headers) as reply:
                texts.append(f"{reply.headers} {await reply.text()}")
    for replica in await pool.replicas():
        for path in ("live", "ready", "metrics"):
            async with pool.http.get(f"{replica.health}/{path}") as reply:
                texts.append(await reply.text())
    return texts


async def commands(pool: RealPool, wrong: Path) -> list[str]:
    """What the command line prints, when all is well and when the token is wrong."""
    with_config = ["--config", str(pool.folder.config)]
    lines = ["status", "alarms", "node list", f"node show {pool.oracle}", "token list", "audit", "job list"]
    lines += ["catalog show", "bridge list", f"logs {pool.oracle} --state {pool.folder.control} --lines 1000"]
    asked = [line.split() for line in lines]
    asked += [["config", "show", *with_config], ["doctor", *with_config], ["node", "list"]]
    files = [pool.folder.token] * (len(asked) - 1) + [wrong]
    texts = []
    for words, token in zip(asked, files, strict=True):
        environment = {**os.environ, "LINKPOOL_URL": pool.control.url, "LINKPOOL_API_TOKEN_FILE": str(token)}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "linkpool", *words),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        assert process.returncode == (1 if token is wrong else 0), said.decode()
        texts.append(said.decode())
    return texts


async def make_secrets(pool: RealPool) -> dict[str, str]:
    """Bridges with tokens and secrets, an API token, a session; what only the answers to these show."""
    tokens = {"token": BRIDGE_TOKEN, "incoming_token": INCOMING_TOKEN}
    await pool.control.ask("PUT", "/catalog/bridges/b", {"urls": ["https://b.example"], **tokens})
    program = {"command": [sys.executable, "-m", "http.server", "0"], "secrets": {"API_KEY": ADAPTER_SECRET}}
    await pool.control.ask("PUT", "/catalog/bridges/own", {"program": program})
    made = await pool.control.ask("POST", "/tokens", {"name": "planted", "scope": "read"})
    async with pool.http.post(
        f"{pool.control.url}/api/v1/session", headers={"Authorization": f"Bearer {made['token']}"}
    ) as reply:
        cookie, csrf = reply.cookies["linkpool_session"].value, (await reply.json())["csrf"]
    return {"api token": made["token"], "cookie": cookie, "csrf": csrf}


async def test_no_secret_is_anywhere_it_should_not_be(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINKPOOL_AGENT_PORT", str(free_port()))
    monkeypatch.setenv("LINKPOOL_AGENT_HOST", "127.0.0.1")
    wrong = tmp_path_factory.mktemp("elsewhere") / "wrong.token"
    wrong.write_text(WRONG_TOKEN)
    async with real_pool(tmp_path, rpc_key=RPC_KEY) as pool, watching(pool) as watch:
        made = await make_secrets(pool)
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
        said += await commands(pool, wrong)
        watch.look(pool)
    secrets = Planted(Keyring(MASTER), passphrase=PASSPHRASE, admin=pool.folder.token.read_text().strip())
    secrets.add(bridge=BRIDGE_TOKEN, incoming=INCOMING_TOKEN, adapter=ADAPTER_SECRET, wrong=WRONG_TOKEN)
    secrets.add(rpc=RPC_KEY, **made)
    assert len(watch.seen) >= 5, "two control planes and three replicas"
    assert [secrets.within(look.command) for look in watch.seen.values()] == [set()] * len(watch.seen)
    for look in watch.seen.values():
        assert secrets.within(look.environment) <= ({"rpc"} if look.is_replica else {"adapter"})
    assert any(b"LINKPOOL_CA_FINGERPRINT=" in look.environment for look in watch.seen.values())
    assert len(said) > 2 * 30
    assert [(secrets.within(text), text) for text in said if secrets.within(text)] == []
    assert secrets.within_files(tmp_path, ALLOWED) == {}
    found = secrets.within_files(tmp_path, {})
    assert found.keys() >= {"passphrase", "admin.token", "control.toml"}, "it can find them"
