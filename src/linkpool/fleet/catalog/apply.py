"""Changing the catalog: read what is, say what would change, write the next one. Any control plane may."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from linkpool.errors import Permanent
from linkpool.fleet.catalog.change import CatalogRefused, differences, follow, on_chain, wanted
from linkpool.fleet.catalog.document import Bridge, Document, Job, Program, spec_of
from linkpool.fleet.clock import Clock
from linkpool.fleet.secrets.keys import Keyring
from linkpool.jobs.errors import JobError
from linkpool.store import catalog, events, tokens
from linkpool.store.database import Database
from linkpool.wire.catalog import CatalogChange, PutBridge, PutJob, Terms
from linkpool.wire.catalog import Program as PutProgram

OURS = ("LINKPOOL_", "PORT", "HOST", "EA_PORT", "EA_HOST")
"""Variables that the engine sets, or that begin so."""

TOLD = 50
"""Changes that one event lists."""
T = TypeVar("T")
Step = Callable[[Document], Document]


class NotThere(Permanent):
    """No such job or bridge is wanted."""


class CatalogMoved(Permanent):
    """Another revision is in force than the one a change was made for."""


class CatalogDesk:
    """Takes changes; each is one transaction."""

    def __init__(self, database: Database, keys: Keyring, clock: Clock) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock

    async def document(self) -> Document:
        """The revision in force. Raises StoreUnreachable."""
        async with self._database.read() as session:
            return Document.of(await catalog.current(session))

    async def change(
        self, step: Step, *, dry_run: bool = False, if_revision: int | None = None
    ) -> CatalogChange:
        """Bring the catalog to `step` of what it is. The same again changes nothing.

        Raises CatalogRefused, CatalogMoved, StoreUnreachable.
        """
        if dry_run:
            now = await self.document()
            return self._said(now, step(now), now.revision, applied=False)
        async with self._database.write() as session:
            now = Document.of(await catalog.current(session))
            if if_revision is not None and if_revision != now.revision:
                raise CatalogMoved(f"revision {now.revision} is in force, not {if_revision}; look again")
            coming = step(now)
            at = self._clock.now()
            row = await catalog.put(session, **coming.values(), now=at)
            said = self._said(now, coming, row.revision, applied=row.revision != now.revision)
            if said.applied:
                told = [f"{change.kind} {change.name} {change.what}" for change in said.changes[:TOLD]]
                events.add(session, "catalog_changed", None, {"revision": row.revision, "changes": told}, at)
        return said

    @staticmethod
    def _said(now: Document, coming: Document, revision: int, *, applied: bool) -> CatalogChange:
        return CatalogChange(
            revision=revision,
            applied=applied,
            changes=differences(now, coming),
            on_chain=on_chain(now, coming),
        )

    def job(self, asked: PutJob, where: str) -> Job:
        """A job as asked for. where: names it in an error. Raises CatalogRefused."""
        try:
            spec_of(asked.text)
        except JobError as error:
            raise CatalogRefused(f"{where}: {error}") from error
        return Job(asked.text, asked.offer)

    def bridge(self, name: str, asked: PutBridge, before: Bridge | None) -> Bridge:
        """A bridge as asked for, its secrets sealed; `before` gives those it keeps. Raises CatalogRefused."""
        kept = before if asked.keep_secrets else None
        token, incoming = (kept.token, kept.incoming) if kept else (None, None)
        if asked.token:
            token = self._keys.lock(asked.token.get_secret_value())
        if asked.incoming_token:
            incoming = tokens.digest(asked.incoming_token.get_secret_value())
        old = kept.program if kept else None
        return Bridge(
            name=name,
            urls=tuple(asked.urls),
            program=self._program(name, asked.program, old) if asked.program else None,
            token=None if asked.program else token,
            incoming=incoming,
            timeout=asked.timeout,
            concurrency=asked.concurrency,
        )

    def _program(self, name: str, asked: PutProgram, old: Program | None) -> Program:
        for variable in (*asked.settings, *asked.secrets):
            if variable.startswith(OURS):
                raise CatalogRefused(f"bridge {name}: {variable} is set by the engine; leave it out")
        sealed = {
            variable: self._keys.lock(value.get_secret_value()) for variable, value in asked.secrets.items()
        }
        return Program(
            command=tuple(asked.command),
            image=asked.image,
            settings=asked.settings,
            secrets=(dict(old.secrets) if old else {}) | sealed,
            sample=asked.sample,
        )


def everything(jobs: Iterable[Job], bridges: Iterable[Bridge]) -> Step:
    """Exactly these."""
    return lambda now: follow(now, jobs, bridges)


def put_job(job: Job) -> Step:
    """This job, in place of one with its id."""
    return lambda now: follow(now, {**wanted(now).jobs, job.id: job}.values(), _bridges(now))


def drop_job(job: str) -> Step:
    """Without this job; raises NotThere."""
    return lambda now: follow(now, _less(wanted(now).jobs, job, "job"), _bridges(now))


def put_offer(job: str, offer: Terms | None) -> Step:
    """This offer of a job, or none; raises NotThere."""

    def step(now: Document) -> Document:
        jobs = dict(wanted(now).jobs)
        if job not in jobs:
            raise NotThere(f"the catalog has no job {job}")
        jobs[job] = replace(jobs[job], offer=offer)
        return follow(now, jobs.values(), _bridges(now))

    return step


def put_bridge(bridge: Bridge) -> Step:
    """This bridge, in place of one of its name."""
    return lambda now: follow(
        now, wanted(now).jobs.values(), {**wanted(now).bridges, bridge.name: bridge}.values()
    )


def drop_bridge(name: str) -> Step:
    """Without this bridge; raises NotThere, and CatalogRefused while a job asks it."""
    return lambda now: follow(now, wanted(now).jobs.values(), _less(wanted(now).bridges, name, "bridge"))


def _bridges(now: Document) -> Iterable[Bridge]:
    return wanted(now).bridges.values()


def _less(things: Mapping[str, T], key: str, kind: str) -> list[T]:
    if key not in things:
        raise NotThere(f"the catalog has no {kind} {key}")
    return [thing for name, thing in things.items() if name != key]
