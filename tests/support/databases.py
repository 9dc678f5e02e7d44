"""Real databases for tests: a SQLite file, or a PostgreSQL cluster that lives for one test run.

@pytest.fixture(params=["sqlite", "postgresql"]) ... url = new_database(request.param, tmp_path, cluster)
"""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from linkpool.store.database import Database
from tests.support.ports import free_port

MEMORY_BYTES = 4 * 2**30
_NUMBERS = count(1)
_template: list[bytes] = []
_PLACES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


class NoPostgres(Exception):
    """PostgreSQL is not installed: `apt-get install postgresql`."""


def _program(name: str) -> str:
    found = shutil.which(name, path=os.pathsep.join([*map(str, _PLACES), os.environ.get("PATH", "")]))
    if found is None:
        raise NoPostgres(f"{name} is missing: apt-get install postgresql")
    return found


@dataclass
class Cluster:
    """A running server on a free port; `stop` and `start` make it go away for a while."""

    folder: Path
    port: int
    user: str
    process: subprocess.Popen[bytes] | None = None
    migrated: str | None = None
    """Name of a database with all tables and no rows, which others are copied from."""

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create(self) -> str:
        """A new, empty database; its URL."""
        return self.url(self._create())

    async def with_tables(self) -> Database:
        """A new database with all tables."""
        if self.migrated is None:
            name = self._create()
            first = Database(self.url(name))
            await first.migrate()
            await first.close()
            self.migrated = name
        return Database(self.url(self._create("--template", self.migrated)))

    def _create(self, *options: str) -> str:
        name = f"t{next(_NUMBERS)}"
        self._run(
            _program("createdb"), *options, "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", name
        )
        return name

    def start(self) -> None:
        options = ["-D", str(self.folder / "data"), "-p", str(self.port), "-h", "127.0.0.1"]
        options += ["-k", str(self.folder), "-c", "fsync=off", "-c", "max_connections=200"]
        with (self.folder / "log").open("ab") as sink:
            self.process = subprocess.Popen(
                [_program("postgres"), *options],
                user=self.user,
                extra_groups=[],
                stdout=subprocess.DEVNULL,
                stderr=sink,
            )
        until = time.monotonic() + 200
        ready = [_program("pg_isready"), "-h", "127.0.0.1", "-p", str(self.port), "-q"]
        while subprocess.run(ready, check=False).returncode != 0:
            if time.monotonic() > until or self.process.poll() is not None:
                raise NoPostgres((self.folder / "log").read_text()[-800:])
            time.sleep(0.05)

    def stop(self) -> None:
        """End it at once, connections and all."""
        if self.process is not None:
            self.process.send_signal(3)  # immediate shutdown
            self.process.wait(120)
            self.process = None

    def _run(self, *command: str) -> None:
        subprocess.run(command, user=self.user, extra_groups=[], check=True, capture_output=True)


def _memory() -> Path | None:
    """Where a folder is in memory, if there is plenty: a hundred databases are many small files."""
    shared = Path("/dev/shm")  # noqa: S108 - where Linux keeps memory; a folder in it has a name of its own
    return shared if shared.is_dir() and shutil.disk_usage(shared).free >= MEMORY_BYTES else None


@contextmanager
def postgres() -> Iterator[Cluster]:
    """A fresh cluster, removed at the end. The server refuses to be root, so root lends it another user."""
    user = pwd.getpwuid(os.geteuid()).pw_name if os.geteuid() else "nobody"
    with tempfile.TemporaryDirectory(prefix="linkpool-pg-", dir=_memory()) as name:
        folder = Path(name)
        shutil.chown(folder, user)
        cluster = Cluster(folder, free_port(), user)
        cluster._run(
            _program("initdb"),
            "-D",
            str(folder / "data"),
            "-U",
            "postgres",
            "-A",
            "trust",
            "-N",
            "-E",
            "UTF8",
        )
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """One server for the whole run."""
    with postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.db'}"
    running: Cluster = request.getfixturevalue("cluster")
    return running.create()


@pytest.fixture
async def database(url: str, request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    """One with all tables, at that URL where it is a file."""
    if url.startswith("sqlite"):
        made = await with_tables(Path(url.removeprefix("sqlite:///")))
    else:
        cluster: Cluster = request.getfixturevalue("cluster")
        made = await cluster.with_tables()
    yield made
    await made.close()


def dump_postgres(url: str) -> str:
    """A database as SQL."""
    command = [_program("pg_dump"), "--inserts", "--dbname", url]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


async def with_tables(file: Path) -> Database:
    """A SQLite database with all tables: migrated once in a test run, copied from then on."""
    if not _template:
        first = Database(f"sqlite:///{file}")
        await first.migrate()
        await first.close()
        _template.append(file.read_bytes())
    file.write_bytes(_template[0])
    return Database(f"sqlite:///{file}")


@pytest.fixture
def in_memory(tmp_path: Path) -> Iterator[Path]:
    """A folder for hundreds of databases that nobody will want to find again: in memory where that is."""
    with tempfile.TemporaryDirectory(dir=_memory() or tmp_path) as name:
        yield Path(name)
