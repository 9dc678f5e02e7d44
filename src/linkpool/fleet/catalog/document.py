"""One revision of the catalog, read: jobs with their offers, bridges, and what is on its way out."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ConfigDict

from linkpool.jobs.spec import JobSpec, parse_job
from linkpool.jobs.tasks.kit import Constant, Reach
from linkpool.store.tables import CatalogRow
from linkpool.wire.catalog import Terms

REQUESTED = "directrequest"
"""The type of job that is bought on chain; the others have no offers."""

spec_of = lru_cache(maxsize=4_096)(parse_job)
"""The job of a text. Raises JobError."""


class Program(BaseModel):
    """An adapter to run. With an image, the command is its arguments; secrets: sealed values by variable;
    sample: a body that it must answer well.
    """

    model_config = ConfigDict(frozen=True)
    command: tuple[str, ...] = ()
    image: str | None = None
    settings: Mapping[str, str] = {}
    secrets: Mapping[str, str] = {}
    sample: str | None = None

    @property
    def runs(self) -> str:
        """What it is, for people."""
        return " ".join([*([self.image] if self.image else []), *self.command])

    def release(self, bridge: str) -> str:
        """The name of what runs: another program is another release, the same one the same."""
        told = json.dumps([bridge, self.model_dump(mode="json", exclude={"sample"})], sort_keys=True)
        return f"{bridge[:40]}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"


class Bridge(BaseModel):
    """A bridge as the database keeps it. token: sealed; incoming: digest of what callbacks must show."""

    model_config = ConfigDict(frozen=True)
    name: str
    urls: tuple[str, ...] = ()
    program: Program | None = None
    token: str | None = None
    incoming: str | None = None
    timeout: float = 15.0
    concurrency: int = 64
    leaving: bool = False


@dataclass(frozen=True)
class Job:
    """A job, its offer if it can be bought, and whether it is on its way out."""

    text: str
    offer: Terms | None = None
    leaving: bool = False

    @property
    def spec(self) -> JobSpec:
        """What the text says."""
        return spec_of(self.text)

    @property
    def id(self) -> str:
        """Its external id: what requests name it by."""
        return str(self.spec.external_job_id)

    @property
    def name(self) -> str:
        """For people."""
        return self.spec.name or self.id

    @property
    def source_is_asked_for(self) -> bool:
        """Whether a requester may choose a URL that it fetches."""
        return any(
            task.reaches.get("url", Reach.JOB) is not Reach.JOB for task in self.spec.graph.tasks.values()
        )

    @property
    def bridge_names(self) -> list[str]:
        """The bridges it asks; their names stand in it."""
        tasks = self.spec.graph.tasks.values()
        names = [task.arguments["name"] for task in tasks if task.type.name == "bridge"]
        return [name.value for name in names if isinstance(name, Constant)]


@dataclass(frozen=True)
class Document:
    """A revision; 0 is the empty one before the first. Jobs by id, bridges by name, in order."""

    revision: int = 0
    jobs: Mapping[str, Job] = field(default_factory=dict)
    bridges: Mapping[str, Bridge] = field(default_factory=dict)

    @classmethod
    def of(cls, row: CatalogRow | None) -> "Document":
        """What the database holds. Raises JobError for a job that this version cannot read."""
        if row is None:
            return cls()
        jobs: dict[str, Job] = {}
        for text in row.jobs:
            job = str(spec_of(text).external_job_id)
            offer = row.offers.get(job)
            jobs[job] = Job(text, None if offer is None else Terms(**offer), job in row.leaving)
        bridges = {each["name"]: Bridge(**each) for each in row.bridges}
        return cls(row.revision, jobs, bridges)

    def values(self) -> dict[str, Any]:
        """The columns of a row."""
        return {
            "jobs": [job.text for job in self.jobs.values()],
            "offers": {name: job.offer.model_dump() for name, job in self.jobs.items() if job.offer},
            "leaving": [name for name, job in self.jobs.items() if job.leaving],
            "bridges": [bridge.model_dump(mode="json") for bridge in self.bridges.values()],
        }
