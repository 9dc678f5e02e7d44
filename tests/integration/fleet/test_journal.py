"""Notes are written many at a time, and numbered in the order in which things happened."""

from linkpool.fleet.journal import Journal
from linkpool.store import events
from linkpool.store.database import Database
from tests.support.manual_clock import ManualClock
from tests.support.office import take_office

MANY = 2_500
"""More than a driver takes in one statement."""


async def test_thousands_of_notes_keep_their_order(database: Database) -> None:
    clock = ManualClock()
    office = await take_office(database, clock)
    journal = Journal(database, clock)
    for number in range(MANY):
        journal.note(
            "happened" if number % 3 else "joined", f"0x{number % 7}" if number % 2 else None, n=number
        )
    await journal.flush(office.epoch)
    found: list[int] = []
    last = 0
    while len(found) < MANY:
        async with database.read() as session:
            rows = await events.after(session, last)
        assert rows, f"only {len(found)} were written"
        found += [row.data["n"] for row in rows]
        last = rows[-1].id
    assert found == list(range(MANY))
