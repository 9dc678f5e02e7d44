"""`linkpool dev` leaves no process behind when told to stop, and clears up at its next start when killed."""

import asyncio
import json
import os
import re
import signal
import sys
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from linkpool.chain.endpoint import connect
from linkpool.chain.endpoints import Endpoints
from linkpool.chain.types import quantity
from linkpool.contracts.deploy import Deployment
from linkpool.contracts.link import Link
from linkpool.dev.account import COINS
from linkpool.units import link
from tests.support.processes import carrying
from tests.support.until import until

REPOSITORY = Path(__file__).parents[3]
VISITOR = "0x976EA74026E726554dB657fA54763abd0C3a0aa9"
WHOLE = 5
"""The command itself, the chain, the control plane, two replicas."""


@dataclass
class Dev:
    """A running `linkpool dev`. Its folder for temporary files marks every process that comes from it."""

    process: asyncio.subprocess.Process
    state: Path
    mark: str

    def processes(self) -> set[int]:
        """Of this and of any earlier one on the same folder."""
        return carrying(f"TMPDIR={self.mark}")

    async def serves(self) -> None:
        """Return when its node serves, and nothing of an earlier one is left."""
        log = self.state / "logs" / "control.log"

        async def serving() -> bool:
            whole = len(self.processes()) == WHOLE
            return whole and log.exists() and '"state": "serving"' in log.read_text()

        await until(serving, f"the node serves; see {log}")

    async def ended(self, within: float = 120.0) -> int:
        """Its exit code."""
        async with asyncio.timeout(within):
            return await self.process.wait()


@asynccontextmanager
async def dev(folder: Path, *options: str) -> AsyncIterator[Dev]:
    """Start one; killed at the end if it still runs, and its replicas with it."""
    command = ["-m", "linkpool", "dev", "--state", str(folder / "state"), "--chain-port", "0", "--port", "0"]
    environment = {**os.environ, "TMPDIR": str(folder), "PYTHONPATH": str(REPOSITORY / "src")}
    with (folder / "said").open("ab") as said:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, *options, stdout=said, stderr=said, env=environment
        )
    started = Dev(process, folder / "state", str(folder))
    try:
        yield started
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture
def folder(tmp_path: Path) -> AsyncIterator[Path]:
    yield tmp_path
    for pid in carrying(f"TMPDIR={tmp_path}"):
        os.kill(pid, signal.SIGKILL)


async def test_killed_then_started_again_then_stopped_by_ctrl_c(folder: Path) -> None:
    async with dev(folder) as first:
        await first.serves()
        async with dev(folder) as second:
            assert await second.ended() == 1
        assert "already runs" in (folder / "said").read_text()
        first.process.kill()
        await first.process.wait()
        await until(lambda: _count(first, 2), "chain and control plane end with it, the replicas go on")
        orphans = first.processes()
    async with dev(folder, "--fund", VISITOR.lower()) as third:
        await third.serves()
        assert not third.processes() & orphans
        await until(lambda: _rich(third), "the visitor's wallet has LINK and coins")
        third.process.send_signal(signal.SIGINT)
        assert await third.ended() == 0
        assert third.processes() == set()
    assert "Traceback" not in (folder / "said").read_text()
    cleared = [json.loads(line)["event"] for line in (third.state / "dev.log").read_text().splitlines()]
    assert sorted(cleared) == ["task found"] * 2 + ["task is gone"] * 2


async def test_a_control_plane_that_was_killed_leaves_no_replica_behind_at_the_end(folder: Path) -> None:
    async with dev(folder) as running:
        await running.serves()
        (control,) = [pid for pid in running.processes() if b"\0control\0" in _command(pid)]
        os.kill(control, signal.SIGKILL)
        running.process.send_signal(signal.SIGINT)
        await running.ended()
        assert running.processes() == set()


def _command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


async def _rich(running: Dev) -> bool:
    settings = tomllib.loads((running.state / "control.toml").read_text())
    deployment = Deployment.read(running.state / "deployment.json")
    async with aiohttp.ClientSession() as http:
        endpoint = connect(settings["rpc_urls"][-1], http)
        rpc = Endpoints([endpoint], chain_id=settings["chain_id"])
        coins = quantity(await rpc.call("eth_getBalance", VISITOR, "latest"))
        juels = await Link(deployment.link).balance_of(VISITOR).ask(rpc)
        await endpoint.close()
    return (coins, juels) == (COINS, link("10000"))


async def _count(running: Dev, wanted: int) -> bool:
    return len(running.processes()) == wanted


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
async def test_told_to_stop_while_it_starts(folder: Path, stop: signal.Signals) -> None:
    async with dev(folder) as running:
        await until(lambda: _said(folder, "contracts"), "it starts")
        running.process.send_signal(stop)
        assert await running.ended() == 0
        assert running.processes() == set()
    assert "Traceback" not in (folder / "said").read_text()


async def _said(folder: Path, text: str) -> bool:
    return text in (folder / "said").read_text()


async def test_the_proof_is_one_json_object_last(folder: Path) -> None:
    async with dev(folder, "--check", "--json", "--requests", "6") as running:
        assert await running.ended(240) == 0
        assert running.processes() == set()
    proof = json.loads((folder / "said").read_text().splitlines()[-1])
    assert (proof["answered"], proof["missed"], proof["paid_twice"]) == (6, 0, 0)
    assert proof["replaced_s"] > 0
    assert proof["registered_after_s"] > 0
    troubled = re.compile('Traceback|"level": "(error|critical)"')
    assert not [path for path in running.state.rglob("*.log") if troubled.search(path.read_text())]
    assert (running.state.stat().st_mode & 0o777) == 0o700
