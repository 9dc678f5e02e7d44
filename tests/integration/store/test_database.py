"""Migrations up and down, fenced writes, and rows that come back as they went in: on both databases."""

import asyncio
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, select
from sqlalchemy.exc import IntegrityError

from linkpool.store import (
    catalog,
    events,
    groups,
    lease,
    nodes,
    operations,
    pool_identity,
    releases,
    tokens,
)
from linkpool.store.alarm_tables import AlarmRow
from linkpool.store.database import Database, LeaseLost, StoreRefused, StoreUnreachable, database_url
from linkpool.store.groups import Owner
from linkpool.store.tables import Base, Colour, NodeState, SlotRow


async def test_migrations_build_exactly_the_tables_and_take_them_away_again(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))

    def tables(connection: Connection) -> set[str]:
        return set(inspect(connection).get_table_names()) - {"alembic_version"}

    async with database.read() as session:
        assert await (await session.connection()).run_sync(differences) == []
    await database.migrate("base")
    async with database.read() as session:
        assert await (await session.connection()).run_sync(tables) == set()
    await database.migrate()
    async with database.read() as session:
        assert await (await session.connection()).run_sync(tables) == set(Base.metadata.tables)


async def test_words_that_quote_a_nul_are_kept_without_it(database: Database) -> None:
    async with database.write() as session:
        row = AlarmRow(kind="k", subject="s", severity="warning", detail="the source said a\0b", since=0.0)
        session.add(row)
    async with database.read() as session:
        assert await session.scalar(select(AlarmRow.detail)) == "the source said a\ufffdb"


async def test_only_the_leader_of_the_epoch_can_write(database: Database) -> None:
    async with database.write() as session:
        epoch = await lease.take(session, "a", await lease.seen(session))
    assert epoch == 1
    async with database.lead(1) as session:
        await nodes.want(session, 1, 0.0)
    async with database.write() as session:
        assert await lease.take(session, "b", await lease.seen(session)) == 2
    with pytest.raises(LeaseLost):
        async with database.lead(1) as session:
            await nodes.want(session, 1, 0.0)
    async with database.read() as session:
        assert len(await nodes.every(session)) == 1


async def test_a_lease_cannot_be_taken_in_the_middle_of_a_leaders_write(database: Database) -> None:
    async with database.write() as session:
        await lease.take(session, "a", await lease.seen(session))
        before = await lease.seen(session)
    other = Database(database.url)
    order: list[str] = []

    async def usurp() -> None:
        async with other.write() as session:
            await lease.take(session, "b", before)
        order.append("taken")

    async with database.lead(1) as session:
        usurper = asyncio.create_task(usurp())
        await nodes.want(session, 1, 0.0)
        done, _ = await asyncio.wait((usurper,), timeout=0.3)
        assert not done
        order.append("written")
    await usurper
    assert order == ["written", "taken"]
    await other.close()


async def test_the_lease_goes_to_one_of_many_who_try(database: Database) -> None:
    async with database.read() as session:
        free = await lease.seen(session)

    async def try_it(name: str) -> int | None:
        async with database.write() as session:
            return await lease.take(session, name, free)

    results = await asyncio.gather(*(try_it(f"p{i}") for i in range(8)))
    assert sorted(result for result in results if result is not None) == [1]


async def test_nodes_slots_and_groups(database: Database) -> None:
    async with database.write() as session:
        node = await nodes.want(session, 10**23, 5.0)
        senders = [f"0x{i:040x}" for i in range(6)]
        for _ in range(2):  # the second time changes nothing
            await nodes.set_addresses(
                session, node.index, wallet="0xw", oracle="0xo", senders=senders, now=6.0
            )
        for number, now in ((1, 7.0), (2, 8.0)):
            await nodes.bind(session, {"t1": (node.index, number)}, now)
        await nodes.held(session, ["t1"], 9.0)
        await releases.put(session, "r", command=["x"], image=None, settings={"A": "b"}, now=1.0)
        owner = Owner(node=node.index)
        name, serial = await groups.fresh(session, owner, Colour.BLUE)
        await groups.add(
            session, name, owner, serial=serial, colour=Colour.BLUE, release="r", token_hash="h", now=1.0
        )
    async with database.read() as session:
        (row,) = await nodes.every(session)
        slots = await nodes.every_slot(session)
        (group,) = await groups.every(session)
        release = await releases.get(session, group.release)
    assert (row.state, row.capacity, row.changed_at) == (NodeState.KEYS_MADE, str(10**23), 6.0)
    assert [slot.sender for slot in slots] == senders
    assert {slot.number: slot.task for slot in slots if slot.task} == {2: "t1"}
    assert slots[2].heard_at == 9.0
    assert (release.command, release.settings) == (["x"], {"A": "b"})


