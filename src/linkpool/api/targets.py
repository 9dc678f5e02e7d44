"""Where every replica shows its figures, as Prometheus' HTTP service discovery wants to be told."""

from urllib.parse import urlsplit

from fastapi import APIRouter, Depends

from linkpool.api.auth import Auth
from linkpool.api.fleet_view import FleetView
from linkpool.wire.targets import Target


def target_routes(auth: Auth, view: FleetView) -> APIRouter:
    """`/targets`."""
    routes = APIRouter(prefix="/api/v1/targets", tags=["health"])

    @routes.get("", dependencies=[Depends(auth.reader)])
    async def list_targets() -> list[Target]:
        """A target for each replica on the line (Prometheus: http_sd_configs); a standby knows none."""
        return [
            Target(
                targets=[urlsplit(replica.health).netloc],
                labels={
                    "node": node.id or str(node.index),
                    "task": replica.task,
                    "colour": replica.colour,
                },
            )
            for node in await view.nodes()
            for replica in node.replicas
            if replica.health
        ]

    return routes
