"""Releases and rollouts over HTTP: what nodes run, and moving them to something else."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Response
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.api.auth import Auth
from linkpool.api.fleet_view import FleetView
from linkpool.api.nodes import IdempotencyKey
from linkpool.fleet.nodes.wishes import KeyUsed, NoSuchNode, NotNow
from linkpool.fleet.rollouts.wishes import NoSuchRelease, NoSuchRollout, RolloutWishes, Wanted
from linkpool.store import moves, nodes, releases, rollouts
from linkpool.store.database import Database
from linkpool.store.releases import ReleaseInUse
from linkpool.store.rollout_tables import MoveRow, RolloutRow, RolloutState
from linkpool.store.tables import ReleaseRow, TokenRow
from linkpool.wire.api import moment
from linkpool.wire.rollout import (
    MoveView,
    PutRelease,
    ReleaseList,
    ReleaseName,
    ReleaseView,
    RolloutList,
    RolloutStarted,
    RolloutView,
    StartRollout,
)

_ASKED = {"pause": RolloutState.PAUSED, "resume": RolloutState.RUNNING, "abort": RolloutState.ABORTING}


def rollout_routes(
    database: Database, auth: Auth, view: FleetView, wishes: RolloutWishes, configured: str
) -> APIRouter:
    """`/releases` and `/rollouts`. configured: the release that the settings name."""
    routes = APIRouter(prefix="/api/v1", tags=["rollouts"])
    reader = Depends(auth.reader)

    @routes.get("/releases", dependencies=[reader])
    async def list_releases() -> ReleaseList:
        """What may run, and what does."""
        return ReleaseList(releases=await _releases(database, configured))

    @routes.put("/releases/{name}", dependencies=[Depends(auth.admin)])
    async def put_release(name: Annotated[ReleaseName, Path()], wanted: PutRelease) -> ReleaseView:
        """Say what a name stands for. The same again is fine; a name in use keeps its meaning."""
        try:
            await wishes.release(name, command=wanted.command, image=wanted.image, settings=wanted.settings)
        except ReleaseInUse as error:
            raise HTTPException(409, str(error)) from error
        return next(shown for shown in await _releases(database, configured) if shown.name == name)

    @routes.get("/rollouts", dependencies=[reader])
    async def list_rollouts() -> RolloutList:
        """The latest fifty, newest first."""
        async with database.read() as session:
            rows, oracles = await rollouts.newest(session), await _oracles(session)
            return RolloutList(rollouts=[await _rollout(session, row, oracles) for row in rows])

    @routes.get("/rollouts/{rollout}", dependencies=[reader])
    async def get_rollout(rollout: str) -> RolloutView:
        """One rollout with the moves of its nodes."""
        async with database.read() as session:
            row = await rollouts.find(session, rollout)
        if row is None:
            raise HTTPException(404, f"no rollout {rollout}")
        return await _shown(database, row)

    @routes.post("/rollouts", status_code=202)
    async def start_rollout(
        wanted: StartRollout,
        response: Response,
        token: Annotated[TokenRow, Depends(auth.operator)],
        idempotency_key: IdempotencyKey = None,
    ) -> RolloutStarted:
        """Move nodes to a release: one first, then waves. The operation follows it."""
        key = f"{token.id}:{idempotency_key}" if idempotency_key else None
        asked = Wanted(wanted.release, tuple(wanted.nodes), wanted.wave, wanted.within)
        try:
            operation = await wishes.start(asked, key)
        except (NoSuchRelease, NoSuchNode) as error:
            raise HTTPException(404, str(error)) from error
        except (KeyUsed, NotNow) as error:
            raise HTTPException(409, str(error)) from error
        async with database.read() as session:
            row = await rollouts.of_operation(session, operation.id)
        assert row is not None  # noqa: S101 - written in the operation's own transaction
        response.headers["Location"] = f"/api/v1/rollouts/{row.id}"
        return RolloutStarted(rollout=await _shown(database, row), operation=await view.operation(operation))

    async def change(rollout: str, asked: str) -> RolloutView:
        try:
            row = await wishes.change(rollout, _ASKED[asked])
        except NoSuchRollout as error:
            raise HTTPException(404, str(error)) from error
        except NotNow as error:
            raise HTTPException(409, str(error)) from error
        return await _shown(database, row)

    @routes.post("/rollouts/{rollout}/pause", dependencies=[Depends(auth.operator)])
    async def pause_rollout(rollout: str) -> RolloutView:
        """Begin no further node; what is in flight comes to its end."""
        return await change(rollout, "pause")

    @routes.post("/rollouts/{rollout}/resume", dependencies=[Depends(auth.operator)])
    async def resume_rollout(rollout: str) -> RolloutView:
        """Go on, after a pause or after it stopped itself; what was wrong until now no longer counts."""
        return await change(rollout, "resume")

    @routes.post("/rollouts/{rollout}/abort", dependencies=[Depends(auth.operator)])
    async def abort_rollout(rollout: str) -> RolloutView:
        """What is in flight returns to its old release, what is done stays."""
        return await change(rollout, "abort")

    return routes


async def _releases(database: Database, configured: str) -> list[ReleaseView]:
    async with database.read() as session:
        rows = await releases.every(session)
        current = await releases.current(session, configured)
        running = await releases.nodes_by_release(session)
    return [_release(row, current, running) for row in rows]


def _release(row: ReleaseRow, current: str, running: Mapping[str, int]) -> ReleaseView:
    return ReleaseView(
        name=row.name,
        command=row.command,
        image=row.image,
        settings=row.settings,
        made_at=moment(row.made_at),
        current=row.name == current,
        nodes=running.get(row.name, 0),
    )


async def _shown(database: Database, row: RolloutRow) -> RolloutView:
    async with database.read() as session:
        return await _rollout(session, row, await _oracles(session))


async def _oracles(session: AsyncSession) -> Mapping[int, str | None]:
    """Nodes' ids by their indexes."""
    return {node.index: node.oracle for node in await nodes.every(session)}


async def _rollout(session: AsyncSession, row: RolloutRow, oracles: Mapping[int, str | None]) -> RolloutView:
    found: Sequence[MoveRow] = await moves.of_rollout(session, row.id)
    return RolloutView.model_validate(
        {
            "id": row.id,
            "operation": row.operation,
            "release": row.release,
            "all": row.everything,
            "wave": row.wave,
            "within": row.within,
            "state": row.state,
            "detail": row.detail,
            "made_at": moment(row.made_at),
            "changed_at": moment(row.changed_at),
            "moves": [_move(move, oracles) for move in found],
        }
    )


def _move(row: MoveRow, oracles: Mapping[int, str | None]) -> MoveView:
    return MoveView.model_validate(
        {
            "node": oracles.get(row.node) if row.node is not None else None,
            "index": row.node,
            "state": row.state,
            "colour": row.colour,
            "wave": row.wave,
            "detail": row.detail,
            "seconds": _seconds(row.times),
        }
    )


def _seconds(times: Mapping[str, float]) -> dict[str, float]:
    """How long each state lasted that was left: states in the order in which they began."""
    line = sorted(times.items(), key=lambda entry: entry[1])
    return {state: round(end - begin, 3) for (state, begin), (_, end) in pairwise(line)}
