"""The catalog's calls: what is served, changing it as a whole or part by part, and waiting until it is so."""

import asyncio
from urllib.parse import quote

from linkpool.api.client import Client, ControlTrouble
from linkpool.errors import Permanent
from linkpool.wire.api import Asked
from linkpool.wire.catalog import CatalogChange, CatalogView, PutBridge, PutCatalog, PutJob, Terms

LOOK_SECONDS = 0.1


class NewProgramFailed(Permanent):
    """An adapter's new program never became well; the one before it serves."""


async def catalog(client: Client) -> CatalogView:
    """The revision in force. Raises ControlTrouble and Refused, as all of these."""
    return CatalogView.model_validate(await client.ask("GET", "/catalog"))


async def apply(client: Client, wanted: PutCatalog) -> CatalogChange:
    """Exactly these jobs, offers and bridges."""
    return await _change(client, "POST", "/catalog", wanted)


async def put_job(client: Client, job: str, wanted: PutJob) -> CatalogChange:
    """A job, by its external id."""
    return await _change(client, "PUT", f"/catalog/jobs/{job}", wanted)


async def drop_job(client: Client, job: str) -> CatalogChange:
    """Take a job out."""
    return await _change(client, "DELETE", f"/catalog/jobs/{job}")


async def put_offer(client: Client, job: str, terms: Terms) -> CatalogChange:
    """A job's offer."""
    return await _change(client, "PUT", f"/catalog/jobs/{job}/offer", terms)


async def drop_offer(client: Client, job: str) -> CatalogChange:
    """Nobody can buy the job any more."""
    return await _change(client, "DELETE", f"/catalog/jobs/{job}/offer")


async def put_bridge(client: Client, name: str, wanted: PutBridge) -> CatalogChange:
    """A bridge, by its name."""
    return await _change(client, "PUT", f"/catalog/bridges/{quote(name, safe='')}", wanted)


async def drop_bridge(client: Client, name: str) -> CatalogChange:
    """Take a bridge out."""
    return await _change(client, "DELETE", f"/catalog/bridges/{quote(name, safe='')}")


async def until_in_use(client: Client, revision: int, seconds: float) -> CatalogView:
    """Return when every serving replica has that revision, and every wanted offer is open on chain.

    Raises ControlTrouble saying what is missing when that takes too long, NewProgramFailed.
    """
    seen: CatalogView | None = None
    try:
        async with asyncio.timeout(seconds):
            while True:
                seen = await catalog(client)
                for bridge in seen.bridges:
                    if bridge.program and bridge.program.state == "kept_old":
                        raise NewProgramFailed(f"bridge {bridge.name}: {bridge.program.detail}")
                if not missing(seen, revision):
                    return seen
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError as error:
        said = "; ".join(missing(seen, revision)) if seen else "no answer"
        raise ControlTrouble(f"revision {revision} is not in use after {seconds:g} s: {said}") from error


def missing(seen: CatalogView, revision: int) -> list[str]:
    """What is not yet so, in words; nothing when no replica serves, as then nobody can say."""
    said = []
    if seen.acknowledged is not None and seen.acknowledged < revision:
        said.append(f"a serving replica has revision {seen.acknowledged}")
    said += [f"{job.name}: {job.detail}" for job in seen.jobs if job.offer and job.state != "open"]
    said += [
        f"{bridge.name}: {bridge.program.detail}"
        for bridge in seen.bridges
        if bridge.program and bridge.program.state in ("starting", "upgrading")
    ]
    return said


async def _change(client: Client, method: str, path: str, body: Asked | None = None) -> CatalogChange:
    values = None if body is None else body.model_dump(mode="json", context="wire")
    return CatalogChange.model_validate(await client.ask(method, path, values))
