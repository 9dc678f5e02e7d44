"""The catalog: jobs and bridges of all nodes, replaced as a whole, checked before they are taken."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException

from linkpool.api.auth import Auth
from linkpool.fleet.catalog import from_store, to_store
from linkpool.fleet.clock import Clock
from linkpool.fleet.door import Door
from linkpool.fleet.keys import Keyring
from linkpool.jobs.errors import JobError
from linkpool.jobs.spec import parse_job
from linkpool.store import catalog, tokens
from linkpool.store.database import Database
from linkpool.wire.agent import Bridge
from linkpool.wire.api import BridgeView, CatalogView, PutBridge, PutBridges, PutJobs


def catalog_routes(database: Database, auth: Auth, keys: Keyring, door: Door, clock: Clock) -> APIRouter:
    """`/jobs` and `/bridges`."""
    routes = APIRouter(prefix="/api/v1", tags=["catalog"])

    async def shown() -> CatalogView:
        async with database.read() as session:
            row = await catalog.current(session)
        acknowledged = door.desk.hub.acknowledged() if door.desk else None
        if row is None:
            return CatalogView(revision=0, acknowledged=acknowledged, jobs=[], bridges=[])
        answering = {each["name"] for each in row.bridges if each.get("incoming")}
        bridges = [
            BridgeView(
                name=bridge.name,
                urls=list(bridge.urls),
                has_token=bridge.token is not None,
                has_incoming_token=bridge.name in answering,
                timeout=bridge.timeout,
                concurrency=bridge.concurrency,
            )
            for bridge in from_store(row.bridges, keys)
        ]
        return CatalogView(revision=row.revision, acknowledged=acknowledged, jobs=row.jobs, bridges=bridges)

    @routes.get("/jobs", dependencies=[Depends(auth.reader)])
    @routes.get("/bridges", dependencies=[Depends(auth.reader)])
    async def get_catalog() -> CatalogView:
        """The catalog in force."""
        return await shown()

    @routes.put("/jobs", dependencies=[Depends(auth.operator)])
    async def put_jobs(wanted: PutJobs) -> CatalogView:
        """All jobs; every node serves them within a second, without a restart."""
        _check_jobs(wanted.jobs)
        async with database.write() as session:
            now = await catalog.current(session)
            await catalog.put(session, wanted.jobs, now.bridges if now else [], clock.now())
        return await shown()

    @routes.put("/bridges", dependencies=[Depends(auth.operator)])
    async def put_bridges(wanted: PutBridges) -> CatalogView:
        """All bridges. A bridge without a token keeps none."""
        bridges = [
            Bridge(
                name=name,
                urls=tuple(bridge.urls),
                token=bridge.token,
                timeout=bridge.timeout,
                concurrency=bridge.concurrency,
            )
            for name, bridge in sorted(wanted.bridges.items())
        ]
        rows = [row | {"incoming": _incoming(wanted.bridges[row["name"]])} for row in to_store(bridges, keys)]
        async with database.write() as session:
            now = await catalog.current(session)
            await catalog.put(session, now.jobs if now else [], rows, clock.now())
        return await shown()

    return routes


def _incoming(bridge: PutBridge) -> str | None:
    """What is kept of an incoming token: enough to know it again."""
    return tokens.digest(bridge.incoming_token.get_secret_value()) if bridge.incoming_token else None


def _check_jobs(jobs: Sequence[str]) -> None:
    """Refuse what no replica could run, with the place and the reason."""
    seen: dict[UUID, int] = {}
    for number, text in enumerate(jobs):
        try:
            job = parse_job(text)
        except JobError as error:
            raise HTTPException(422, f"jobs.{number}: {error}") from error
        if job.external_job_id in seen:
            first = seen[job.external_job_id]
            raise HTTPException(422, f"jobs.{number}: has the externalJobID of jobs.{first}")
        seen[job.external_job_id] = number
