"""The jobs and bridges this replica serves, exchanged whole while it runs.

A revision is taken only when every job in it can be read: until then the last good one stays in force and
is the one that heartbeats acknowledge, so that an offer never opens for a job that some replica cannot run.
"""

import asyncio
from collections.abc import Iterable

import structlog

from linkpool.jobs.bridges import Bridge as ServedBridge
from linkpool.jobs.bridges import Bridges
from linkpool.jobs.errors import JobError
from linkpool.jobs.spec import JobSpec, parse_job
from linkpool.wire.agent import Bridge, Catalog, Stamp

log = structlog.get_logger(__name__)


class CatalogBook:
    """The newest catalog, by job id. `revision` 0 is the empty one before the first."""

    def __init__(self, served_by: Bridges) -> None:
        self.revision = 0
        self.known = asyncio.Event()
        """Set by the first catalog."""
        self._bridges = served_by
        self.jobs: tuple[JobSpec, ...] = ()
        """Of every type."""
        self._by_id: dict[bytes, JobSpec] = {}
        self._stamp = Stamp(0, 0)

    def take(self, catalog: Catalog) -> bool:
        """Adopt a catalog unless it is older than the one in force, or unreadable. Returns whether it was."""
        if catalog.stamp < self._stamp:
            return False
        try:
            jobs = [parse_job(text) for text in catalog.jobs]
        except JobError as error:
            log.error("catalog refused, the last one stays", revision=catalog.revision, error=str(error))
            return False
        self._stamp = catalog.stamp
        self.put(jobs, [_bridge(bridge) for bridge in catalog.bridges], catalog.revision)
        return True

    def put(self, jobs: Iterable[JobSpec], served: Iterable[ServedBridge], revision: int) -> None:
        """Serve exactly these."""
        self.jobs = tuple(jobs)
        self._by_id = {spec_id: job for job in self.jobs for spec_id in job.spec_ids}
        self._bridges.replace(list(served))
        self.revision = revision
        self.known.set()

    def all(self, kind: str) -> list[JobSpec]:
        """Every job of that type."""
        return [job for job in self.jobs if job.type == kind]

    def job(self, spec_id: bytes) -> JobSpec | None:
        """The job that a request names, in either encoding of its id."""
        return self._by_id.get(spec_id)


def _bridge(bridge: Bridge) -> ServedBridge:
    token = bridge.token.get_secret_value() if bridge.token else None
    return ServedBridge(bridge.name, bridge.urls, token, bridge.timeout, bridge.concurrency)
