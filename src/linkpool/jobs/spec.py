"""A job: a TOML text read into a `JobSpec`, or refused with the place and the reason.

What the Go node would accept is accepted; what it would silently ignore is noted in `notes`; what it would
only find out when a request arrives is refused now.
"""

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from linkpool.jobs import graph as graphs
from linkpool.jobs import schedule
from linkpool.jobs.durations import seconds
from linkpool.jobs.errors import BadValue, JobError
from linkpool.jobs.graph import Graph
from linkpool.jobs.place import PlacedError
from linkpool.jobs.schedule import Schedule
from linkpool.jobs.tomltext import TomlText
from linkpool.jobs.values import Value, address, count, text, truth
from linkpool.units import Juels

MAX_TEXT = 1 << 17
TYPES = ("directrequest", "cron", "webhook")
_NAMESPACE = uuid.UUID("8c1c4d0e-6d2b-5f1e-9a55-6c696e6b706f")
_SHARED = [
    "type",
    "schemaVersion",
    "name",
    "externalJobID",
    "maxTaskDuration",
    "gasLimit",
    "forwardingAllowed",
    "evmChainID",
    "observationSource",
    "idempotent",
    "probe",
]
_OWN = {
    "directrequest": [
        "contractAddress",
        "requesters",
        "minContractPaymentLinkJuels",
        "minIncomingConfirmations",
    ],
    "cron": ["schedule"],
    "webhook": ["externalInitiators"],
}


@dataclass(frozen=True, slots=True)
class Note:
    """Something in a job's text that has no effect, or not the one it seems to have."""

    reason: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class JobSpec:
    """One job. Durations in seconds, gas in gas units, payment in juels."""

    type: str
    """directrequest, cron or webhook."""
    name: str
    external_job_id: uuid.UUID
    graph: Graph
    source: str
    """The text of the graph; `Task.at` counts in it."""
    contract_address: str | None = None
    """Checksummed; None is the node's own oracle."""
    requesters: frozenset[str] = frozenset()
    """Checksummed; empty lets everybody ask."""
    min_payment: Juels | None = None
    min_confirmations: int = 0
    max_task_duration: float | None = None
    gas_limit: int | None = None
    evm_chain_id: int | None = None
    schedule: Schedule | None = None
    """Of a cron job."""
    idempotent: bool = False
    """Its transactions do no harm when sent twice."""
    probe: Mapping[str, Value] | None = None
    """What a trial run asks for: a request's parameters, or a webhook's body."""
    notes: tuple[Note, ...] = ()

    @property
    def spec_ids(self) -> tuple[bytes, bytes]:
        """Both ways a request may name the job: 32 hex characters as text; 16 bytes, zeros to the right."""
        return self.external_job_id.hex.encode(), self.external_job_id.bytes.ljust(32, b"\x00")


def parse_job(source: str) -> JobSpec:
    """The job that a TOML text describes. Raises JobError with line, column and reason."""
    if len(source) > MAX_TEXT:
        raise JobError(f"a job of {len(source)} characters is above {MAX_TEXT}")
    return _Reader(source).job()


