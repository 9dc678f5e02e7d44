"""What every loop of a leader works with, for the length of one term: the time, the books, the bell.

Its transactions are those of the term: `lead` writes nothing once another control plane took over.
"""

from contextlib import AbstractAsyncContextManager

from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.fleet.alarms import Alarms
from linkpool.fleet.clock import Clock
from linkpool.fleet.journal import Journal
from linkpool.fleet.lease import Term
from linkpool.store.database import Database


class Office:
    """One term's: who leads, its clock, what is noted and what a person must look at."""

    def __init__(self, term: Term, database: Database, clock: Clock, journal: Journal) -> None:
        self.term = term
        self.clock = clock
        self.journal = journal
        self.alarms = Alarms(database, clock, journal, term.epoch)
        self._database = database

    @property
    def epoch(self) -> int:
        """What its writes and words are stamped with."""
        return self.term.epoch

    def read(self) -> AbstractAsyncContextManager[AsyncSession]:
        """A transaction that only looks. Raises StoreUnreachable."""
        return self._database.read()

    def lead(self) -> AbstractAsyncContextManager[AsyncSession]:
        """A transaction of this term. Raises LeaseLost when another leads, StoreUnreachable."""
        return self._database.lead(self.epoch)
