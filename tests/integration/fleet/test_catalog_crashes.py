"""A job with an offer and an adapter: added, changed and removed, killed between any two steps.

Every transaction, every change in the engine and every transaction that is sent is a step. The world itself
watches at every turn that whatever may be asked for is served, and that replicas are told of a task that
answers, for every adapter that ever did.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from linkpool.fleet.catalog.apply import everything
from linkpool.fleet.catalog.document import Bridge, Job, Program
from linkpool.store import adapters, catalog
from linkpool.store.catalog_tables import AdapterState, JobState
from linkpool.wire.catalog import Terms
from tests.support.catalog_world import Plane, World
from tests.support.fuse import Crash, Fuse
from tests.support.job_text import JOB

ASKING = JOB.replace("'''\ndecode", "'''\nask [type=bridge name=lab]\ndecode")
IDS = Job(ASKING).spec.spec_ids
ONE = Bridge(name="lab", program=Program(command=("one",)), timeout=1.0)
TWO = Bridge(name="lab", program=Program(command=("two",)), timeout=1.0)


def terms(payment: int) -> Terms:
    return Terms(payment=str(payment), penalty="0", base_fee_ceiling="7")


ADDED = ([Job(ASKING, terms(100))], [ONE])
CHANGED = ([Job(ASKING, terms(900))], [TWO])
REMOVED: tuple[list[Job], list[Bridge]] = ([], [])
Wanted = tuple[list[Job], list[Bridge]]


async def so(plane: Plane, wanted: Wanted) -> bool:
    """Jobs are on sale, adapters serve, and nothing else is left."""
    async with plane.database.read() as session:
        row = await catalog.current(session)
        jobs, running = await catalog.progress(session), await adapters.every(session)
    return (
        [(job, each.state, each.revision) for job, each in jobs.items()]
        == [(job.id, JobState.OPEN, row.revision if row else 0) for job in wanted[0]]
        and [(name, each.state, each.wanted) for name, each in running.items()]
        == [
            (bridge.name, AdapterState.SERVING, bridge.program.release(bridge.name))
            for bridge in wanted[1]
            if bridge.program
        ]
        and plane.world.told is not None
        and len(plane.world.told.jobs) == len(wanted[0])
    )


async def bring_about(plane: Plane, wanted: Wanted) -> None:
    """Ask for it, as somebody who asks again when he got no answer, and lead until it is so."""
    await plane.lead()
    await plane.change(everything(*wanted))
    for _ in range(90):
        if await so(plane, wanted):
            return
        await plane.turn()
    raise AssertionError("it does not come to its end")


async def check(world: World, wanted: Wanted) -> None:
    """The chain, the engine and the replicas have just what is wanted."""
    offers = await world.offers(IDS)
    assert [offer.open for offer in offers] == [bool(wanted[0])] * 2
    if wanted[0] and wanted[0][0].offer:
        assert {offer.payment for offer in offers} == {int(wanted[0][0].offer.payment)}
    releases = sorted(task.release for task in world.engine.running.values())
    assert releases == sorted(2 * [each.program.release("lab") for each in wanted[1] if each.program])
    assert len(world.engine.groups) == len(wanted[1])
    assert len(world.places("lab")) == len(releases)


@pytest.mark.parametrize(
    "acts", [[ADDED], [ADDED, CHANGED], [ADDED, REMOVED]], ids=["added", "changed", "removed"]
)
async def test_killed_between_any_two_steps_it_ends_as_wanted(tmp_path: Path, acts: Sequence[Wanted]) -> None:
    (tmp_path / "0").mkdir()
    world = World(tmp_path / "0")
    for wanted in acts[:-1]:
        await _live(Plane(world), lambda plane, wanted=wanted: bring_about(plane, wanted))
    if not acts[:-1]:
        await _live(Plane(world), lambda plane: plane.lead())
    whole = Fuse()
    undisturbed = world.again(tmp_path / "whole")
    await _live(Plane(undisturbed, whole), lambda plane: bring_about(plane, acts[-1]))
    await check(undisturbed, acts[-1])
    assert whole.steps > 10
    for number in range(1, whole.steps + 1):
        broken = world.again(tmp_path / str(number))
        fuse = Fuse(before=number)
        with suppress(Crash):
            await _live(Plane(broken, fuse), lambda plane: bring_about(plane, acts[-1]))
        assert fuse.blown, f"step {number} of {whole.steps} was never reached"
        await _live(Plane(broken), lambda plane: bring_about(plane, acts[-1]))
        await check(broken, acts[-1])


async def _live(plane: Plane, life: Callable[[Plane], Awaitable[None]]) -> None:
    try:
        await life(plane)
    finally:
        await plane.close()
