"""The routes of growing and shrinking, put together: scaling, the guard, the waiting list."""

from collections.abc import Sequence

from fastapi import APIRouter

from linkpool.api.auth import Auth
from linkpool.api.fleet_view import FleetView
from linkpool.api.guard import guard_routes
from linkpool.api.scaling import ScalingDesk, scaling_routes
from linkpool.api.waiting import waiting_routes
from linkpool.fleet.ground import Ground
from linkpool.fleet.waiting.desk import WaitingDesk


def growth_routers(ground: Ground, auth: Auth, view: FleetView) -> Sequence[APIRouter]:
    """All of them."""
    database, clock = ground.database, ground.clock
    desk = ScalingDesk(database, ground.pool, ground.door, clock, ground.node_terms)
    statements = WaitingDesk(database, ground.rpc, ground.pool.facts, clock)
    return (
        scaling_routes(database, auth, view, desk),
        guard_routes(database, auth, clock),
        waiting_routes(database, statements, clock),
    )
