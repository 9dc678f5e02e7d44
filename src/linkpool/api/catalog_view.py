"""What the catalog's routes show: each job with how far its offer is, each bridge without its secrets."""

from linkpool.api.auth import Scope
from linkpool.fleet.adapters.adapters import Adapters
from linkpool.fleet.agents.door import Door
from linkpool.fleet.catalog.document import Bridge, Document, Job, Program
from linkpool.fleet.catalog.offers import KEPT_SECONDS
from linkpool.store import adapters, catalog
from linkpool.store.catalog_tables import AdapterRow, AdapterState, JobRow, JobState
from linkpool.store.database import Database
from linkpool.store.tables import TokenRow
from linkpool.wire.api import moment
from linkpool.wire.catalog import AdapterView, BridgeView, CatalogView, JobView


class CatalogViews:
    """The revision in force as people see it."""

    def __init__(self, database: Database, door: Door) -> None:
        self._database = database
        self._door = door

    async def shown(self, to: TokenRow) -> CatalogView:
        """Everything; a token that may only look sees no query of a URL, where keys may be."""
        async with self._database.read() as session:
            document = Document.of(await catalog.current(session))
            progress = await catalog.progress(session)
            running = await adapters.every(session)
        desk = self._door.desk
        whole = to.scopes != [Scope.READ.value]
        return CatalogView(
            revision=document.revision,
            acknowledged=desk.hub.acknowledged() if desk else None,
            jobs=[_job(job, document, progress.get(name)) for name, job in document.jobs.items()],
            bridges=[
                _bridge(bridge, running.get(name), desk.adapters if desk else None, whole=whole)
                for name, bridge in document.bridges.items()
            ],
        )


def _job(job: Job, document: Document, row: JobRow | None) -> JobView:
    """As the leader last saw it; until it has looked at this revision, on its way."""
    closed_at = row.closed_at if row and job.leaving else None
    state, detail = _progress(job, document, row)
    return JobView.model_validate(
        {
            "id": job.id,
            "name": job.name,
            "type": job.spec.type,
            "text": job.text,
            "offer": job.offer,
            "leaving": job.leaving,
            "state": state,
            "detail": detail,
            "leaves_at": None if closed_at is None else moment(closed_at + KEPT_SECONDS),
        }
    )


def _progress(job: Job, document: Document, row: JobRow | None) -> tuple[str, str]:
    if row is not None and row.revision == document.revision:
        return row.state, row.detail
    state = JobState.CLOSING if job.leaving else JobState.ADDING
    return state, f"the leading control plane has not looked at revision {document.revision} yet"


def _bridge(bridge: Bridge, row: AdapterRow | None, seen: Adapters | None, *, whole: bool) -> BridgeView:
    urls = bridge.urls
    if bridge.program:
        urls = tuple(seen.places(bridge.name)) if seen else ()
    return BridgeView(
        name=bridge.name,
        urls=[url if whole else _without_query(url) for url in urls],
        program=_program(bridge.name, bridge.program, row, seen) if bridge.program else None,
        has_token=bridge.token is not None,
        has_incoming_token=bridge.incoming is not None,
        timeout=bridge.timeout,
        concurrency=bridge.concurrency,
        leaving=bridge.leaving,
    )


def _program(name: str, program: Program, row: AdapterRow | None, seen: Adapters | None) -> AdapterView:
    """As the leader last saw it; until it has looked at this program, on its way."""
    release = program.release(name)
    if row is not None and row.wanted == release:
        state, detail = row.state, row.detail
    else:
        state = AdapterState.STARTING if row is None else AdapterState.UPGRADING
        detail = "the leading control plane has not looked at it yet"
    return AdapterView.model_validate(
        {
            "command": list(program.command),
            "image": program.image,
            "settings": dict(program.settings),
            "secrets": sorted(program.secrets),
            "sample": program.sample,
            "release": release,
            "state": state,
            "detail": detail,
            "tasks": seen.shown(name) if seen else [],
        }
    )


def _without_query(url: str) -> str:
    plain, asked, _ = url.partition("?")
    return f"{plain}?..." if asked else plain
