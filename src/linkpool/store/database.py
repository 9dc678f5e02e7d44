"""One database, three ways in: read, write, and write as the leader.

SQLite (WAL, foreign keys on) serves one host, PostgreSQL several. A leader's transaction first locks the
lease row and checks its epoch, so that a control plane which lost the lease cannot change anything any
more, however late it wakes up. Writers of one SQLite file queue here rather than inside SQLite.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache

import asyncpg  # type: ignore[import-untyped]  # it ships no types
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from linkpool.errors import Permanent, Temporary
from linkpool.store.tables import LeaseRow

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
}
_MIGRATING = 0x11_4B_50_4C
"""Number of the PostgreSQL advisory lock that whoever migrates holds."""
BUSY_SECONDS = 5
"""How long one statement may wait for another process's write to a SQLite file."""
STATEMENT_SECONDS = 10
CONNECT_SECONDS = 3
KEPT_OPEN = 5
"""Connections that stay open when nobody uses them."""
IDLE_SECONDS = 5.0
"""After so long without a word inside a transaction PostgreSQL ends it: a control plane that hangs there
holds the lease's row, and nobody else could lead (`docs/decisions/0204-asleep-in-a-transaction.md`).
"""


class StoreUnreachable(Temporary):
    """The database did not answer, or could not write; nothing of the transaction was kept."""


class StoreRefused(Permanent):
    """The database cannot be used as configured."""


class LeaseLost(Temporary):
    """Another control plane leads now: nothing was written, and this one must stop leading."""


def database_url(text: str) -> URL:
    """`sqlite:///FILE` or `postgresql://...` with the driver this program uses. Raises StoreRefused."""
    try:
        url = make_url(text)
    except Exception as error:
        raise StoreRefused(
            "the database URL cannot be read; use sqlite:///FILE or postgresql://..."
        ) from error
    driver = _DRIVERS.get(url.drivername.partition("+")[0])
    if driver is None:
        raise StoreRefused(f"database {url.drivername!r} is not supported; use sqlite or postgresql")
    return url.set(drivername=driver)


class Database:
    """Sessions on one database; `close` it at the end."""

    def __init__(self, url: str, *, connections: int = 15) -> None:
        """connections: to the server, at most."""
        self.url = url
        self._url = database_url(url)
        self.one_host = self._url.drivername.startswith("sqlite")
        """Whether only processes of this host can share it."""
        if self.one_host:
            arguments: dict[str, object] = {"timeout": BUSY_SECONDS}
        else:
            patience = {"idle_in_transaction_session_timeout": f"{IDLE_SECONDS * 1000:.0f}"}
            arguments = {
                "timeout": CONNECT_SECONDS,
                "command_timeout": STATEMENT_SECONDS,
                "server_settings": patience,
            }
        self._engine = create_async_engine(
            self._url,
            connect_args=arguments,
            pool_pre_ping=not self.one_host,
            pool_timeout=STATEMENT_SECONDS,
            pool_size=min(connections, KEPT_OPEN),
            max_overflow=max(connections - KEPT_OPEN, 0),
        )
        if self.one_host:
            event.listen(self._engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self._engine.sync_engine, "begin", _begin_sqlite)
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        self._queue, self._writing = asyncio.Lock(), asyncio.Lock()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A transaction that only looks. Raises StoreUnreachable."""
        with _translated():
            async with self._sessions() as session, session.begin():
                yield session

    @asynccontextmanager
    async def write(self, *, ahead: bool = False) -> AsyncIterator[AsyncSession]:
        """A transaction anybody may make. Raises StoreUnreachable; IntegrityError passes through.

        ahead: next after the one that is under way, before all others of this process that wait.
        """
        with _translated():
            async with AsyncExitStack() as stack:
                if self.one_host:
                    if not ahead:  # one of the queue at a time stands at the file's door
                        await stack.enter_async_context(self._queue)
                    await stack.enter_async_context(self._writing)
                session = await stack.enter_async_context(self._sessions())
                await stack.enter_async_context(session.begin())
                await session.connection(execution_options={"linkpool_write": True})
                yield session

    @asynccontextmanager
    async def lead(self, epoch: int) -> AsyncIterator[AsyncSession]:
        """A transaction of the leader of `epoch`. Raises LeaseLost when another leads, StoreUnreachable."""
        async with self.write() as session:
            # held against whoever takes the lease, not against its renewal, which a busy leader would hold up
            lease = select(LeaseRow.epoch).where(LeaseRow.id == 1).with_for_update(read=True, key_share=True)
            now = await session.scalar(lease)
            if now != epoch:
                raise LeaseLost(f"epoch {epoch} is over, the lease is at epoch {now}")
            yield session

    async def migrate(self, target: str = "head") -> None:
        """Bring the tables to a revision, up or down (`base` is none at all).

        All of it or nothing: both databases change tables inside transactions. Raises StoreUnreachable, and
        StoreRefused for tables of a newer version than this program's.
        """
        with _translated():
            async with self._engine.connect() as connection:
                await connection.execution_options(linkpool_write=True)
                async with connection.begin():
                    await connection.run_sync(_migrate, target)

    async def revision(self) -> str | None:
        """What its tables are at; None when it has none. Raises as `migrate` does."""
        with _translated():
            async with self._engine.connect() as connection:
                return await connection.run_sync(_revision)

    async def close(self) -> None:
        """Give every connection back."""
        await self._engine.dispose()


def _migrate(connection: Connection, target: str) -> None:
    if connection.dialect.name == "postgresql":  # two control planes may start at once
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATING})")
    _revision(connection)
    config = _scripts()
    config.attributes["connection"] = connection
    if target == "base" or target.startswith("-"):
        command.downgrade(config, target)
    else:
        command.upgrade(config, target)


def newest_revision() -> str | None:
    """What this version of LinkPool brings a database to."""
    return ScriptDirectory.from_config(_scripts()).get_current_head()


def _scripts() -> Config:
    config = Config()
    config.set_main_option("script_location", "linkpool.store:migrations")
    return config


@cache
def _known() -> frozenset[str]:
    """Revisions of this version of LinkPool."""
    return frozenset(each.revision for each in ScriptDirectory.from_config(_scripts()).walk_revisions())


def _revision(connection: Connection) -> str | None:
    now = MigrationContext.configure(connection).get_current_revision()
    if now is None or now in _known():
        return now
    raise StoreRefused(
        f"the database is at revision {now}, which this version of LinkPool does not know: "
        "a newer one made it. Run that one, or restore the backup from before the upgrade; nothing changed"
    )


def _prepare_sqlite(connection: object, _record: object) -> None:
    connection.isolation_level = None  # type: ignore[attr-defined]  # the driver's own; we begin ourselves
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("linkpool_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


class _translated:  # noqa: N801 - reads as a word in a with statement
    """Database trouble as our own errors; what the caller raised itself passes through."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, IntegrityError):
            return
        if isinstance(
            error, DBAPIError | asyncpg.PostgresError | asyncpg.InterfaceError | OSError | TimeoutError
        ):
            cause = getattr(error, "orig", error)
            raise StoreUnreachable(
                f"the database did not do it: {cause}; is it up, is its disk full?"
            ) from error
