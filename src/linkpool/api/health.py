"""Is this process alive, can it work, and in figures."""

from collections import Counter
from collections.abc import Iterable

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from linkpool.api.catalog_figures import CatalogFigures
from linkpool.api.growth_figures import GrowthFigures
from linkpool.api.money_figures import MoneyFigures
from linkpool.fleet.agents.door import Door
from linkpool.fleet.clock import Clock
from linkpool.store import accounts, alarms, chain_rows, nodes
from linkpool.store.alarm_tables import AlarmRow
from linkpool.store.chain_rows import Checked
from linkpool.store.chain_state import Block
from linkpool.store.database import Database, StoreUnreachable
from linkpool.store.tables import NodeState
from linkpool.wire.agent import State


class Figures:
    """The gauges of one process; labels are known in advance."""

    def __init__(self, clock: Clock, treasury: str) -> None:
        self.registry = CollectorRegistry()
        self.growth = GrowthFigures(self.registry, clock)
        self.money = MoneyFigures(self.registry, treasury)
        self.catalog = CatalogFigures(self.registry)
        self._leads = Gauge("linkpool_leads", "1 while this control plane leads", registry=self.registry)
        self._epoch = Gauge("linkpool_lease_epoch", "Epoch of the term, or 0", registry=self.registry)
        self._nodes = Gauge("linkpool_nodes", "Nodes by state", ["state"], registry=self.registry)
        self._replicas = Gauge("linkpool_replicas", "Replicas on the line", ["state"], registry=self.registry)
        self._index = Gauge("linkpool_index_block", "Block the indexer is up to", registry=self.registry)
        self._checks = Gauge(
            "linkpool_index_checks", "Comparisons with the contracts", registry=self.registry
        )
        self._differences = Gauge(
            "linkpool_index_differences", "Figures that differed", registry=self.registry
        )

        self._alarm = Gauge(
            "linkpool_alarm",
            "1 for each that is up",
            ["kind", "subject", "severity"],
            registry=self.registry,
        )

    def alarms(self, up: Iterable[AlarmRow]) -> None:
        """Those that are up, and no others."""
        self._alarm.clear()
        for row in up:
            self._alarm.labels(row.kind, row.subject, row.severity).set(1)

    def index(self, tip: Block | None, checked: Checked | None) -> None:
        """How far the indexer is, and how often its tables were found to be wrong."""
        self._index.set(tip.number if tip else 0)
        self._checks.set(checked.checks if checked else 0)
        self._differences.set(checked.differences if checked else 0)

    def show(self, door: Door, states: Counter[str]) -> bytes:
        """Everything, as Prometheus reads it."""
        desk = door.desk
        self._leads.set(desk is not None)
        self._epoch.set(desk.epoch if desk else 0)
        on_line = Counter(session.state for session in desk.hub.sessions) if desk else Counter[State]()
        for node_state in NodeState:
            self._nodes.labels(node_state.value).set(states[node_state.value])
        for state in State:
            self._replicas.labels(state.value).set(on_line[state])
        return generate_latest(self.registry)


def health_routes(database: Database, door: Door, figures: Figures) -> APIRouter:
    """`/live`, `/ready`, `/metrics`: no token, no secret."""
    routes = APIRouter(tags=["health"])

    @routes.get("/live", response_class=PlainTextResponse)
    async def live() -> PlainTextResponse:
        """200 while the process turns."""
        return PlainTextResponse("live\n")

    @routes.get("/ready")
    async def ready() -> JSONResponse:
        """200 while the database answers, leading or standing by as `leads` says; else 503."""
        leads = door.desk is not None
        try:
            async with database.read() as session:
                await chain_rows.tip(session)
        except StoreUnreachable:
            return JSONResponse({"ready": False, "leads": leads, "why": "no database"}, 503)
        return JSONResponse({"ready": True, "leads": leads})

    @routes.get("/leads")
    async def leads() -> JSONResponse:
        """200 from the leader, 503 from every other: for who must reach the leader itself."""
        leading = door.desk is not None
        return JSONResponse({"leads": leading}, 200 if leading else 503)

    @routes.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Figures for Prometheus."""
        async with database.read() as session:
            states = Counter(row.state for row in await nodes.every(session))
            figures.alarms(await alarms.every(session))
            figures.index(await chain_rows.tip(session), await chain_rows.checked(session))
            await figures.growth.read(session)
            figures.money.show(await accounts.every(session))
            await figures.catalog.read(session, door.desk)
        return Response(figures.show(door, states), media_type=CONTENT_TYPE_LATEST)

    return routes