class _Reader:
    def __init__(self, source: str) -> None:
        self._toml = TomlText(source)
        self._fields = self._toml.fields
        self._notes: list[Note] = []

    def job(self) -> JobSpec:
        kind = self._kind()
        self._check_names(kind)
        graph, source = self._graph()
        self._check_repeatable(kind, graph, source)
        payment = self._take("minContractPaymentLinkJuels", count)
        return JobSpec(
            type=kind,
            name=self._take("name", _name) or "",
            external_job_id=self._id(kind),
            graph=graph,
            source=source,
            contract_address=self._take("contractAddress", address),
            requesters=self._take("requesters", _addresses) or frozenset(),
            min_payment=None if payment is None else Juels(payment),
            min_confirmations=self._take("minIncomingConfirmations", count) or 0,
            max_task_duration=self._take("maxTaskDuration", seconds) or None,
            gas_limit=self._take("gasLimit", count) or None,
            evm_chain_id=self._take("evmChainID", count),
            schedule=self._schedule(kind),
            idempotent=self._take("idempotent", truth) or False,
            probe=self._take("probe", _table),
            notes=tuple(sorted(self._notes, key=lambda note: (note.line, note.column))),
        )

    def _kind(self) -> str:
        kind = self._take("type", text)
        if kind is None:
            raise JobError('the job has no type; write type = "directrequest", "cron" or "webhook"')
        if kind not in TYPES:
            self._refuse("type", f"jobs of type {kind!r} do not run here; {', '.join(TYPES)} do")
        if (self._take("schemaVersion", count) or 0) != 1:
            self._refuse("schemaVersion", "schemaVersion = 1 is needed")
        return str(kind)

    def _check_names(self, kind: str) -> None:
        for name in self._fields:
            if name in _OWN[kind] or name in _SHARED:
                continue
            self._note(name, f"{name} has no effect on a {kind} job")
        if self._take("forwardingAllowed", truth):
            self._note(
                "forwardingAllowed", "there are no forwarders here: a node's senders answer themselves"
            )
        if "externalInitiators" in self._fields:
            self._note("externalInitiators", "who may start it is decided by the control plane's tokens")

    def _graph(self) -> tuple[Graph, str]:
        name = "observationSource"
        source = self._take(name, text)
        if source is None:
            raise JobError("the job has no observationSource, so nothing to do")
        try:
            graph = graphs.build(source)
        except PlacedError as error:
            raise JobError(error.reason, *self._toml.within(name, source, error.at)) from None
        for reason, at in graph.notes:
            self._notes.append(Note(reason, *self._toml.within(name, source, at)))
        return graph, source

    def _check_repeatable(self, kind: str, graph: Graph, source: str) -> None:
        """Cron and webhook runs happen at least once: what they send must bear being sent twice."""
        if kind == "directrequest" or self._take("idempotent", truth):
            return
        for task in graph.tasks.values():
            if task.type.name == "ethtx":
                reason = (
                    f"a {kind} run may happen twice, and task {task.name} sends a transaction: write "
                    "idempotent = true in the job if the contract bears that"
                )
                raise JobError(reason, *self._toml.within("observationSource", source, task.at))

    def _id(self, kind: str) -> uuid.UUID:
        given = self._take("externalJobID", uuid_of)
        if given is not None:
            return uuid.UUID(str(given))
        derived = uuid.uuid5(_NAMESPACE, self._toml.source)
        if kind == "directrequest":
            reason = f"the job has no externalJobID; {derived} follows from its text and changes with it"
            self._notes.append(Note(reason, 1, 1))
        return derived

    def _schedule(self, kind: str) -> Schedule | None:
        if kind != "cron":
            return None
        parsed = self._take("schedule", lambda value: schedule.parse(text(value)))
        if parsed is None:
            raise JobError("a cron job needs a schedule")
        return parsed if isinstance(parsed, Schedule) else None

    def _take(self, name: str, read: Callable[[Value], Any]) -> Any:
        if name not in self._fields:
            return None
        try:
            return read(self._fields[name])
        except BadValue as error:
            self._refuse(name, f"{name}: {error}")

    def _refuse(self, name: str, reason: str) -> NoReturn:
        raise JobError(reason, *self._toml.place(name))

    def _note(self, name: str, reason: str) -> None:
        self._notes.append(Note(reason, *self._toml.place(name)))


def _name(value: Value) -> str:
    written = text(value)
    if "\0" in written:
        raise BadValue("the character U+0000 is in it, which cannot be kept; leave it out")
    return written


def _addresses(value: Value) -> frozenset[str]:
    if not isinstance(value, list):
        raise BadValue("a list of addresses is needed")
    return frozenset(address(item) for item in value)


def _table(value: Value) -> dict[str, Value]:
    if not isinstance(value, dict):
        raise BadValue("a table is needed: [probe], and under it what a request would ask")
    return {key: _plain(item) for key, item in value.items()}


def _plain(value: Value) -> Value:
    """A TOML value as a request may carry it. Raises BadValue for fractions and dates."""
    match value:
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case bool() | int() | str():
            return value
    raise BadValue(f"{value} is neither text, whole number, truth, list nor table; write it as a text")


def uuid_of(value: Value) -> uuid.UUID:
    """The UUID that a text writes, with or without dashes."""
    written = text(value).strip()
    if not re.fullmatch(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", written):
        raise BadValue(f"{written!r} is not a UUID")
    return uuid.UUID(written)