async def test_two_who_make_the_keys_of_a_node_at_once_make_them_once(database: Database) -> None:
    async with database.write() as session:
        node = await nodes.want(session, 1, 0.0)
    other = Database(database.url)
    senders = [f"0x{i:040x}" for i in range(6)]

    async def make(through: Database) -> bool:
        async with through.write() as session:
            return await nodes.set_addresses(
                session, node.index, wallet="0xw", oracle="0xo", senders=senders, now=6.0
            )

    made = await asyncio.gather(*(make(through) for through in (database, other) * 4))
    assert sorted(made) == [False] * 7 + [True]
    await other.close()


async def test_control_planes_that_start_at_once_migrate_once(url: str) -> None:
    several = [Database(url) for _ in range(4)]
    await asyncio.gather(*(database.migrate() for database in several))
    async with several[0].read() as session:
        assert (await lease.seen(session)).epoch == 0
    for database in several:
        await database.close()


async def test_broken_references_are_refused(database: Database) -> None:
    with pytest.raises(IntegrityError):
        async with database.write() as session:
            session.add(SlotRow(node=99, number=0, sender="0x0"))


async def test_catalog_revisions_only_grow_and_only_by_changes(database: Database) -> None:
    async with database.write() as session:
        empty: dict[str, Any] = {"jobs": ["a"], "offers": {}, "leaving": [], "bridges": []}
        assert (await catalog.put(session, **empty, now=1.0)).revision == 1
        assert (await catalog.put(session, **empty, now=2.0)).revision == 1
        priced = empty | {"offers": {"x": {"payment": "1"}}, "bridges": [{"name": "b"}]}
        assert (await catalog.put(session, **priced, now=3.0)).revision == 2
    async with database.read() as session:
        row = await catalog.current(session)
    assert row is not None
    assert row.bridges == [{"name": "b"}]
    assert row.offers == {"x": {"payment": "1"}}


async def test_events_come_in_order_and_from_a_number_on(database: Database) -> None:
    async with database.write() as session:
        for number in range(5):
            events.add(session, f"k{number}", None, {"n": number}, 1.0)
            await session.flush()
    async with database.read() as session:
        everything = await events.after(session, 0)
        rest = await events.after(session, everything[2].id)
        assert await events.newest(session) == everything[-1].id
    assert [row.kind for row in everything] == ["k0", "k1", "k2", "k3", "k4"]
    assert [row.data for row in rest] == [{"n": 3}, {"n": 4}]


async def test_a_token_is_found_by_itself_and_stored_by_its_hash(database: Database) -> None:
    async with database.write() as session:
        for _ in range(2):
            await tokens.ensure(session, "admin", "secret-token", scopes=["admin"], now=1.0, expires_at=None)
    async with database.read() as session:
        row = await tokens.find(session, "secret-token")
        assert await tokens.find(session, "other") is None
    assert row is not None
    assert "secret-token" not in (row.hash, row.name, row.id)


async def test_an_operation_is_found_by_its_key(database: Database) -> None:
    async with database.write() as session:
        row = await operations.start(session, "k", node=None, key="once", fingerprint="f", now=1.0)
    with pytest.raises(IntegrityError):
        async with database.write() as session:
            await operations.start(session, "k", node=None, key="once", fingerprint="f", now=1.0)
    async with database.read() as session:
        found = await operations.by_key(session, "once")
    assert found is not None
    assert found.id == row.id


async def test_a_database_is_about_one_pool(database: Database) -> None:
    async with database.write() as session:
        await pool_identity.check(session, 1, "0xa")
        await pool_identity.check(session, 1, "0xa")
        with pytest.raises(StoreRefused, match="0xa on chain 1"):
            await pool_identity.check(session, 1, "0xb")


async def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    async def fail() -> None:
        async with database.write() as session:
            await nodes.want(session, 1, 0.0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with database.read() as session:
        assert await nodes.every(session) == []


async def test_a_database_out_of_reach_is_a_temporary_error_without_secrets() -> None:
    database = Database("postgresql://user:hunter2@127.0.0.1:1/none")
    with pytest.raises(StoreUnreachable) as caught:
        async with database.read() as session:
            await nodes.every(session)
    assert "hunter2" not in str(caught.value)
    await database.close()


@pytest.mark.parametrize("text", ["mysql://x/y", "nonsense", ""])
def test_other_databases_are_refused(text: str) -> None:
    with pytest.raises(StoreRefused):
        database_url(text)
