"""The catalog: jobs, offers and bridges of all nodes, as a whole or one by one, checked before taken.

To run a program is to run any code where the engine runs it: that needs the scope `admin`.
"""

from collections.abc import Awaitable, Iterable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Path

from linkpool.api.auth import Auth, Scope
from linkpool.api.catalog_view import CatalogViews
from linkpool.fleet.catalog.apply import (
    CatalogDesk,
    CatalogMoved,
    NotThere,
    drop_bridge,
    drop_job,
    everything,
    put_bridge,
    put_job,
    put_offer,
)
from linkpool.fleet.catalog.change import DoesNotFit
from linkpool.store.tables import TokenRow
from linkpool.wire.catalog import (
    CatalogChange,
    CatalogView,
    PutBridge,
    PutCatalog,
    PutJob,
    Terms,
)

Name = Annotated[str, Path(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]


def catalog_routes(auth: Auth, desk: CatalogDesk, views: CatalogViews) -> APIRouter:
    """`/catalog` and what is below it."""
    routes = APIRouter(prefix="/api/v1/catalog", tags=["catalog"])
    Reader = Annotated[TokenRow, Depends(auth.reader)]  # noqa: N806 - a type
    Operator = Annotated[TokenRow, Depends(auth.operator)]  # noqa: N806 - a type

    @routes.get("")
    async def get_catalog(token: Reader) -> CatalogView:
        """The revision in force, and how far each part of it is."""
        return await views.shown(token)

    @routes.post("")
    async def put_catalog(asked: PutCatalog, token: Operator) -> CatalogChange:
        """Exactly these jobs, offers and bridges: every node serves them within a second, no restart."""
        _may_run(token, asked.bridges.values())
        before = (await desk.document()).bridges
        bridges = [desk.bridge(name, each, before.get(name)) for name, each in asked.bridges.items()]
        jobs = [desk.job(each, f"jobs.{number}") for number, each in enumerate(asked.jobs)]
        step = everything(jobs, bridges)
        return await _answer(desk.change(step, dry_run=asked.dry_run, if_revision=asked.if_revision))

    @routes.put("/jobs/{job}")
    async def set_job(job: UUID, asked: PutJob, token: Operator) -> CatalogChange:
        """This job and its offer, in place of what has its id."""
        read = desk.job(asked, "text")
        if read.id != str(job):
            raise HTTPException(409, f"text: its externalJobID is {read.id}, not {job}")
        return await _answer(desk.change(put_job(read)))

    @routes.delete("/jobs/{job}")
    async def remove_job(job: UUID, token: Operator) -> CatalogChange:
        """Without this job: its offer closes, and once its last request has ended replicas drop it."""
        return await _answer(desk.change(drop_job(str(job))))

    @routes.put("/jobs/{job}/offer")
    async def set_offer(job: UUID, asked: Terms, token: Operator) -> CatalogChange:
        """What a request of this job costs, and what a missed one pays."""
        return await _answer(desk.change(put_offer(str(job), asked)))

    @routes.delete("/jobs/{job}/offer")
    async def remove_offer(job: UUID, token: Operator) -> CatalogChange:
        """Nobody can buy this job from now on; it is still served."""
        return await _answer(desk.change(put_offer(str(job), None)))

    @routes.put("/bridges/{name}")
    async def set_bridge(name: Name, asked: PutBridge, token: Operator) -> CatalogChange:
        """This bridge, in place of what has its name."""
        _may_run(token, [asked])
        before = (await desk.document()).bridges.get(name)
        return await _answer(desk.change(put_bridge(desk.bridge(name, asked, before))))

    @routes.delete("/bridges/{name}")
    async def remove_bridge(name: Name, token: Operator) -> CatalogChange:
        """Without this bridge; refused while a job asks it."""
        return await _answer(desk.change(drop_bridge(name)))

    return routes


def _may_run(token: TokenRow, bridges: Iterable[PutBridge]) -> None:
    if Scope.ADMIN not in token.scopes and any(bridge.program for bridge in bridges):
        raise HTTPException(403, "to run a program needs the scope admin")


async def _answer(change: Awaitable[CatalogChange]) -> CatalogChange:
    try:
        return await change
    except NotThere as error:
        raise HTTPException(404, str(error)) from error
    except (CatalogMoved, DoesNotFit) as error:
        raise HTTPException(409, str(error)) from error
