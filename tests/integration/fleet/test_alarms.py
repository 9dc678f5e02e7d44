"""Alarms: up once, down by themselves, known to the next leader."""

import pytest

from linkpool.fleet.alarms import Alarms, Kind
from linkpool.fleet.journal import Journal
from linkpool.store import alarms, events, lease
from linkpool.store.alarm_tables import Severity
from linkpool.store.database import Database, LeaseLost
from tests.support.manual_clock import ManualClock


async def leader(database: Database, clock: ManualClock, holder: str = "one") -> Alarms:
    async with database.write() as session:
        epoch = await lease.take(session, holder, await lease.seen(session))
    assert epoch is not None
    return Alarms(database, clock, Journal(database, clock), epoch)


async def up(database: Database) -> list[tuple[str, str, str, float]]:
    async with database.read() as session:
        return [(row.kind, row.subject, row.detail, row.since) for row in await alarms.every(session)]


async def told(database: Database) -> list[str]:
    async with database.read() as session:
        return [f"{row.kind} {row.data['subject']}" for row in await events.after(session, 0)]


async def test_it_is_told_when_it_rises_and_when_it_is_over_and_only_then(database: Database) -> None:
    clock = ManualClock()
    mine = await leader(database, clock)
    began = clock.now()
    for seconds in range(3):
        await mine.up(Kind.GAS_LIMIT, "0xa", f"{seconds} wei left")
        clock.advance(1)
    assert await up(database) == [("gas_limit", "0xa", "2 wei left", began)]
    await mine.up(Kind.GAS_LIMIT, "0xa", "nothing left", Severity.CRITICAL)
    await mine.down(Kind.GAS_LIMIT, "0xb")
    await mine.down(Kind.GAS_LIMIT, "0xa")
    await mine.down(Kind.GAS_LIMIT, "0xa")
    assert await up(database) == []
    assert await told(database) == ["alarm_up 0xa", "alarm_up 0xa", "alarm_down 0xa"]


async def test_the_next_leader_goes_on_with_those_that_are_up_and_the_last_one_may_not(
    database: Database,
) -> None:
    clock = ManualClock()
    first = await leader(database, clock)
    await first.up(Kind.FLAPPING, "n1", "dies young")
    second = await leader(database, clock, "two")
    await second.up(Kind.FLAPPING, "n1", "dies young")
    assert await told(database) == ["alarm_up n1"]
    with pytest.raises(LeaseLost):
        await first.down(Kind.FLAPPING, "n1")
    await second.down(Kind.FLAPPING, "n1")
    assert await up(database) == []


async def test_only_takes_down_the_others_of_its_kind(database: Database) -> None:
    clock = ManualClock()
    mine = await leader(database, clock)
    await mine.up(Kind.GUARD_BLOCKS, "guard", "a day old")
    await mine.only(Kind.GAS_LIMIT, {"0xa": "low", "0xb": "low"})
    await mine.only(Kind.GAS_LIMIT, {"0xb": "lower"})
    assert {(kind, subject) for kind, subject, *_ in await up(database)} == {
        ("guard_blocks", "guard"),
        ("gas_limit", "0xb"),
    }
