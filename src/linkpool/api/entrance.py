"""What comes in from outside for runs: calls of webhook jobs, and answers of asynchronous adapters.

Both are checked here and forwarded to every replica by run id, which is the same on all of them; a replica
that has no use for it drops it. Only the leader hears replicas, so a standby sends callers to it.
"""

import hmac
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, HTTPException, Path, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from linkpool.api.auth import Auth
from linkpool.fleet.agents.door import Desk, Door
from linkpool.jobs.callbacks import read_callback
from linkpool.jobs.errors import BadValue
from linkpool.jobs.spec import JobSpec, parse_job
from linkpool.jobs.variables import webhook_id
from linkpool.store import catalog, tokens
from linkpool.store.database import Database
from linkpool.wire.agent import Callback, Webhook
from linkpool.wire.api import RunView

MAX_BODY = 64 * 1024

Name = Annotated[str, Path(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
RunId = Annotated[str, Path(pattern=r"^[0-9a-f]{16,64}$")]
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))]
_BODY: dict[str, Any] = {"requestBody": {"content": {"application/json": {"schema": {}}}}}


def entrance_routes(database: Database, auth: Auth, door: Door) -> APIRouter:
    """`/api/v1/webhooks` and `/callbacks`."""
    routes = APIRouter(tags=["runs"])

    @routes.post(
        "/api/v1/webhooks/{job}", status_code=202, dependencies=[Depends(auth.operator)], openapi_extra=_BODY
    )
    async def webhook(
        job: UUID, request: Request, idempotency_key: Annotated[str | None, Header(max_length=200)] = None
    ) -> RunView:
        """Start a webhook job on every node. The same body and key are the same run."""
        body = await _bounded(request)
        spec = await _webhook_job(database, job)
        desk = _leads(door)
        run = webhook_id(spec, body, idempotency_key or "")
        desk.hub.forward(run, Webhook(job=str(job), run=run, body=body.decode("utf-8", "replace")))
        return RunView(run=run)

    @routes.patch("/callbacks/{bridge}/{run}/{task}", status_code=202, openapi_extra=_BODY)
    async def callback(bridge: Name, run: RunId, task: Name, request: Request, token: Bearer) -> RunView:
        """An asynchronous adapter's answer: `{"value": ...}` or `{"error": "..."}`."""
        await _known_adapter(database, bridge, token)
        body = await _bounded(request)
        try:
            read_callback(body)
        except BadValue as error:
            raise HTTPException(422, str(error)) from error
        desk = _leads(door)
        desk.hub.forward(f"{run}/{task}", Callback(run=run, task=task, body=body.decode("utf-8", "replace")))
        return RunView(run=run)

    return routes


def _leads(door: Door) -> Desk:
    if door.desk is None:
        reason = "this control plane stands by; ask the leader, or again in a moment"
        raise HTTPException(503, reason, {"Retry-After": "1"})
    return door.desk


async def _bounded(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise HTTPException(413, f"a body above {MAX_BODY} bytes is not taken")
    return body


async def _webhook_job(database: Database, job: UUID) -> JobSpec:
    async with database.read() as session:
        row = await catalog.current(session)
    for text in row.jobs if row else []:
        if str(job) in text.lower():
            spec = parse_job(text)
            if spec.external_job_id == job and spec.type == "webhook":
                return spec
    raise HTTPException(404, f"no webhook job has the externalJobID {job}")


async def _known_adapter(database: Database, bridge: str, token: HTTPAuthorizationCredentials | None) -> None:
    """The bridge's incoming token must be shown; a bridge without one takes no callbacks."""
    async with database.read() as session:
        row = await catalog.current(session)
    held = next(
        (each.get("incoming") for each in (row.bridges if row else []) if each["name"] == bridge), None
    )
    offered = tokens.digest(token.credentials) if token else ""
    if not hmac.compare_digest(offered, held or "-"):
        raise HTTPException(
            401, f"bridge {bridge}: its incoming token is needed", {"WWW-Authenticate": "Bearer"}
        )
