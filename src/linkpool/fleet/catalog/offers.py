"""Offers on chain follow the catalog, in the order that loses no request.

An offer opens, or changes its price, after every serving replica acknowledged the revision in force. A job
that is taken out closes its offer first, under both ids that requests may name it by; replicas keep it until
the last request that could have been made under the offer has ended, and only then does it leave the catalog.
Every look compares what is wanted with what the chain says, so it does not matter where an earlier one
stopped.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from linkpool.chain.rpc import Reverted, Rpc
from linkpool.chain.types import parse_head
from linkpool.contracts.pool import Offer
from linkpool.contracts.pool import Pool as PoolContract
from linkpool.errors import LinkPoolError
from linkpool.fleet.agents.hub import Hub
from linkpool.fleet.alarms import Kind
from linkpool.fleet.catalog.change import without
from linkpool.fleet.catalog.document import REQUESTED, Document, Job
from linkpool.fleet.office import Office
from linkpool.fleet.outbox import Outbox
from linkpool.fleet.pool import Pool
from linkpool.store import catalog, chain_history, events
from linkpool.store.catalog_tables import JobRow, JobState

log = structlog.get_logger(__name__)

KEPT_SECONDS = 330
"""A request's window, and a margin for clocks and blocks: seconds of the chain after an offer closed."""
OFFER_GAS = 100_000
LOOK_EVERY = 60.0
"""Seconds between two looks at the chain while everything is as wanted."""
LEAVING_EVERY = 10.0
"""The same while a job is leaving."""
BEHIND_AFTER = 60.0
"""Seconds after which a serving replica that has not taken a revision is an alarm."""


@dataclass(frozen=True)
class Seen:
    """What the chain said of a job's two ids. at: seconds of the chain, not before the look."""

    offers: Sequence[Offer]
    at: int


@dataclass(frozen=True)
class Verdict:
    """Where a job stands, and what is to be sent for it."""

    state: JobState
    detail: str
    closed_at: int | None = None
    send: Sequence[Offer] = ()


def judge(job: Job, seen: Seen, row: JobRow | None, *, waits: str | None, hold: str | None) -> Verdict:
    """One job. waits: why no offer may open yet; hold: why none may be open at all."""
    ids = [offer.job for offer in seen.offers]
    is_open = any(offer.open for offer in seen.offers)
    closed_at = None if is_open else row.closed_at if row and row.closed_at is not None else seen.at
    if job.offer is None or job.leaving or hold:
        if is_open:
            close = [Offer(offer.job, 0, 0, 0, open=False) for offer in seen.offers if offer.open]
            return Verdict(JobState.CLOSING, hold or "the closing of its offer is on its way", None, close)
        if job.leaving:
            return Verdict(JobState.LEAVING, "its offer is closed; the last windows run", closed_at)
        state = JobState.ADDING if waits else JobState.SERVED
        return Verdict(state, waits or hold or "it has no offer", closed_at)
    terms = job.offer
    payment, penalty, ceiling = int(terms.payment), int(terms.penalty), int(terms.base_fee_ceiling)
    asked = [Offer(each, payment, penalty, ceiling, open=True) for each in ids]
    send = [offer for offer, is_now in zip(asked, seen.offers, strict=True) if offer != is_now]
    if not send:
        return Verdict(JobState.OPEN, "")
    if waits:
        return Verdict(JobState.ADDING, waits, closed_at)
    return Verdict(JobState.ADDING, "its offer is on its way to the chain", closed_at, send)


