"""Completing the audit log: the status a change ended with, and reading the log."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Query
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from linkpool.api.auth import AUDIT_ENTRY, Auth
from linkpool.errors import Temporary
from linkpool.store import audit
from linkpool.store.database import Database
from linkpool.wire.api import AuditList, AuditView, moment

log = structlog.get_logger(__name__)


class AuditStatus:
    """ASGI middleware: writes the status of a request that has an audit entry before the answer goes out."""

    def __init__(self, app: ASGIApp, database: Database) -> None:
        self._app = app
        self._database = database

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and AUDIT_ENTRY in scope:
                await self._finish(scope[AUDIT_ENTRY], message["status"])
            await send(message)

        await self._app(scope, receive, sending)

    async def _finish(self, number: int, status: int) -> None:
        try:
            async with self._database.write() as session:
                await audit.finish(session, number, status)
        except Temporary as error:  # the entry itself stands; the caller shall hear what was done
            log.warning("audit entry without its status", entry=number, status=status, error=str(error))


def audit_routes(database: Database, auth: Auth) -> APIRouter:
    """`/audit`."""
    routes = APIRouter(prefix="/api/v1", tags=["tokens"])

    @routes.get("/audit", dependencies=[Depends(auth.admin)])
    async def get_audit(
        after: Annotated[int, Query(ge=0, le=2**62, description="Begin after this number.")] = 0,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    ) -> AuditList:
        """Who asked for what, oldest first. An entry without a status was cut off."""
        async with database.read() as session:
            rows = await audit.after(session, after, limit)
        return AuditList(
            entries=[
                AuditView(
                    number=row.id,
                    at=moment(row.at),
                    token=row.token,
                    method=row.method,
                    path=row.path,
                    client=row.client,
                    status=row.status,
                )
                for row in rows
            ]
        )

    return routes
