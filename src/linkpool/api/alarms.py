"""The alarms that are up."""

from fastapi import APIRouter, Depends

from linkpool.api.auth import Auth
from linkpool.store import alarms
from linkpool.store.database import Database
from linkpool.wire.alarms import AlarmList, AlarmView
from linkpool.wire.api import moment


def alarm_routes(database: Database, auth: Auth) -> APIRouter:
    """`/alarms`."""
    routes = APIRouter(prefix="/api/v1/alarms", tags=["alarms"])

    @routes.get("", dependencies=[Depends(auth.reader)])
    async def list_alarms() -> AlarmList:
        """What a person must look at now, the longest standing first."""
        async with database.read() as session:
            rows = await alarms.every(session)
        return AlarmList(
            alarms=[
                AlarmView.model_validate(
                    {
                        "kind": row.kind,
                        "subject": row.subject,
                        "severity": row.severity,
                        "detail": row.detail,
                        "since": moment(row.since),
                    }
                )
                for row in rows
            ]
        )

    return routes
