"""The catalog in figures, for Prometheus."""

from collections import Counter

from prometheus_client import CollectorRegistry, Gauge
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.fleet.agents.door import Desk
from linkpool.store import adapters, catalog
from linkpool.store.catalog_tables import JobState


class CatalogFigures:
    """Gauges that are read at each look."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._revision = Gauge("linkpool_catalog_revision", "Revision in force", registry=registry)
        self._acknowledged = Gauge(
            "linkpool_catalog_acknowledged", "Revision that every serving replica has", registry=registry
        )
        self._jobs = Gauge("linkpool_catalog_jobs", "Jobs by state", ["state"], registry=registry)
        self._well = Gauge(
            "linkpool_adapter_healthy_tasks",
            "Tasks that answer, of adapters run here",
            ["bridge"],
            registry=registry,
        )

    async def read(self, session: AsyncSession, desk: Desk | None) -> None:
        """As it is now."""
        row = await catalog.current(session)
        self._revision.set(row.revision if row else 0)
        self._acknowledged.set((desk.hub.acknowledged() or 0) if desk else 0)
        states = Counter(each.state for each in (await catalog.progress(session)).values())
        for state in JobState:
            self._jobs.labels(state.value).set(states[state.value])
        self._well.clear()
        if desk is not None and desk.adapters is not None:
            for bridge in await adapters.every(session):
                self._well.labels(bridge).set(sum(task.healthy for task in desk.adapters.shown(bridge)))
