"""Many replicas that idle, in one process: the cores of real replicas (`linkpool.replica.core`), each with
endpoints and connections of its own, without the process around them.

What a replica asks the chain for while it idles comes from its core alone, so the calls are those of as many
processes; memory and start-up are not measured with them.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import sha256

import aiohttp

from linkpool.chain.endpoint import connect
from linkpool.chain.endpoints import Endpoints
from linkpool.chain.keys import Key
from linkpool.chain.rpc import EndpointTrouble
from linkpool.chain.types import checksum
from linkpool.jobs.bridges import Bridges
from linkpool.jobs.callbacks import Inbox
from linkpool.jobs.net import open_http
from linkpool.replica.answers import Target
from linkpool.replica.core import Core, Identity, look_back
from linkpool.replica.metrics import Metrics
from linkpool.replica.runner import Outside
from linkpool.units import Wei

SYNC_SECONDS, RETRY_SECONDS = 300.0, 1.0
MAX_FEE = Wei(500 * 10**9)


def key_of(node: int, slot: int) -> Key:
    """The sender of that replica; it needs gas money, or the replica looks for some at every block."""
    return Key(sha256(f"idle {node} {slot}".encode()).digest())


@asynccontextmanager
async def idle_replicas(nodes: int, urls: Sequence[str], chain_id: int) -> AsyncIterator[list[Core]]:
    """Two synced replicas for each of `nodes`, all asking `urls` in that order."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        )
        http = await stack.enter_async_context(open_http())
        outside = Outside(http, Bridges(http), Inbox("http://127.0.0.1:1"))
        cores: list[Core] = []
        work: list[asyncio.Task[None]] = []
        try:
            for node in range(nodes):
                for slot in (0, 1):
                    links = [connect(url, session) for url in urls]
                    for link in links:
                        stack.push_async_callback(link.close)
                    core = await _core(node, slot, Endpoints(links, chain_id=chain_id), chain_id, outside)
                    cores.append(core)
                    work.append(asyncio.create_task(core.run()))
            async with asyncio.timeout(SYNC_SECONDS):
                await asyncio.gather(*(core.serving.synced.wait() for core in cores))
            yield cores
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)


async def _look_back(endpoints: Endpoints) -> int:
    """As a replica does at its start: until some endpoint answers."""
    while True:
        try:
            return await look_back(endpoints)
        except EndpointTrouble:
            await asyncio.sleep(RETRY_SECONDS)


async def _core(node: int, slot: int, endpoints: Endpoints, chain_id: int, outside: Outside) -> Core:
    key = key_of(node, slot)
    oracle = checksum("0x" + sha256(f"oracle {node}".encode()).hexdigest()[:40])
    who = Identity(f"{node}-{slot}", key, chain_id, Target(oracle, ours=True), order=slot)
    start = await _look_back(endpoints)
    return Core(who, endpoints, outside, Metrics(), max_fee=MAX_FEE, start=start)
