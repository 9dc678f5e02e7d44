"""The dev chain: anvil with 1 s blocks, found in node_modules or on the PATH."""

import asyncio
import os
import platform
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from linkpool.chain.rpc import Rpc
from linkpool.dev.processes import CannotStart, child, last_words

START_SECONDS = 20.0

BLOCK_GAS = 400_000_000
"""Room for a thousand answers in one block; a single transaction stays under the chain's own limit."""


@dataclass(frozen=True)
class DevChain:
    """Where the dev chain listens; HTTP and WebSocket share the port."""

    port: int

    @property
    def http(self) -> str:
        """JSON-RPC over HTTP."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        """JSON-RPC over WebSocket, with subscriptions."""
        return f"ws://127.0.0.1:{self.port}"


def find_anvil(root: Path) -> Path:
    """The anvil binary: LINKPOOL_ANVIL, the project's node_modules, the PATH. Raises CannotStart."""
    if named := os.environ.get("LINKPOOL_ANVIL"):
        if os.access(named, os.X_OK) and Path(named).is_file():
            return Path(named)
        raise CannotStart(
            f"LINKPOOL_ANVIL names {named}, which is no program: name the anvil binary, or unset it and "
            "run `npm ci`, which brings one"
        )
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    packaged = (
        root / "node_modules" / "@foundry-rs" / f"anvil-{platform.system().lower()}-{machine}/bin/anvil"
    )
    if packaged.exists():
        return packaged
    if found := shutil.which("anvil"):
        return Path(found)
    raise CannotStart(
        "anvil, the dev chain, is missing: run `npm ci` in the project's folder (Node 20 or newer), "
        "or install Foundry, or name the binary in LINKPOOL_ANVIL"
    )


@asynccontextmanager
async def dev_chain(binary: Path, port: int, log: Path) -> AsyncIterator[DevChain]:
    """Run a fresh chain while the context is open; ready to serve when entered. Raises CannotStart.

    Each transaction is its own block until `tick`, so that founding a pool takes no time.
    """
    command = [
        str(binary), "--host", "127.0.0.1", "--port", str(port),
        "--gas-limit", str(BLOCK_GAS), "--silent", "--prune-history", "4096",
    ]  # fmt: skip
    async with child(command, log) as process:
        chain = DevChain(port)
        await _answering(chain, process, binary, log)
        yield chain


async def tick(rpc: Rpc, seconds: int = 1) -> None:
    """From now on a block every so many seconds, and only then."""
    await rpc.call("evm_setAutomine", False)
    await rpc.call("evm_setIntervalMining", seconds)


async def _answering(chain: DevChain, process: asyncio.subprocess.Process, binary: Path, log: Path) -> None:
    request = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
    try:
        async with asyncio.timeout(START_SECONDS), aiohttp.ClientSession() as http:
            while process.returncode is None:
                try:
                    async with http.post(chain.http, json=request) as reply:
                        if reply.status == 200:
                            return
                except aiohttp.ClientError:
                    await asyncio.sleep(0.05)
    except TimeoutError:
        pass
    raise CannotStart(f"the dev chain, {binary}, did not start: {last_words(log)}")
