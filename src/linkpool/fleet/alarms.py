"""What a person must look at: up while it is so, down by itself when it is over.

A loop says what it sees at every look; only a change is written, and told as an event. Alarms are in the
database, so that a new leader goes on with those that are up, and takes down what it finds mended.
"""

import structlog

from linkpool.fleet.clock import Clock
from linkpool.fleet.journal import Journal
from linkpool.store import alarms, events
from linkpool.store.alarm_tables import AlarmRow, Severity
from linkpool.store.database import Database

log = structlog.get_logger(__name__)


class Alarms:
    """The alarms of a pool, raised by the leader of `epoch`.

    Every method raises StoreUnreachable, LeaseLost.
    """

    def __init__(self, database: Database, clock: Clock, journal: Journal, epoch: int) -> None:
        self._database = database
        self._clock = clock
        self._journal = journal
        self._epoch = epoch
        self._up: dict[tuple[str, str], tuple[Severity, str]] | None = None

    async def up(self, kind: str, subject: str, detail: str, severity: Severity = Severity.WARNING) -> None:
        """Raise it, or say its present detail; the same again costs nothing.

        kind: a word of `docs/operating.md`; subject: what it is about (a node's id, a sender, "pool");
        detail: what happened and what to do, without secrets.
        """
        known = await self._known()
        before = known.get((kind, subject))
        if before == (severity, detail):
            return
        now = self._clock.now()
        async with self._database.lead(self._epoch) as session:
            row = await session.get(AlarmRow, (kind, subject))
            since = row.since if row else now
            await alarms.put(
                session,
                AlarmRow(kind=kind, subject=subject, severity=severity.value, detail=detail, since=since),
            )
            if before is None or before[0] is not severity:
                data = {"kind": kind, "subject": subject, "severity": severity.value, "detail": detail}
                events.add(session, "alarm_up", None, data, now)
                log.warning("alarm", about=kind, subject=subject, severity=severity.value, detail=detail)
        known[kind, subject] = (severity, detail)
        await self._journal.wake()

    async def down(self, kind: str, subject: str) -> None:
        """It is over; one that is not up costs nothing."""
        known = await self._known()
        if (kind, subject) not in known:
            return
        async with self._database.lead(self._epoch) as session:
            await alarms.drop(session, kind, subject)
            events.add(session, "alarm_down", None, {"kind": kind, "subject": subject}, self._clock.now())
        log.info("alarm is over", about=kind, subject=subject)
        del known[kind, subject]
        await self._journal.wake()

    async def only(self, kind: str, details: dict[str, str], severity: Severity = Severity.WARNING) -> None:
        """Of this kind, exactly these by subject: others of it go down."""
        for subject in [of for which, of in await self._known() if which == kind and of not in details]:
            await self.down(kind, subject)
        for subject, detail in details.items():
            await self.up(kind, subject, detail, severity)

    async def _known(self) -> dict[tuple[str, str], tuple[Severity, str]]:
        if self._up is None:
            async with self._database.read() as session:
                rows = await alarms.every(session)
            self._up = {(row.kind, row.subject): (Severity(row.severity), row.detail) for row in rows}
        return self._up
