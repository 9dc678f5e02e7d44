"""What a person must look at: up while it is so, down by itself when it is over.

A loop says what it sees at every look; only a change is written, and told as an event. Alarms are in the
database, so that a new leader goes on with those that are up, and takes down what it finds mended.
"""

from enum import StrEnum

import structlog

from linkpool.fleet.clock import Clock
from linkpool.fleet.journal import Journal
from linkpool.store import alarms, events
from linkpool.store.alarm_tables import AlarmRow, Severity
from linkpool.store.database import Database

log = structlog.get_logger(__name__)


class Kind(StrEnum):
    """What an alarm is about; docs/runbooks/PoolAlarm.md says of each where it is explained."""

    ADAPTER_KEPT_OLD = "adapter_kept_old"
    ADAPTER_UNWELL = "adapter_unwell"
    CATALOG_BEHIND = "catalog_behind"
    FEE_BELOW_COSTS = "fee_below_costs"
    FLAPPING = "flapping"
    GAS_LIMIT = "gas_limit"
    GUARD_BLOCKS = "guard_blocks"
    NODE_WITHOUT_GAS = "node_without_gas"
    OFFERS_HELD = "offers_held"
    OFFER_REFUSED = "offer_refused"
    OFFER_WITHOUT_JOB = "offer_without_job"
    PRICE_FEED_STALE = "price_feed_stale"
    RETIREMENT_WAITS = "retirement_waits"
    REVOCATION_WAITS = "revocation_waits"
    ROLLOUT = "rollout"
    SCALING_FAILED = "scaling_failed"
    SCALING_HELD = "scaling_held"
    SLOT_FROZEN = "slot_frozen"
    TREASURY_LOW = "treasury_low"
    UNKNOWN_GROUP = "unknown_group"


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

    async def up(self, kind: Kind, subject: str, detail: str, severity: Severity = Severity.WARNING) -> None:
        """Raise it, or say its present detail; the same again costs nothing.

        subject: what it is about (a node's id, a sender, "pool"); detail: what happened and what to do, with
        no secret in it.
        """
        known = await self._known()
        before = known.get((kind, subject))
        if before == (severity, detail):
            return
        now = self._clock.now()
        told = {"kind": kind.value, "subject": subject, "severity": severity.value, "detail": detail}
        async with self._database.lead(self._epoch) as session:
            row = await session.get(AlarmRow, (kind.value, subject))
            await alarms.put(session, AlarmRow(**told, since=row.since if row else now))
            if before is None or before[0] is not severity:
                events.add(session, "alarm_up", None, told, now)
                log.warning("alarm", **told)
        known[kind, subject] = (severity, detail)
        await self._journal.wake()

    async def down(self, kind: Kind, subject: str) -> None:
        """It is over; one that is not up costs nothing."""
        known = await self._known()
        if (kind, subject) not in known:
            return
        told = {"kind": kind.value, "subject": subject}
        async with self._database.lead(self._epoch) as session:
            await alarms.drop(session, kind.value, subject)
            events.add(session, "alarm_down", None, told, self._clock.now())
        log.info("alarm is over", **told)
        del known[kind, subject]
        await self._journal.wake()

    async def only(self, kind: Kind, details: dict[str, str], severity: Severity = Severity.WARNING) -> None:
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
