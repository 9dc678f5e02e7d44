"""The composition root of `linkpool dev`: a whole pool on this machine, started in order and stopped in
reverse.

    chain -> contracts -> data source -> relays -> control plane -> the demo job -> one node of two replicas
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from linkpool.api.client import NODE_SECONDS, Client, until_serving
from linkpool.api.client_catalog import apply, until_in_use
from linkpool.chain.endpoint import connect
from linkpool.chain.endpoints import Endpoints
from linkpool.contracts.pool_events import NodeRegistered
from linkpool.dev.anvil import DevChain, dev_chain, find_anvil, tick
from linkpool.dev.folder import POOL_NAME, Folder
from linkpool.dev.job import demo_job
from linkpool.dev.pool import GAS_MONEY, LINK_PRICE, MAX_FEE, TERMS, Found, found
from linkpool.dev.processes import CannotStart, child, claim_port, last_words
from linkpool.dev.relay import DevRelay, dev_relays
from linkpool.dev.source import demo_source
from linkpool.wire.api import NodeView
from linkpool.wire.catalog import PutCatalog, PutJob

CHAIN_ID = 31337
CONTROL_SECONDS = 60.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Ports:
    """0 takes a free one."""

    chain: int
    control: int


@dataclass(frozen=True)
class DevPool:
    """A pool that runs. `http` is for more calls to it."""

    folder: Folder
    chain: DevChain
    rpc: Endpoints
    found: Found
    control: Client
    node: NodeView
    source: str
    """Base URL of the demo data source."""
    registered_after: float
    """Seconds from the call that asked for the node to its registration on chain."""
    relays: tuple[DevRelay, ...] = ()

    @property
    def oracle(self) -> str:
        """The node's id."""
        if self.node.id is None:
            raise CannotStart("the node has no id though it serves")
        return self.node.id


@asynccontextmanager
async def dev_pool(
    folder: Folder, ports: Ports, root: Path, say: Say, *, relays: int = 0
) -> AsyncIterator[DevPool]:
    """Start everything, behind that many relays; stop it at the end, in reverse. Raises LinkPoolError."""
    async with AsyncExitStack() as stack:
        await folder.clear()
        say("dev chain")
        port = claim_port(ports.chain, "the dev chain", "--chain-port")
        control_port = claim_port(ports.control, "the control plane", "--port")
        chain = await stack.enter_async_context(dev_chain(find_anvil(root), port, folder.logs / "chain.log"))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        endpoint = connect(chain.ws, http)
        stack.push_async_callback(endpoint.close)
        rpc = Endpoints([endpoint], chain_id=CHAIN_ID)
        say("contracts")
        standing = await found(rpc, folder)
        await tick(rpc)
        source = await stack.enter_async_context(demo_source(0))
        between = await stack.enter_async_context(
            dev_relays(relays, [chain.ws, chain.http], CHAIN_ID, folder.logs, http)
        )
        say("control plane")
        write_config(folder, control_port, chain, standing, [relay.ws for relay in between])
        stack.push_async_callback(folder.stop_replicas)
        control = await stack.enter_async_context(_control(folder, control_port, http))
        wanted = PutCatalog(jobs=[PutJob(text=demo_job(source), offer=TERMS)])
        revision = (await apply(control, wanted)).revision
        say("a node: wallet, gas money, two replicas, registration")
        asked = asyncio.get_running_loop().time()
        made = await control.make_node()
        await _registered(rpc, standing, 1)
        registered_after = asyncio.get_running_loop().time() - asked
        node = await until_serving(control, made.node.index, NODE_SECONDS)
        await until_in_use(control, revision, NODE_SECONDS)
        yield DevPool(folder, chain, rpc, standing, control, node, source, registered_after, tuple(between))


@asynccontextmanager
async def _control(folder: Folder, port: int, http: aiohttp.ClientSession) -> AsyncIterator[Client]:
    """The control plane as a process of its own, leading when entered."""
    log = folder.logs / "control.log"
    command = [sys.executable, "-m", "linkpool", "control", "--config", str(folder.config)]
    async with child(command, log) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            async with asyncio.timeout(CONTROL_SECONDS):
                while not (process.returncode is None and folder.token.exists() and await _ready(http, url)):
                    if process.returncode is not None:
                        break
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pass
        if process.returncode is not None or not folder.token.exists():
            raise CannotStart(f"the control plane did not start: {last_words(log)}")
        yield Client(http, url, folder.token.read_text().strip())


async def _ready(http: aiohttp.ClientSession, url: str) -> bool:
    return await Client(http, url, None).ready()


def write_config(
    folder: Folder, port: int, chain: DevChain, standing: Found, relays: Sequence[str] = ()
) -> None:
    """The control plane's settings, in a file a reader can learn from. Relays first, the chain behind."""
    values = {
        "state": str(folder.control),
        "port": port,
        "chain_id": CHAIN_ID,
        "chain_name": "the dev chain",
        "pool": standing.deployment.pool,
        "view": standing.deployment.view,
        "pool_block": standing.deployment.block,
        "rpc_urls": [*relays, chain.ws, chain.http],
        "keys_file": str(folder.keys),
        "passphrase_file": str(folder.passphrase),
        "pool_name": POOL_NAME,
        "link_price": LINK_PRICE,
        "coin_price": "3000",
        "replica_max_fee": MAX_FEE,
        "gas_pool_daily": GAS_MONEY,
        "stop_replicas": True,
    }
    # JSON's strings, numbers, booleans and lists are TOML's too.
    folder.config.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items()))


async def _registered(rpc: Endpoints, standing: Found, number: int) -> None:
    """Return when the pool has registered that many nodes. Raises CannotStart."""
    where = {
        "address": standing.deployment.pool,
        "fromBlock": hex(standing.deployment.block),
        "topics": ["0x" + NodeRegistered.topic().hex()],
    }
    try:
        async with asyncio.timeout(NODE_SECONDS):
            while len(await rpc.call("eth_getLogs", where)) < number:
                await asyncio.sleep(0.05)
    except TimeoutError as error:
        raise CannotStart(f"the node did not register within {NODE_SECONDS:.0f} s: see the logs") from error


def project_root() -> Path:
    """Where node_modules is: the working directory, or the checkout this package runs from."""
    here = Path.cwd()
    return here if (here / "node_modules").exists() else Path(__file__).resolve().parents[3]
