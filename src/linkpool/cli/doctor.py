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
from pathlib import Path

import aiohttp

from linkpool.api.engine import examine_engine
from linkpool.api.settings import Settings
from linkpool.chain.endpoint import connect
from linkpool.chain.endpoints import Endpoints
from linkpool.chain.keys import Key
from linkpool.chain.rpc import Rpc
from linkpool.chain.types import Head, parse_head, quantity
from linkpool.engines.protocol import Finding
from linkpool.errors import LinkPoolError, Temporary
from linkpool.fleet.pool import open_pool
from linkpool.fleet.secrets.keys import Keyring
from linkpool.fleet.secrets.sealed import open_keys
from linkpool.store.database import Database, newest_revision
from linkpool.units import show

CLOCK_SECONDS = 60.0
"""The machine's clock and the chain's may differ by this and a few blocks."""

DISK_BYTES = 500 * 2**20


async def examine(config: Path) -> list[Finding]:
    """Everything, in the order in which things depend on each other."""
    try:
        settings = Settings.load(config)
    except LinkPoolError as error:
        advice = "mend the file or the environment; `linkpool config show` explains every field"
        return [Finding("settings", good=False, text=str(error), advice=advice)]
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
    async for finding in examine_engine(settings):
        yield finding
    rpc: Rpc | None = None
    for url in settings.rpc_urls:
        link = connect(url, http)
        endpoint = Endpoints([link], chain_id=settings.chain_id)
        finding, head = await _endpoint(link.name, endpoint)
        yield finding
        if head is not None:
            rpc = rpc or endpoint
            yield _clock(link.name, head)
        if endpoint is not rpc:
            await link.close()
    if rpc is not None and keys is not None:
        yield await _pool(settings, rpc, keys)
        yield await _treasury(settings, rpc, keys)


def _disk(settings: Settings) -> Finding:
    folder = next(path for path in (settings.state, *settings.state.absolute().parents) if path.exists())
    free = shutil.disk_usage(folder).free
    text = f"{free // 2**20} MiB free for {settings.state}"
    advice = "make room: a full disk stops the database, and with it every change"
    return Finding("disk", free >= DISK_BYTES, text, "" if free >= DISK_BYTES else advice)


async def _keys(settings: Settings) -> tuple[Keyring | None, Finding]:
    file = settings.keys_file or settings.state / "master.json"
    try:
        keys = await asyncio.to_thread(open_keys, file, settings.passphrase_file)
    except LinkPoolError as error:
        advice = (
            "set keys_file and passphrase_file to what `linkpool keys verify` opens; a lost file comes back"
        )
        advice += " by `linkpool restore` or `linkpool keys import`"
        return None, Finding("keys", good=False, text=str(error), advice=advice)
    return keys, Finding("keys", good=True, text=f"{file} opens; manager {Key(keys.manager()).address}")


async def _database(settings: Settings) -> Finding:
    database = Database(settings.database_url)
    kind = "SQLite, one host" if database.one_host else "PostgreSQL"
    if settings.database is None and not (settings.state / "control.db").exists():
        return Finding("database", good=True, text=f"{kind}; not made yet, the first start makes it")
    try:
        found, newest = await database.revision(), newest_revision()
    except LinkPoolError as error:
        reach = "start it, and check its address, name, user and password in `database`"
        advice = reach if isinstance(error, Temporary) else ""
        return Finding("database", good=False, text=f"{kind}: {error}", advice=advice)
    finally:
        await database.close()
    behind = "" if found == newest else f"; the next start brings it from {found} to {newest}"
    return Finding("database", good=True, text=f"{kind}, revision {found}{behind}")


async def _endpoint(name: str, rpc: Rpc) -> tuple[Finding, Head | None]:
    started = time.monotonic()
    try:
        head = parse_head(await rpc.call("eth_getBlockByNumber", "latest", False))
    except LinkPoolError as error:
        advice = (
            "check the URL and its key, and whether it serves `chain_id`; another provider in rpc_urls helps"
        )
        return Finding("endpoint", good=False, text=str(error), advice=advice), None
    text = f"{name}: block {head.number}, {(time.monotonic() - started) * 1000:.0f} ms"
    return Finding("endpoint", good=True, text=text), head


def _clock(name: str, head: Head) -> Finding:
    apart = time.time() - head.timestamp
    text = f"{abs(apart):.0f} s {'after' if apart >= 0 else 'before'} the newest block of {name}"
    good = abs(apart) <= CLOCK_SECONDS
    advice = "set this machine's clock (NTP); if it is right, the endpoint lags or the chain stands still"
    return Finding("clock", good, text, "" if good else advice)


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
        advice = "take chain_id, pool and view from the deployment file, and keys_file from this pool"
        return Finding("pool", good=False, text=str(error), advice=advice)


async def _treasury(settings: Settings, rpc: Rpc, keys: Keyring) -> Finding:
    address = Key(keys.treasury()).address
    try:
        balance = quantity(await rpc.call("eth_getBalance", address, "latest"))
    except LinkPoolError as error:
        return Finding("treasury", good=False, text=str(error), advice="ask again; see the endpoints above")
    good = balance >= 2 * settings.marks.high
    advice = "" if good else f"send it more: a new node takes {show(2 * settings.marks.high)} coin"
    return Finding("treasury", good, f"{address} holds {show(balance)} coin", advice)
