"""Replicas without a control plane serve the contract operators already have: Chainlink's Operator 1.5.0."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from eth_abi.abi import encode

from linkpool.chain.endpoint import connect
from linkpool.chain.endpoints import Endpoints
from linkpool.contracts.abi import load_code
from linkpool.contracts.consumer import DemoConsumer
from linkpool.contracts.link import Link
from linkpool.dev.account import Account
from linkpool.dev.job import SPEC_ID, demo_job, demo_parameters
from linkpool.dev.pool import PAYMENT
from linkpool.dev.processes import child
from linkpool.dev.tally import Tally
from linkpool.units import link
from tests.support.anvil import KEYS, Anvil, anvil
from tests.support.chainlink import client, operator
from tests.support.ports import free_port
from tests.support.source import open_source
from tests.support.until import until

CHAIN_ID = 31337
NAMES = ("left", "right")


@pytest.fixture
def chain() -> Iterator[Anvil]:
    with anvil(gas_limit=400_000_000) as running:
        yield running


@dataclass
class Ground:
    """An Operator with two authorized senders, and a consumer with LINK."""

    chain: Anvil
    rpc: Endpoints
    http: aiohttp.ClientSession
    folder: Path
    people: Account
    senders: dict[str, Account]
    oracle: str
    consumer: DemoConsumer

    def write(self, name: str) -> Path:
        """The file of the replica of that name; its health port is written in it."""
        sibling = next(other for other in NAMES if other != name)
        key = self.folder / f"{name}.key"
        key.write_text(KEYS[NAMES.index(name)] + "\n")
        values = {
            "rpc_urls": [self.chain.ws, self.chain.http],
            "oracle": self.oracle,
            "sender_key_file": key.name,
            "jobs": "jobs",
            "task": name,
            "siblings": [{"task": sibling, "sender": self.senders[sibling].address}],
            "health_port": free_port(),
        }
        rows = [f"{field} = {json.dumps(value)}" for field, value in values.items() if field != "siblings"]
        table = "".join(f"\n{field} = {json.dumps(value)}" for field, value in values["siblings"][0].items())
        file = self.folder / f"{name}.toml"
        file.write_text("\n".join(rows) + f"\n[[siblings]]{table}\n")
        return file

    @asynccontextmanager
    async def replica(self, name: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """Run one until the block ends; serving when entered."""
        file = self.write(name)
        port = next(line for line in file.read_text().splitlines() if "health_port" in line).split()[-1]
        command = [sys.executable, "-m", "linkpool", "replica", "--config", str(file)]
        async with child(command, self.folder / f"{name}.log") as process:

            async def ready() -> bool:
                try:
                    async with self.http.get(f"http://127.0.0.1:{port}/ready") as reply:
                        return reply.status == 200
                except aiohttp.ClientError:
                    return False

            await until(ready, f"{name} serves; see {self.folder / f'{name}.log'}")
            yield process

    async def ask(self, times: int) -> None:
        call = self.consumer.ask(self.oracle, SPEC_ID, PAYMENT, demo_parameters(), times)
        await self.people.send(call)

    async def answered(self, count: int) -> Tally:
        """Return when that many requests are answered and none is open."""
        tally = Tally(self.rpc, self.oracle, 0)

        async def done() -> bool:
            await tally.update()
            return tally.answered == count and tally.open == 0

        await until(done, f"{count} requests are answered")
        return tally


@pytest.fixture
async def ground(chain: Anvil, tmp_path: Path) -> AsyncIterator[Ground]:
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        endpoint = connect(chain.ws, http)
        stack.push_async_callback(endpoint.close)
        rpc = Endpoints([endpoint], chain_id=CHAIN_ID)
        people = Account(rpc, CHAIN_ID)
        await people.fund()
        senders = {name: Account(rpc, CHAIN_ID, key) for name, key in zip(NAMES, KEYS, strict=False)}
        token = await people.deploy(client("v0.4", "LinkToken").code)
        oracle = await people.deploy(operator().creation(token, people.address))
        allowed = [sender.address for sender in senders.values()]
        await people.transact(oracle, operator().calldata("setAuthorizedSenders", allowed))
        code = load_code("DemoConsumer").creation + encode(("address",), (token,))
        consumer = DemoConsumer(await people.deploy(code))
        await people.send(Link(token).transfer(consumer.address, link(100)))
        source = await stack.enter_async_context(open_source())
        (tmp_path / "jobs").mkdir()
        (tmp_path / "jobs" / "demo.toml").write_text(demo_job(source.url))
        chain.rpc("evm_setIntervalMining", 1)
        yield Ground(chain, rpc, http, tmp_path, people, senders, oracle, consumer)


async def test_a_pair_answers_and_goes_on_when_one_is_killed(ground: Ground) -> None:
    async with ground.replica("left") as left, ground.replica("right") as right:
        await ground.ask(6)
        await ground.answered(6)
        left.kill()
        await left.wait()
        await ground.ask(6)
        tally = await ground.answered(12)
        right.send_signal(signal.SIGTERM)
        assert await right.wait() == 0
    assert tally.paid_twice == 0
    for request_id in tally.fates:
        assert await ground.consumer.answers(request_id).ask(ground.rpc) == 1
    assert await ground.consumer.latest().ask(ground.rpc) == 1_523_010


async def test_an_address_that_is_no_oracle_is_said_in_one_line(ground: Ground) -> None:
    file = ground.write("left")
    file.write_text(file.read_text().replace(ground.oracle, ground.people.address))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "linkpool", "replica", "--config", str(file), stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == 1
    last = json.loads(said.decode().splitlines()[-1])
    assert f"{ground.people.address} is no oracle contract on chain {CHAIN_ID}" in last["reason"]
    assert "Traceback" not in said.decode()