class Offers:
    """Looks once a second, as the leader of `epoch`; asks the chain only when something may have changed.

    hold: says why no offer may be open now (the treasury runs dry); None lets them be.
    """

    def __init__(
        self,
        office: Office,
        *,
        rpc: Rpc,
        pool: Pool,
        manager: Outbox,
        hub: Hub,
        hold: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._office = office
        self._rpc = rpc
        self._pool = pool
        self._contract = PoolContract(pool.facts.pool)
        self._manager = manager
        self._hub = hub
        self._hold = hold
        self._settled: tuple[object, ...] | None = None
        self._next_look = 0.0
        self._refused: dict[str, str] = {}
        self._behind_since: float | None = None

    async def step(self) -> bool:
        """One look; whether the chain has yet to follow.

        Raises StoreUnreachable, LeaseLost, EndpointTrouble.
        """
        async with self._office.read() as session:
            document = Document.of(await catalog.current(session))
            rows = await catalog.progress(session)
        waits, hold = await self._waits(document), self._hold()
        about = (document.revision, waits, hold)
        now = self._office.clock.monotonic()
        if about == self._settled and now < self._next_look and not self._manager.busy:
            return False
        seen = await self._look(document)
        self._refused.clear()
        verdicts = {
            name: await self._act(job, judge(job, seen[name], rows.get(name), waits=waits, hold=hold))
            for name, job in document.jobs.items()
        }
        await self._write(document, rows, verdicts)
        await self._drop([name for name, job in document.jobs.items() if _over(job, verdicts, seen, name)])
        await self._office.alarms.only(Kind.OFFER_REFUSED, dict(self._refused))
        await self._strangers(document)
        leaving = any(verdict.state is JobState.LEAVING for verdict in verdicts.values())
        self._settled = about if not any(verdict.send for verdict in verdicts.values()) else None
        self._next_look = now + (LEAVING_EVERY if leaving else LOOK_EVERY)
        return self._settled is None or waits is not None or leaving or self._manager.busy

    async def _waits(self, document: Document) -> str | None:
        """Why no offer may open yet. A replica that never takes a revision is an alarm."""
        acknowledged = self._hub.acknowledged()
        if acknowledged is None:
            self._behind_since = None
            return "no replica serves"
        if acknowledged >= document.revision:
            self._behind_since = None
            await self._office.alarms.down(Kind.CATALOG_BEHIND, "pool")
            return None
        now = self._office.clock.monotonic()
        self._behind_since = now if self._behind_since is None else self._behind_since
        if now - self._behind_since >= BEHIND_AFTER:
            await self._office.alarms.up(
                Kind.CATALOG_BEHIND,
                "pool",
                f"a serving replica still has revision {acknowledged} of the catalog, {document.revision} is "
                "in force; its log says why it did not take it",
            )
        return f"a serving replica does not have revision {document.revision} yet"

    async def _look(self, document: Document) -> Mapping[str, Seen]:
        """What the chain says of every job that is bought there; of others, nothing is open."""
        bought = {name: job for name, job in document.jobs.items() if job.spec.type == REQUESTED}
        ids = [each for job in bought.values() for each in job.spec.spec_ids]
        found = iter(await self._pool.offers(ids) if ids else ())
        pairs = {name: [next(found), next(found)] for name in bought}
        head = parse_head(await self._rpc.call("eth_getBlockByNumber", "latest", False))
        return {name: Seen(pairs.get(name, ()), head.timestamp) for name in document.jobs}

    async def _act(self, job: Job, verdict: Verdict) -> Verdict:
        """Send what is to be sent; the verdict, with the reason why it could not be."""
        try:
            for offer in verdict.send:
                call = self._contract.set_offer(offer)
                purpose = f"offer:{offer.job.hex()}"
                await self._manager.send(purpose, call.to, data=call.request["data"], gas=OFFER_GAS)
        except Reverted as error:
            self._refused[job.id] = f"{job.name}: the pool refuses its offer: {error}; is the manager ours?"
            return replace(verdict, detail=f"the pool refuses: {error}")
        except LinkPoolError as error:
            return replace(verdict, detail=str(error))
        return verdict

    async def _write(
        self, document: Document, rows: Mapping[str, JobRow], verdicts: Mapping[str, Verdict]
    ) -> None:
        """Remember what changed, and tell of new states."""
        news = {
            name: verdict for name, verdict in verdicts.items() if _is_news(rows.get(name), verdict, document)
        }
        gone = [name for name in rows if name not in document.jobs]
        if not news and not gone:
            return
        now = self._office.clock.now()
        async with self._office.lead() as session:
            for name, verdict in news.items():
                row = rows.get(name)
                await catalog.put_progress(
                    session,
                    name,
                    revision=document.revision,
                    state=verdict.state,
                    detail=verdict.detail,
                    closed_at=verdict.closed_at,
                    now=now,
                )
                if row is None or row.state != verdict.state:
                    data = {"job": name, "name": document.jobs[name].name}
                    events.add(session, f"job_{verdict.state.value}", None, data, now)
            for name in gone:
                await catalog.drop_progress(session, name)
        await self._office.journal.wake()

    async def _drop(self, over: Sequence[str]) -> None:
        """Take out jobs whose last window has ended, unless they were put back in this moment."""
        if not over:
            return
        now = self._office.clock.now()
        async with self._office.lead() as session:
            document = Document.of(await catalog.current(session))
            gone = [name for name in over if name in document.jobs and document.jobs[name].leaving]
            await catalog.put(session, **without(document, gone).values(), now=now)
            for name in gone:
                await catalog.drop_progress(session, name)
                events.add(session, "job_gone", None, {"job": name, "name": document.jobs[name].name}, now)
        log.info("jobs left the catalog", jobs=gone)
        await self._office.journal.wake()

    async def _strangers(self, document: Document) -> None:
        """Open offers of jobs that no node serves: their requests would be rejected."""
        async with self._office.read() as session:
            offers = await chain_history.last_offers(session)
        served = {"0x" + each.hex() for job in document.jobs.values() for each in job.spec.spec_ids}
        details = {
            str(offer["job"]): "its offer is open on chain and it is in no catalog: add the job, or close "
            "the offer (add the job without an offer, then remove it)"
            for offer in offers
            if offer["open"] and offer["job"] not in served
        }
        await self._office.alarms.only(Kind.OFFER_WITHOUT_JOB, details)


def _over(job: Job, verdicts: Mapping[str, Verdict], seen: Mapping[str, Seen], name: str) -> bool:
    verdict = verdicts[name]
    return (
        job.leaving
        and verdict.state is JobState.LEAVING
        and verdict.closed_at is not None
        and seen[name].at >= verdict.closed_at + KEPT_SECONDS
    )


def _is_news(row: JobRow | None, verdict: Verdict, document: Document) -> bool:
    said = (document.revision, verdict.state, verdict.detail, verdict.closed_at)
    return row is None or (row.revision, row.state, row.detail, row.closed_at) != said
