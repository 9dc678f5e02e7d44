"""From one catalog to the next: what leaves, what is refused, what is different, and what follows on chain.

Pure, so that a dry run says exactly what will be done. A job that can be bought does not vanish: it is
marked as leaving, and with it the bridges it may ask, until `offers` has seen its last window end.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from linkpool.errors import Permanent
from linkpool.fleet.catalog.document import REQUESTED, Bridge, Document, Job
from linkpool.units import show
from linkpool.wire.catalog import Change, Terms

GWEI = 10**9


class CatalogRefused(Permanent):
    """The catalog cannot be as asked; the text names the job or bridge."""


class DoesNotFit(CatalogRefused):
    """Each part can be read, and they do not go together."""


def wanted(document: Document) -> Document:
    """What stays of a revision: without what is on its way out."""
    return replace(
        document,
        jobs={name: job for name, job in document.jobs.items() if not job.leaving},
        bridges={name: bridge for name, bridge in document.bridges.items() if not bridge.leaving},
    )


def follow(now: Document, jobs: Iterable[Job], bridges: Iterable[Bridge]) -> Document:
    """The revision after `now` in which exactly these are wanted. Raises CatalogRefused."""
    coming: dict[str, Job] = {}
    for number, job in enumerate(jobs):
        if job.id in coming:
            first = list(coming).index(job.id)
            raise DoesNotFit(f"jobs.{number}: has the externalJobID of jobs.{first}")
        coming[job.id] = replace(job, leaving=False)
    kept = {bridge.name: bridge for bridge in bridges}
    for job in coming.values():
        _check(job, kept)
    for name, job in now.jobs.items():
        if name not in coming and job.spec.type == REQUESTED:
            coming[name] = replace(job, offer=None, leaving=True)
    leaving = [job for job in coming.values() if job.leaving]
    for name, bridge in now.bridges.items():
        if name not in kept and any(name in job.bridge_names for job in leaving):
            kept[name] = bridge.model_copy(update={"leaving": True})
    return replace(now, jobs=coming, bridges=kept)


def without(now: Document, gone: Iterable[str]) -> Document:
    """The revision after these leaving jobs' last windows ended, and the bridges that only they needed."""
    jobs = {name: job for name, job in now.jobs.items() if name not in set(gone)}
    leaving = [job for job in jobs.values() if job.leaving]
    bridges = {
        name: bridge
        for name, bridge in now.bridges.items()
        if not bridge.leaving or any(name in job.bridge_names for job in leaving)
    }
    return replace(now, jobs=jobs, bridges=bridges)


def _check(job: Job, bridges: Mapping[str, Bridge]) -> None:
    missing = [name for name in job.bridge_names if name not in bridges]
    if missing:
        raise DoesNotFit(
            f"job {job.name} asks bridge {missing[0]}, which is not in the catalog; add the bridge first"
        )
    offer = job.offer
    if offer is None:
        return
    if job.spec.type != REQUESTED:
        raise DoesNotFit(f"job {job.name} is a {job.spec.type} job: nobody can buy it, so no offer fits")
    if int(offer.penalty) and job.source_is_asked_for:
        raise DoesNotFit(
            f"job {job.name} fetches a URL that requesters choose, so that they could earn its penalty "
            "by a source that fails; set its penalty to 0"
        )
    if int(offer.penalty) % GWEI or int(offer.penalty) // GWEI >= 2**64:
        raise DoesNotFit(f"job {job.name}: a penalty is a whole number of gwei-LINK (1e9 juels)")
    if int(offer.payment) >= 2**96 or int(offer.base_fee_ceiling) >= 2**64:
        raise DoesNotFit(f"job {job.name}: the payment or the base-fee ceiling is above all bounds")


# --- differences ----------------------------------------------------------------------------------


def differences(old: Document, new: Document) -> list[Change]:
    """What is different in what is wanted: bridges first, as jobs need them."""
    before, after = wanted(old), wanted(new)
    changes = [
        _change("bridge", name, name, _bridge(before.bridges.get(name)), _bridge(after.bridges.get(name)))
        for name in _all(before.bridges, after.bridges)
    ]
    for job, name, was, will in _jobs(before, after):
        changes.append(_change("job", job, name, was.text if was else None, will.text if will else None))
        changes.append(_change("offer", job, name, _price(was), _price(will)))
    return [change for change in changes if change is not None]


def on_chain(old: Document, new: Document) -> list[str]:
    """What the manager will do on chain, in order, in words."""
    before, after = wanted(old), wanted(new)
    said = []
    for _, name, was, will in _jobs(before, after):
        price = _price(will)
        if _price(was) == price:
            continue
        if will is None:
            said.append(f"close the offer of {name}; replicas keep the job until its last request has ended")
        elif price is None:
            said.append(f"close the offer of {name}")
        else:
            verb = "open" if _price(was) is None else "change"
            said.append(f"{verb} the offer of {name} once every serving replica has the job: {price}")
    return said


def _jobs(before: Document, after: Document) -> Iterator[tuple[str, str, Job | None, Job | None]]:
    """(id, name, as it was, as it will be) of every job of both."""
    for job in _all(before.jobs, after.jobs):
        was, will = before.jobs.get(job), after.jobs.get(job)
        yield job, (after.jobs.get(job) or before.jobs[job]).name, was, will


def _all(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    return list(dict.fromkeys([*before, *after]))


def _change(kind: str, key: str, name: str, was: str | None, will: str | None) -> Change | None:
    if was == will:
        return None
    if was is None or will is None:
        what, detail = ("added", will) if was is None else ("removed", was)
    else:
        what, detail = "changed", f"{was} -> {will}"
    if kind == "job":
        detail = {"added": "new", "removed": "leaves", "changed": "another text"}[what]
    return Change.model_validate({"kind": kind, "what": what, "id": key, "name": name, "detail": detail})


def _price(job: Job | None) -> str | None:
    return None if job is None or job.offer is None else price(job.offer)


def price(offer: Terms) -> str:
    """An offer for people."""
    payment, penalty = show(int(offer.payment), 18), show(int(offer.penalty), 18)
    return f"{payment} LINK, penalty {penalty} LINK up to {int(offer.base_fee_ceiling) / GWEI:g} gwei"


def _bridge(bridge: Bridge | None) -> str | None:
    """All of a bridge but its secrets, of which only a mark that changes with them."""
    if bridge is None:
        return None
    if bridge.program:
        where = f"runs {bridge.program.runs} ({bridge.program.release(bridge.name)})"
        where += f", sample {bridge.program.sample}" if bridge.program.sample else ""
    else:
        where = " ".join(bridge.urls)
    tokens = "".join(
        f", {name} token {_mark(value)}"
        for name, value in (("outgoing", bridge.token), ("incoming", bridge.incoming))
        if value
    )
    return f"{where}, {bridge.timeout:g} s, {bridge.concurrency} at once{tokens}"


def _mark(sealed: str) -> str:
    return sealed[:8]
