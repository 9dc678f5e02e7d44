"""Every migration up and down on both databases, cut off at every statement, and tables of another version.

Both databases change tables inside transactions, so a migration that dies leaves what was there before it;
the walk proves it statement by statement, and that the next start then reaches the end.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, event, inspect, text
from sqlalchemy.exc import PendingRollbackError

from linkpool.store.database import Database, StoreRefused, newest_revision

Shape = dict[str, Any]
"""Tables with all that they are made of."""


SQLITE = "SELECT name, sql FROM sqlite_master"
POSTGRES = """
    SELECT table_name, column_name || ' ' || data_type || ' ' || is_nullable FROM information_schema.columns
    WHERE table_schema = 'public'
    UNION SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION SELECT conrelid::text, conname || pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
"""


class Cut(Exception):
    """The process is gone in the middle of a migration."""


@contextmanager
def cut_before(number: int) -> Iterator[list[str]]:
    """Let `number` changing statements of a migration pass, then die; gives those that were begun."""
    begun: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        word = statement.split(None, 1)[0].upper()
        if word not in {"SELECT", "PRAGMA", "BEGIN"}:
            begun.append(statement)
            if len(begun) > number:
                raise Cut

    event.listen(Engine, "before_cursor_execute", count)
    try:
        yield begun
    finally:
        event.remove(Engine, "before_cursor_execute", count)


async def shape(database: Database) -> Shape:
    """Everything the tables are, in an order of its own."""

    def read(connection: Connection) -> Shape:
        seen = inspect(connection)
        return {
            table: {
                "columns": sorted(
                    (c["name"], str(c["type"]), c["nullable"], c["default"]) for c in seen.get_columns(table)
                ),
                "key": seen.get_pk_constraint(table)["constrained_columns"],
                "references": sorted(
                    (f["constrained_columns"], f["referred_table"], f["referred_columns"])
                    for f in seen.get_foreign_keys(table)
                ),
                "unique": sorted(u["column_names"] for u in seen.get_unique_constraints(table)),
                "checks": sorted(str(c["sqltext"]) for c in seen.get_check_constraints(table)),
                "indexes": sorted((str(i["name"]), i["column_names"]) for i in seen.get_indexes(table)),
            }
            for table in seen.get_table_names()
        }

    async with database.read() as session:
        return await (await session.connection()).run_sync(read)


async def trace(database: Database) -> list[Any]:
    """What any change of a table would change, quickly read."""
    async with database.read() as session:
        rows = await session.execute(text(SQLITE if database.one_host else POSTGRES))
        found = sorted(map(tuple, rows))
        return [*found, await (await session.connection()).run_sync(_revision)]


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


async def walk(database: Database, target: str) -> int:
    """Migrate, dying at each statement in turn; how many there were. Whatever died left nothing."""
    before = await trace(database)
    for number in range(1_000):
        with cut_before(number) as begun:
            try:
                await database.migrate(target)
            except (Cut, PendingRollbackError):  # the second: Alembic cleaned up in vain
                assert await trace(database) == before, begun[-1]
            else:
                return number
    raise AssertionError("a migration of a thousand statements")


def revisions() -> list[str]:
    """All of them, oldest first."""
    config = Config()
    config.set_main_option("script_location", "linkpool.store:migrations")
    return [each.revision for each in ScriptDirectory.from_config(config).walk_revisions()][::-1]


async def test_each_migration_cut_off_anywhere_leaves_nothing_and_goes_both_ways(url: str) -> None:
    database = Database(url)
    shapes = [await shape(database)]
    for revision in revisions():
        assert await walk(database, "+1") > 1
        assert await database.revision() == revision
        shapes.append(await shape(database))
    straight = shapes[-1]
    for before in shapes[-2:0:-1]:
        assert await walk(database, "-1") > 1
        assert await shape(database) == before
    await database.migrate()
    assert await shape(database) == straight
    await database.close()


async def test_tables_of_a_newer_version_are_refused_and_left_alone(database: Database) -> None:
    async with database.write() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for migrate in (database.migrate(), database.migrate("base"), database.revision()):
        with pytest.raises(StoreRefused, match=r"9999.*a newer one made it"):
            await migrate
    async with database.write() as session:
        await session.execute(text(f"UPDATE alembic_version SET version_num = '{newest_revision()}'"))  # noqa: S608 - our own word
    await database.migrate()
