"""A term's office in a test."""

from linkpool.fleet.clock import Clock
from linkpool.fleet.journal import Journal
from linkpool.fleet.lease import STOP_AFTER, Term
from linkpool.fleet.office import Office
from linkpool.store import lease
from linkpool.store.database import Database
from tests.support.manual_clock import ManualClock


def pass_time(term: Term, clock: ManualClock, seconds: float) -> None:
    """Time passes while the leader renews its lease."""
    while seconds > 0:
        clock.advance(min(seconds, STOP_AFTER / 2))
        term.renewed(clock.monotonic())
        seconds -= STOP_AFTER / 2


def office_of(
    epoch: int,
    database: Database,
    clock: Clock | None = None,
    *,
    journal: Journal | None = None,
    ends_by: Clock | None = None,
) -> Office:
    """Of the leader of that epoch. ends_by: the clock of the term's length, if it is another."""
    clock = clock or ManualClock()
    ends_by = ends_by or clock
    term = Term(epoch, ends_by, ends_by.monotonic())
    return Office(term, database, clock, journal or Journal(database, clock))


async def take_office(
    database: Database,
    clock: Clock | None = None,
    *,
    journal: Journal | None = None,
    ends_by: Clock | None = None,
) -> Office:
    """Of a leader that takes the lease now: an earlier one has lost it."""
    async with database.write() as session:
        epoch = await lease.take(session, "test", await lease.seen(session))
    assert epoch is not None
    return office_of(epoch, database, clock, journal=journal, ends_by=ends_by)
