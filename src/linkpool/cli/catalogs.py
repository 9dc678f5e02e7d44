"""What the catalog's commands ask, wait for and print."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
from pydantic import ValidationError
from rich.table import Table

from linkpool.api.client_catalog import apply, until_in_use
from linkpool.cli.amounts import juels, wei
from linkpool.cli.catalog_folder import checked, read
from linkpool.cli.output import facts, print_json, show, table
from linkpool.cli.session import Session
from linkpool.errors import Permanent
from linkpool.jobs.spec import parse_job
from linkpool.units import show as tokens
from linkpool.wire.catalog import (
    AdapterView,
    BridgeView,
    CatalogChange,
    CatalogView,
    JobView,
    PutBridge,
    PutJob,
    Terms,
)

_SIGNS = {"added": "+", "changed": "~", "removed": "-"}


class NotAsked(Permanent):
    """The command lacks something, or names what is not there."""


# --- folders --------------------------------------------------------------------------------------


def apply_folder(
    session: Session, folder: Path, *, dry_run: bool, sure: bool, seconds: float, as_json: bool
) -> int:
    """Show what would change, ask, do it, wait; 1 when the answer is no. Raises BadFolder."""
    wanted = read(folder)
    plan = session.run(lambda client: apply(client, wanted.model_copy(update={"dry_run": True})))
    if not as_json:
        print_change(plan)
    if dry_run or not plan.changes:
        if as_json:
            print_json(plan)
        return 0
    if not sure and as_json:
        raise NotAsked("with --json nobody is asked: add --yes, or --dry-run")
    if not sure and not typer.confirm("Do it?"):
        return 1
    meant = wanted.model_copy(update={"if_revision": plan.revision})
    changed(session, session.run(lambda client: apply(client, meant)), seconds, as_json=as_json, said=True)
    return 0


def changed(
    session: Session, change: CatalogChange, seconds: float | None, *, as_json: bool, said: bool = False
) -> None:
    """Wait until a change is in force, unless `seconds` is None, and print it. Raises ControlTrouble."""
    if not as_json and not said:
        print_change(change)
    if seconds is not None and change.applied:
        session.run(lambda client: until_in_use(client, change.revision, seconds))
    if as_json:
        print_json(change)
    elif change.applied:
        print(f"revision {change.revision} is {'in use' if seconds is not None else 'on its way'}")


def print_change(change: CatalogChange) -> None:
    """The differences a line each, then what follows on chain."""
    for each in change.changes:
        print(f"{_SIGNS[each.what]} {each.kind} {each.name}: {each.detail}")
    for line in change.on_chain:
        print(f"  on chain: {line}")
    if not change.changes:
        print(f"nothing changes: revision {change.revision} is just that")


# --- jobs -----------------------------------------------------------------------------------------


def wanted_jobs(files: Sequence[Path], price: Terms | None, seen: CatalogView) -> Mapping[str, PutJob]:
    """Jobs of files by their ids, at that price or the one they have. Raises BadFolder: file and line."""
    texts = {
        str(parse_job(text).external_job_id): text
        for text in (checked(file, file.read_text()) for file in files)
    }
    prices = {job.id: job.offer for job in seen.jobs}
    return {job: PutJob(text=text, offer=price or prices.get(job)) for job, text in texts.items()}


def terms(payment: str | None, penalty: str | None, ceiling: str | None) -> Terms | None:
    """The offer that options name; None without any. Raises BadValue, NotAsked."""
    if payment is None and penalty is None and ceiling is None:
        return None
    if payment is None or ceiling is None:
        raise NotAsked("an offer needs --payment and --base-fee-ceiling; --penalty is 0 LINK without it")
    return Terms(
        payment=str(juels(payment)),
        penalty=str(juels(penalty or "0 LINK")),
        base_fee_ceiling=str(wei(ceiling)),
    )


def one_job(seen: CatalogView, wanted: str) -> JobView:
    """The job of that id or name. Raises NotAsked."""
    found = [job for job in seen.jobs if wanted in (job.id, job.name)]
    if len(found) != 1:
        known = ", ".join(f"{job.id} ({job.name})" for job in found or seen.jobs) or "none"
        raise NotAsked(f"{'several jobs are' if found else 'no job is'} {wanted}; there are: {known}")
    return found[0]


def jobs_table(jobs: Sequence[JobView]) -> Table:
    """Jobs a line each."""
    made = table("job", "type", "id", "offer", "state", "")
    for job in jobs:
        made.add_row(job.name, job.type, job.id, _price(job.offer), job.state, job.detail)
    return made


def _price(offer: Terms | None) -> str:
    if offer is None:
        return "–"
    penalty = f", penalty {tokens(int(offer.penalty))}" if int(offer.penalty) else ""
    return f"{tokens(int(offer.payment))} LINK{penalty}"


def show_job(job: JobView, *, as_json: bool) -> None:
    """One job with its text."""
    if as_json:
        print_json(job)
        return
    show(
        facts(
            {
                "name": job.name,
                "id": job.id,
                "type": job.type,
                "offer": _price(job.offer),
                "state": job.state,
                "detail": job.detail or None,
                "leaves at": job.leaves_at,
            }
        )
    )
    print(f"\n{job.text}")


# --- bridges --------------------------------------------------------------------------------------


def pairs(given: Sequence[str]) -> dict[str, str]:
    """NAME=VALUE options. Raises NotAsked."""
    found = dict(each.partition("=")[::2] for each in given)
    for each in given:
        if "=" not in each:
            raise NotAsked(f"{each!r} is not NAME=VALUE")
    return found


def secrets_of(files: Mapping[str, str]) -> dict[str, str]:
    """The contents of files, by variable. Raises NotAsked."""
    return {name: _content(Path(path)) for name, path in files.items()}


def wanted_bridge(
    *,
    urls: Sequence[str],
    program: Mapping[str, Any] | None,
    token: Path | None,
    incoming_token: Path | None,
    timeout: float,
    concurrency: int,
) -> PutBridge:
    """The bridge that options name. Raises NotAsked."""
    values = {
        "urls": list(urls),
        "program": program,
        "token": _content(token) if token else None,
        "incoming_token": _content(incoming_token) if incoming_token else None,
        "timeout": timeout,
        "concurrency": concurrency,
    }
    try:
        return PutBridge.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise NotAsked(f"{where}: {first['msg']}" if where else first["msg"]) from None


def _content(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError as error:
        raise NotAsked(f"cannot read {path}: {error.strerror}") from None


def one_bridge(seen: CatalogView, name: str) -> BridgeView:
    """The bridge of that name. Raises NotAsked."""
    for bridge in seen.bridges:
        if bridge.name == name:
            return bridge
    known = ", ".join(bridge.name for bridge in seen.bridges) or "none"
    raise NotAsked(f"there is no bridge {name}; there are: {known}")


def bridges_table(bridges: Sequence[BridgeView]) -> Table:
    """Bridges a line each."""
    made = table("bridge", "at", "runs", "state", "")
    for bridge in bridges:
        program = bridge.program
        state = "leaving" if bridge.leaving else program.state if program else "–"
        made.add_row(
            bridge.name,
            "\n".join(bridge.urls) or "–",
            _runs(program) if program else "–",
            state,
            program.detail if program else "",
        )
    return made


def _runs(program: AdapterView) -> str:
    return " ".join([*([program.image] if program.image else []), *program.command])


def show_one(bridge: BridgeView, *, as_json: bool) -> None:
    """One bridge, and the tasks of its program."""
    if as_json:
        print_json(bridge)
        return
    show(bridges_table([bridge]))
    if bridge.program:
        tasks = table("task", "colour", "at", "healthy", "")
        for task in bridge.program.tasks:
            tasks.add_row(
                task.task, task.colour, task.address or "–", "yes" if task.healthy else "no", task.detail
            )
        show(tasks)


def show_catalog(seen: CatalogView, *, as_json: bool) -> None:
    """Everything."""
    if as_json:
        print_json(seen)
        return
    has = "nobody serves" if seen.acknowledged is None else f"all replicas have {seen.acknowledged}"
    print(f"revision {seen.revision}; {has}")
    show(jobs_table(seen.jobs), bridges_table(seen.bridges))
