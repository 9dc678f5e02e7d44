"""The control plane's HTTP application, put together from its routes."""

from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from fastapi.middleware.gzip import GZipMiddleware

from linkpool.api import problems
from linkpool.api.about import PageSettings, about_routes
from linkpool.api.agent import agent_routes
from linkpool.api.alarms import alarm_routes
from linkpool.api.auditing import AuditStatus, audit_routes
from linkpool.api.auth import Auth
from linkpool.api.catalog import catalog_routes
from linkpool.api.catalog_view import CatalogViews
from linkpool.api.chain_view import ChainView
from linkpool.api.entrance import entrance_routes
from linkpool.api.events import event_routes
from linkpool.api.feed import Feed, feed_routes
from linkpool.api.fleet_view import FleetView
from linkpool.api.growth import growth_routers
from linkpool.api.guard import public_now
from linkpool.api.health import Figures, health_routes
from linkpool.api.history import history_routes
from linkpool.api.knocking import Knocking
from linkpool.api.limits import BodyLimit, Limiter, Rate, RateLimit
from linkpool.api.money_view import MoneyView
from linkpool.api.nodes import node_routes
from linkpool.api.pages import Pages
from linkpool.api.paths import NoNul
from linkpool.api.public import public_routes
from linkpool.api.rollouts import rollout_routes
from linkpool.api.session import session_routes
from linkpool.api.targets import target_routes
from linkpool.api.tokens import token_routes
from linkpool.api.treasury import money_routes
from linkpool.fleet.catalog.apply import CatalogDesk
from linkpool.fleet.ground import Ground
from linkpool.fleet.rollouts.wishes import RolloutWishes
from linkpool.fleet.treasury.build import Payers


@dataclass(frozen=True)
class Defaults:
    """What the API holds itself to. static: the build of the pages, where they are served."""

    rate: Rate = field(default_factory=Rate)
    pages: PageSettings = field(default_factory=PageSettings)
    static: Path | None = None


def build_app(ground: Ground, defaults: Defaults, *, agents: bool = True) -> FastAPI:
    """API and pages on the ground that was laid. agents: replicas may come here, in clear."""
    app = FastAPI(
        title="LinkPool control plane",
        version=version("linkpool"),
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        responses=problems.DOCUMENTED,
    )
    problems.install(app)
    auth = Auth(ground.database, ground.clock)
    view = FleetView(ground.database, ground.pool, ground.door, ground.clock)
    app.include_router(node_routes(ground.database, auth, view, ground.wishes))
    desk = CatalogDesk(ground.database, ground.keys, ground.clock)
    app.include_router(catalog_routes(auth, desk, CatalogViews(ground.database, ground.door)))
    upgrades = RolloutWishes(ground.database, ground.clock)
    app.include_router(rollout_routes(ground.database, auth, view, upgrades, ground.launch.release))
    app.include_router(entrance_routes(ground.database, auth, ground.door))
    for router in growth_routers(ground, auth, view):
        app.include_router(router)
    app.include_router(event_routes(ground.database, auth, ground.journal, ground.clock))
    app.include_router(alarm_routes(ground.database, auth))
    app.include_router(target_routes(auth, view))
    payers = Payers.of(ground.keys)
    money = MoneyView(ground.database, ground.door, ground.means, payers, ground.clock)
    app.include_router(money_routes(ground.database, auth, money, ground.clock))
    app.include_router(health_routes(ground.database, ground.door, Figures(ground.clock, payers.treasury)))
    if agents:
        app.include_router(agent_routes(ground.door))
    chain = ChainView(ground.database)
    app.include_router(public_routes(view, chain))
    app.include_router(history_routes(chain, partial(public_now, ground.database, ground.clock)))
    app.include_router(about_routes(ground, view, defaults.pages))
    feed = Feed(ground.database, ground.rpc, ground.clock)
    app.include_router(feed_routes(feed, ground.journal, ground.clock))
    app.include_router(token_routes(ground.database, auth, ground.clock))
    app.include_router(session_routes(ground.database, auth, ground.clock))
    app.include_router(audit_routes(ground.database, auth))
    if defaults.static is not None:
        app.router.default = Pages(defaults.static, defaults.pages.rpc_url, app.router.default)
    app.add_middleware(GZipMiddleware, minimum_size=1_000)
    app.add_middleware(AuditStatus, database=ground.database)
    app.add_middleware(Knocking, knock=ground.knock)
    app.add_middleware(NoNul)
    app.add_middleware(BodyLimit)
    app.add_middleware(RateLimit, limiter=Limiter(defaults.rate, ground.clock))
    problems.describe(app)
    return app
