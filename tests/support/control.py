"""A whole control plane for tests: a dev chain with a pool, sealed keys, settings, an HTTP client."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import httpx

from linkpool import log
from linkpool.api.control import run
from linkpool.api.settings import Settings
from linkpool.chain.endpoint import connect
from linkpool.chain.keys import Key
from linkpool.contracts import deploy
from linkpool.fleet.secrets.keys import Keyring, seal
from linkpool.units import WHOLE
from tests.support.anvil import KEYS, Anvil, anvil

MASTER = bytes(range(32))
PASSPHRASE = "correct horse battery staple"
REPOSITORY = Path(__file__).parents[2]
PATIENCE = 60.0
"""Seconds for an answer of the API: what it takes on a busy machine is not what these tests are about."""


@dataclass
class Ground:
    """A pool on a chain, and a folder for one control plane."""

    chain: Anvil
    folder: Path
    deployment: deploy.Deployment

    def settings(self, **changes: Any) -> Settings:
        """Settings of a control plane whose replicas are fake ones."""
        values: dict[str, Any] = {
            "state": self.folder,
            "port": 0,
            "chain_id": 31337,
            "pool": self.deployment.pool,
            "view": self.deployment.view,
            "rpc_urls": [self.chain.http],
            "passphrase_file": self.folder / "passphrase",
            "release_command": [sys.executable, "-m", "tests.support.fake_replica"],
            "release_settings": {"PYTHONPATH": str(REPOSITORY)},
            "stop_replicas": True,
        }
        return Settings(**values | changes)

    def heard(self, task: str) -> list[dict[str, Any]]:
        """Everything a fake replica was told, in order."""
        text = (self.folder / "engine" / "logs" / f"{task}.log").read_text()
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


@contextmanager
def ground(folder: Path, *, block_time: float | None = None) -> Iterator[Ground]:
    """A fresh chain with a pool whose manager and treasury are those of MASTER."""
    with anvil(block_time=block_time) as chain:
        keys = Keyring(MASTER)
        seal(MASTER, PASSPHRASE, folder / "master.json", cost=2**4)
        (folder / "passphrase").write_text(PASSPHRASE + "\n")
        chain.rpc("anvil_setBalance", Key(keys.treasury()).address, hex(1_000 * WHOLE))
        yield Ground(chain, folder, asyncio.run(_deploy(chain, keys)))


async def _deploy(chain: Anvil, keys: Keyring) -> deploy.Deployment:
    owner = Key(KEYS[0])
    settings = deploy.Settings(
        31337, owner.address, Key(keys.manager()).address, owner.address, owner.address
    )
    async with aiohttp.ClientSession() as session:
        endpoint = connect(chain.http, session)
        plan = await deploy.plan(endpoint, settings, owner.address)
        deployed = await deploy.deploy(endpoint, plan, owner)
        await endpoint.close()
    return deployed


@dataclass
class Running:
    """A control plane in this process, and a client with the admin token."""

    client: httpx.AsyncClient
    task: asyncio.Task[None]


@asynccontextmanager
async def control_plane(settings: Settings) -> AsyncIterator[Running]:
    """Run one until the block ends."""
    log.configure(sys.__stderr__)  # as in production: lines, not pictures of stacks
    listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(run(settings, ready=listening.set_result))
    try:
        await asyncio.wait((task, listening), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        token = (settings.state / "admin.token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(
            base_url=await listening, headers=headers, trust_env=False, timeout=PATIENCE
        ) as client:
            yield Running(client, task)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@dataclass
class Process:
    """A control plane in a process of its own."""

    client: httpx.AsyncClient
    process: asyncio.subprocess.Process


_PROGRAM = """
import asyncio, signal, sys
from pathlib import Path
from linkpool import log
from linkpool.api.control import run
from linkpool.api.settings import Settings
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background was told to ignore it
log.configure(open(sys.argv[1] + ".log", "a", buffering=1))
settings = Settings.model_validate_json(Path(sys.argv[1]).read_text())
asyncio.run(run(settings, ready=lambda url: print(url, flush=True)))
"""


@asynccontextmanager
async def control_process(pool: Ground, **changes: Any) -> AsyncIterator[Process]:
    """Run one as a process; at the end it gets SIGINT, unless it is gone already."""
    settings = pool.settings(**changes)
    file = pool.folder / f"settings-{len(list(pool.folder.glob('settings-*.json')))}.json"
    file.write_text(settings.model_dump_json())
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PROGRAM, str(file), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(120):
            url = (await process.stdout.readline()).decode().strip()
        token = (settings.state / "admin.token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(
            base_url=url, headers=headers, trust_env=False, timeout=PATIENCE
        ) as client:
            yield Process(client, process)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            await process.wait()
