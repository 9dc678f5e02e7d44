"""A real dev chain for tests: one anvil process on a free port, stopped by itself.

    with anvil(block_time=1) as chain:
        chain.http, chain.ws      # URLs
        chain.rpc("evm_mine")     # synchronous, for set-up; raises AnvilError

It is up when the `with` is entered: the system chooses the port (no race) and anvil's own first lines
tell it. The process dies with its parent, even when the test run is killed.
"""

import ctypes
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KEYS = (  # anvil's well-known accounts, worthless anywhere else
    "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
    "0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
    "0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba",
)

STILL_BASE_FEE = 7
"""wei. Below 8 an empty block cannot lower the base fee, so it stays: the only base fee that anvil pins."""

_BINARY = Path(__file__).parents[2] / "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
_READY = re.compile(r"Listening on 127\.0\.0\.1:(\d+)")
_PR_SET_PDEATHSIG = 1


class AnvilError(Exception):
    """anvil is missing, did not start, or refused a call."""


@dataclass
class Anvil:
    """A running anvil: where it listens, and calls for test set-up."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def http(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        """`ws://127.0.0.1:PORT`."""
        return f"ws://127.0.0.1:{self.port}"

    def rpc(self, method: str, *params: Any) -> Any:
        """One JSON-RPC call. It blocks: inside async tests, use it for short set-up calls only."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=90)
        with closing(connection):
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            answer = json.load(connection.getresponse())
        if "error" in answer:
            raise AnvilError(f"{method}: {answer['error'].get('message')}")
        return answer["result"]

    def mine(self, blocks: int = 1) -> None:
        """Add that many blocks now."""
        for _ in range(blocks):
            self.rpc("evm_mine")

    def stop(self) -> None:
        """End the process; calling it again is fine."""
        self.process.terminate()
        self.process.wait(10)


def binary() -> Path:
    """Where anvil is. Raises AnvilError with what to do when it is missing."""
    if _BINARY.exists():
        return _BINARY
    found = shutil.which("anvil")
    if found is None:
        raise AnvilError("anvil is missing: run `npm ci` in the repository")
    return Path(found)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _await_port(process: subprocess.Popen[bytes], output: Path, limit: float) -> int:
    end = time.monotonic() + limit
    while time.monotonic() < end:
        text = output.read_text(errors="replace")
        if ready := _READY.search(text):
            return int(ready[1])
        if process.poll() is not None:
            raise AnvilError(f"anvil ended with code {process.returncode}: {text[-500:]}")
        time.sleep(0.02)
    raise AnvilError(f"anvil did not listen within {limit} s")


@contextmanager
def anvil(
    *,
    block_time: float | None = None,
    mining: bool = True,
    gas_limit: int = 30_000_000,
    base_fee: int | None = STILL_BASE_FEE,
    chain_id: int = 31337,
    port: int = 0,
    extra: tuple[str, ...] = (),
) -> Iterator[Anvil]:
    """Start anvil and stop it at the end.

    `block_time` in seconds; none mines a block per transaction; `mining=False` waits for `evm_mine`.
    `base_fee` in wei, none for anvil's own (1 gwei, falling); `gas_limit` per block.
    """
    options = ["--host", "127.0.0.1", "--port", str(port), "--chain-id", str(chain_id)]
    options += ["--gas-limit", str(gas_limit)]
    if base_fee is not None:
        options += ["--block-base-fee-per-gas", str(base_fee)]
    if block_time is not None:
        options += ["--block-time", str(block_time)]
    elif not mining:
        options += ["--no-mining"]
    with tempfile.TemporaryDirectory(prefix="anvil-") as folder:
        output = Path(folder) / "output"
        with output.open("wb") as sink:
            process = subprocess.Popen(
                [binary(), *options, *extra],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one call that takes no lock
                env={**os.environ, "HOME": folder},
            )
        chain: Anvil | None = None
        try:
            chain = Anvil(_await_port(process, output, 90.0), process)
            yield chain
        finally:
            process.kill()
            process.wait(10)
