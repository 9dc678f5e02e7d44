"""What every pool of real processes stands on: a chain with the pool's contracts, a data source.

Contracts are founded with a block per transaction; then blocks come every second, as on `make dev`.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
from eth_abi.abi import encode

from linkpool.chain.endpoint import connect
from linkpool.chain.endpoints import Endpoints
from linkpool.chain.keys import Key
from linkpool.contracts.abi import load_code
from linkpool.contracts.consumer import DemoConsumer
from linkpool.contracts.deploy import Settings, deploy, plan
from linkpool.contracts.link import Link
from linkpool.dev.account import Account
from linkpool.dev.folder import Folder
from linkpool.dev.pool import GAS_MONEY, WEALTH, Found
from linkpool.fleet.secrets.keys import Keyring, seal
from tests.support.anvil import Anvil, anvil
from tests.support.chainlink import client
from tests.support.forward import forwarded
from tests.support.source import Source, open_source

CHAIN_ID = 31337
BLOCK_GAS = 400_000_000
MASTER, PASSPHRASE = bytes(range(32)), "correct horse battery staple"


@dataclass(frozen=True)
class Site:
    """`http` is for calls to what is built on it."""

    chain: Anvil
    rpc: Endpoints
    http: aiohttp.ClientSession
    owner: Account
    manager: Account
    found: Found
    source: Source


@asynccontextmanager
async def site(
    folder: Folder, *, seen_at: str | None = None, began: float | None = None
) -> AsyncIterator[Site]:
    """Start it in an empty folder, stop it at the end.

    seen_at: an address of this machine at which containers reach chain and source too. began: Unix seconds of
    the chain's first block, if not now.
    """
    async with AsyncExitStack() as stack:
        folder.root.mkdir(exist_ok=True)
        await folder.clear()
        start = () if began is None else ("--timestamp", str(int(began)))
        chain = stack.enter_context(anvil(gas_limit=BLOCK_GAS, extra=start))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        endpoint = connect(chain.ws, http)
        stack.push_async_callback(endpoint.close)
        rpc = Endpoints([endpoint], chain_id=CHAIN_ID)
        owner, manager, found = await _found(rpc, folder)
        chain.rpc("evm_setIntervalMining", 1)
        source = await stack.enter_async_context(open_source())
        if seen_at is not None:
            for port in (chain.port, urlsplit(source.url).port or 0):
                await stack.enter_async_context(forwarded(seen_at, port))
            source.url = source.url.replace("127.0.0.1", seen_at)
        yield Site(chain, rpc, http, owner, manager, found, source)


async def _found(rpc: Endpoints, folder: Folder) -> tuple[Account, Account, Found]:
    """As `linkpool dev` founds its pool, but on Chainlink's LinkToken. Returns owner, manager, the rest."""
    keys = Keyring(MASTER)
    folder.passphrase.write_text(PASSPHRASE + "\n")
    seal(MASTER, PASSPHRASE, folder.keys, cost=2**4)
    manager = Account(rpc, CHAIN_ID, keys.manager())
    owner, staker, requester = (Account(rpc, CHAIN_ID) for _ in range(3))
    for account in (owner, manager, staker, requester):
        await account.fund()
    await rpc.call("anvil_setBalance", Key(keys.treasury()).address, hex(GAS_MONEY))
    link = await owner.deploy(client("v0.4", "LinkToken").code)
    settings = Settings(CHAIN_ID, owner.address, manager.address, owner.address, owner.address, link=link)
    deployment = await plan(rpc, settings, owner.address)
    deployment.save(folder.deployment)
    await deploy(rpc, deployment, owner.key)
    code = load_code("DemoConsumer").creation + encode(("address",), (link,))
    consumer = DemoConsumer(await requester.deploy(code))
    for rich in (staker.address, consumer.address):
        await owner.send(Link(link).transfer(rich, WEALTH))
    return owner, manager, Found(deployment, staker, requester, consumer)
