"""The session of docs/operating.md, command by command, while requests flow; and none of them is missed."""

import asyncio
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import aiohttp
import pytest
from cbor2 import dumps
from eth_abi.abi import encode

from linkpool.api.client import Client, until_serving
from linkpool.api.client_catalog import catalog
from linkpool.chain.endpoint import connect
from linkpool.chain.endpoints import Endpoints
from linkpool.contracts.abi import load_code
from linkpool.contracts.consumer import DemoConsumer
from linkpool.contracts.deploy import Deployment
from linkpool.contracts.link import Link
from linkpool.contracts.view import View
from linkpool.dev.account import Account
from linkpool.dev.pool import PAYMENT, WEALTH
from linkpool.dev.tally import Tally
from linkpool.engines.local import LocalEngine
from linkpool.units import link
from tests.support.anvil import KEYS, Anvil, anvil
from tests.support.ports import free_port
from tests.support.until import until

ROOT = Path(__file__).parents[3]
JOB = UUID("8c1f1a5e-6f0d-4d5c-8a63-7d3f2f1b9a10").hex.encode()
QUESTION = dumps({"from": "EUR", "to": "USD", "times": 100})[1:]
PAUSE = 0.5
SESSION_SECONDS = 600
CHAIN_ID = 31337


def commands() -> str:
    """The shell of the section, block after block; it stops at the first that fails."""
    text = (ROOT / "docs" / "operating.md").read_text()
    (section,) = re.findall(r"(?ms)^## A session, [^\n]*\n(.*?)^## ", text)
    blocks = re.findall(r"(?ms)^```sh\n(.*?)^```$", section)
    assert len(blocks) > 5
    return "PS4='+ $SECONDS s: '\nset -euxo pipefail\n" + "\n".join(blocks)


@dataclass
class Requester:
    """Asks every node for as long as the session lasts, from the moment at which that can be paid for."""

    rpc: Endpoints
    folder: Path
    requester: Account
    tallies: dict[str, Tally] = field(default_factory=dict)
    asked: int = 0

    async def run(self) -> None:
        """For ever."""
        deployment = await self._deployment()
        token, view = Link(deployment.link), View(deployment.view)
        code = load_code("DemoConsumer").creation + encode(("address",), (deployment.link,))
        consumer = DemoConsumer(await self.requester.deploy(code))
        await self.requester.send(token.mint(consumer.address, WEALTH))
        while not all(offer.open for offer in await view.offers(deployment.pool, [JOB]).ask(self.rpc)):
            await asyncio.sleep(PAUSE)
        while True:
            for node in await view.nodes(deployment.pool).ask(self.rpc):
                self.tallies.setdefault(node.node, Tally(self.rpc, node.node, deployment.block))
                await self.requester.send(consumer.ask(node.node, JOB, PAYMENT, QUESTION))
                self.asked += 1
            await asyncio.sleep(PAUSE)

    async def _deployment(self) -> Deployment:
        async def written() -> bool:
            return (self.folder / "control.toml").exists()

        await until(written, "the pool is deployed")
        return Deployment.read(self.folder / "deployment.json")

    async def settled(self) -> None:
        """Return when every request on chain has its answer, paid once."""

        async def all_answered() -> bool:
            for tally in self.tallies.values():
                await tally.update()
            return not any(tally.open for tally in self.tallies.values())

        await until(all_answered, "all requests are answered")
        assert [tally.paid_twice for tally in self.tallies.values()] == [0, 0, 0]
        assert sum(tally.answered for tally in self.tallies.values()) >= self.asked > 0


@dataclass
class Machine:
    """An empty folder, a chain, and a shell."""

    folder: Path
    chain: Anvil
    port: int

    def environment(self) -> Mapping[str, str]:
        return {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "RPC_URL": self.chain.http,
            "CHAIN_ID": str(CHAIN_ID),
            "OWNER": "0x" + "12" * 20,
            "LINKPOOL_PORT": str(self.port),
            "LINKPOOL_URL": f"http://127.0.0.1:{self.port}",
        }

    @asynccontextmanager
    async def shell(self, script: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """bash, with what it starts in the background in its own group, which ends with it."""
        with (self.folder / "session.log").open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                "bash",
                "-c",
                script,
                cwd=self.folder,
                env=dict(self.environment()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                yield process
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, 9)
                await process.wait()

    async def tidy(self) -> None:
        """Replicas and adapters outlive their control plane: no process stays behind."""
        for folder in self.folder.glob("**/engine"):
            await LocalEngine(folder, "linkpool", lambda: 0.0).stop_all(1.0)


@asynccontextmanager
async def machine(folder: Path) -> AsyncIterator[tuple[Machine, Requester]]:
    """Ready for the first command."""
    async with AsyncExitStack() as stack:
        chain = stack.enter_context(anvil(gas_limit=400_000_000))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        endpoint = connect(chain.ws, http)
        stack.push_async_callback(endpoint.close)
        rpc = Endpoints([endpoint], chain_id=CHAIN_ID)
        shutil.copytree(ROOT / "examples", folder / "examples")
        (folder / "deployer.key").write_text(KEYS[0] + "\n")
        made = Machine(folder, chain, free_port())
        stack.push_async_callback(made.tidy)
        requester = Account(rpc, CHAIN_ID)
        await requester.fund()
        yield made, Requester(rpc, folder, requester)


@pytest.mark.timeout(SESSION_SECONDS + 120)
async def test_the_session_of_the_manual_is_true_and_misses_nothing(tmp_path: Path) -> None:
    async with machine(tmp_path) as (made, requester):
        script = f"{commands()}\ntouch done\nwait"  # for the control plane that it started last
        async with made.shell(script) as shell, asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(requester.run())
            blocks = tasks.create_task(_blocks(made))
            try:
                await _finished(made, shell)
            except AssertionError:
                pytest.fail((tmp_path / "session.log").read_text()[-4_000:])
            asking.cancel()
            await requester.settled()
            blocks.cancel()
            await _as_wanted(made)


async def _blocks(made: Machine) -> None:
    """A block a second once the contracts stand, which are deployed with a block per transaction."""
    while not (made.folder / "control.toml").exists():
        await asyncio.sleep(0.1)
    made.chain.rpc("evm_setIntervalMining", 1)


async def _finished(made: Machine, shell: asyncio.subprocess.Process) -> None:
    """Return when the last command was done; the control plane goes on."""

    async def last() -> bool:
        assert shell.returncode is None, "the shell ended early"
        return (made.folder / "done").exists()

    await until(last, "the session comes to its end", SESSION_SECONDS)


async def _as_wanted(made: Machine) -> None:
    """Three nodes of two replicas, and the catalog with its adapter, as before the machine was lost."""
    token = (made.folder / "control" / "admin.token").read_text().strip()
    async with aiohttp.ClientSession() as http:
        client = Client(http, f"http://127.0.0.1:{made.port}", token)
        for index in (1, 2, 3):
            await until_serving(client, index, 120)
        seen = await catalog(client)
        (bridge,), (job,) = seen.bridges, seen.jobs
        assert bridge.program is not None
        assert bridge.program.settings == {"RATES": "EUR=1.11,GBP=1.29"}
        assert [task.healthy for task in bridge.program.tasks] == [True, True]
        assert (job.state, job.offer and job.offer.payment) == ("open", str(link("0.1")))
