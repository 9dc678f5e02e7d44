"""`linkpool doctor`: looks at everything a control plane needs, one thing after the other, and says what to
do.

A thing that cannot be looked at because another is broken is left out, so that the first `BAD` is the one
to mend.
"""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from linkpool.api.settings import Settings
from linkpool.chain.endpoint import connect
from linkpool.chain.endpoints import Endpoints
from linkpool.chain.keys import Key
from linkpool.chain.rpc import Rpc
from linkpool.chain.types import parse_head, quantity
from linkpool.errors import LinkPoolError
from linkpool.fleet.keys import Keyring
from linkpool.fleet.pool import open_pool
from linkpool.fleet.sealed import open_keys
from linkpool.store.database import Database
from linkpool.units import show

CLOCK_SECONDS = 60.0
"""The machine's clock and the chain's may differ by this and a few blocks."""

DISK_BYTES = 500 * 2**20


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    good: bool
    text: str


async def examine(config: Path) -> list[Finding]:
    """Everything, in the order in which things depend on each other."""
    try:
        settings = Settings.load(config)
    except LinkPoolError as error:
        return [Finding("settings", good=False, text=str(error))]
    findings = [Finding("settings", good=True, text=str(config))]
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        async for finding in _all(settings, http):
            findings.append(finding)
    return findings


async def _all(settings: Settings, http: aiohttp.ClientSession) -> AsyncIterator[Finding]:
    yield _disk(settings)
    keys, finding = await _keys(settings)
    yield finding
    yield await _database(settings)
    rpc: Rpc | None = None
    for url in settings.rpc_urls:
        link = connect(url, http)
        endpoint = Endpoints([link], chain_id=settings.chain_id)
        finding = await _endpoint(link.name, endpoint)
        rpc = rpc or (endpoint if finding.good else None)
        yield finding
    if rpc is not None and keys is not None:
        yield await _pool(settings, rpc, keys)
        yield await _treasury(settings, rpc, keys)


def _disk(settings: Settings) -> Finding:
    folder = next(path for path in (settings.state, *settings.state.absolute().parents) if path.exists())
    free = shutil.disk_usage(folder).free
    text = f"{free // 2**20} MiB free for {settings.state}"
    return Finding("disk", free >= DISK_BYTES, text if free >= DISK_BYTES else f"{text}: make room")


async def _keys(settings: Settings) -> tuple[Keyring | None, Finding]:
    file = settings.keys_file or settings.state / "master.json"
    try:
        keys = await asyncio.to_thread(open_keys, file, settings.passphrase_file)
    except LinkPoolError as error:
        return None, Finding("keys", good=False, text=str(error))
    return keys, Finding("keys", good=True, text=f"{file} opens; manager {Key(keys.manager()).address}")


async def _database(settings: Settings) -> Finding:
    database = Database(settings.database_url)
    kind = "SQLite, one host" if database.one_host else "PostgreSQL"
    try:
        async with database.read():
            return Finding("database", good=True, text=kind)
    except LinkPoolError as error:
        return Finding("database", good=False, text=f"{kind}: {error}")
    finally:
        await database.close()


async def _endpoint(name: str, rpc: Rpc) -> Finding:
    started = time.monotonic()
    try:
        head = parse_head(await rpc.call("eth_getBlockByNumber", "latest", False))
    except LinkPoolError as error:
        return Finding("endpoint", good=False, text=str(error))
    behind = abs(time.time() - head.timestamp)
    text = f"{name}: block {head.number}, {(time.monotonic() - started) * 1000:.0f} ms"
    if behind > CLOCK_SECONDS:
        return Finding(
            "endpoint", good=False, text=f"{text}, {behind:.0f} s off this machine's clock: check both"
        )
    return Finding("endpoint", good=True, text=text)


async def _pool(settings: Settings, rpc: Rpc, keys: Keyring) -> Finding:
    try:
        pool = await open_pool(
            rpc,
            chain_id=settings.chain_id,
            pool=settings.pool,
            view=settings.view,
            manager=Key(keys.manager()),
        )
        return Finding("pool", good=True, text=f"{settings.pool}: {len(await pool.nodes())} nodes")
    except LinkPoolError as error:
        return Finding("pool", good=False, text=str(error))


async def _treasury(settings: Settings, rpc: Rpc, keys: Keyring) -> Finding:
    address = Key(keys.treasury()).address
    try:
        balance = quantity(await rpc.call("eth_getBalance", address, "latest"))
    except LinkPoolError as error:
        return Finding("treasury", good=False, text=str(error))
    good = balance >= 2 * settings.gas_high
    advice = "" if good else f": send it more, a new node takes {show(2 * settings.gas_high)}"
    return Finding("treasury", good, f"{address} holds {show(balance)} coin{advice}")
