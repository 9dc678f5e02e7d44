"""A control plane's state in one archive, and back; or from its master secret and the chain alone."""

import asyncio
import os
import sqlite3
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path

import aiohttp

from linkpool.api.settings import Settings
from linkpool.chain.endpoint import connect
from linkpool.chain.endpoints import Endpoints
from linkpool.chain.keys import Key
from linkpool.errors import Permanent
from linkpool.fleet.clock import SystemClock
from linkpool.fleet.nodes.restore import restore
from linkpool.fleet.pool import open_pool
from linkpool.fleet.secrets.sealed import open_keys
from linkpool.store.database import Database, database_url

DATABASE, KEYS = "control.db", "master.json"


class BadBackup(Permanent):
    """This cannot be backed up, or restored, this way. The text says how."""


def write_backup(settings: Settings, out: Path) -> None:
    """Write the archive. A running control plane is not disturbed. Raises BadBackup, OSError."""
    source = _sqlite_file(settings)
    if not source.exists():
        raise BadBackup(f"there is no database at {source}: has this control plane ever run?")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / DATABASE
        with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(copy)) as target:
            live.backup(target)
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
            archive.add(copy, DATABASE)
            archive.add(_keys_file(settings), KEYS)


def read_backup(settings: Settings, archive: Path) -> None:
    """Put an archive's files where the settings say. Nothing is overwritten. Raises BadBackup."""
    targets = {DATABASE: _sqlite_file(settings), KEYS: _keys_file(settings)}
    for target in targets.values():
        if target.exists():
            raise BadBackup(
                f"{target} is there already and is never overwritten; restore into an empty folder"
            )
    settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with tarfile.open(archive) as opened:
            contents = {name: opened.extractfile(name) for name in targets}
            for name, target in targets.items():
                content = contents[name]
                if content is None:
                    raise BadBackup(f"{archive}: {name} in it is no file")
                _write_new(target, content.read())
    except (tarfile.TarError, KeyError, OSError) as error:
        raise BadBackup(f"{archive} is no archive of `linkpool backup`: {error}") from error


async def restore_from_chain(settings: Settings) -> list[str]:
    """Rebuild the database from master secret and chain; the ids of all nodes. Raises CannotRestore."""
    keys = await asyncio.to_thread(open_keys, _keys_file(settings), settings.passphrase_file)
    settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database(settings.database_url)
    async with aiohttp.ClientSession() as http:
        links = [connect(url, http) for url in settings.rpc_urls]
        try:
            await database.migrate()
            pool = await open_pool(
                Endpoints(links, chain_id=settings.chain_id),
                chain_id=settings.chain_id,
                pool=settings.pool,
                view=settings.view,
                manager=Key(keys.manager()),
            )
            return await restore(database, keys, pool, SystemClock())
        finally:
            await database.close()
            for link in links:
                await link.close()


def _sqlite_file(settings: Settings) -> Path:
    url = database_url(settings.database_url)
    if not url.drivername.startswith("sqlite") or not url.database:
        raise BadBackup(
            "the database is PostgreSQL: back it up with pg_dump, and the sealed master secret by copying it"
        )
    return Path(url.database)


def _keys_file(settings: Settings) -> Path:
    return settings.keys_file or settings.state / KEYS


def _write_new(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
