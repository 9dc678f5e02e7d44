"""Offers on chain follow the catalog: open after all have the job, closed before anybody drops it."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from linkpool.fleet.catalog.apply import drop_job, put_job, put_offer
from linkpool.fleet.catalog.change import DoesNotFit
from linkpool.fleet.catalog.document import Job
from linkpool.fleet.catalog.offers import BEHIND_AFTER, KEPT_SECONDS
from linkpool.store import alarms, catalog
from linkpool.store.catalog_tables import JobRow, JobState
from linkpool.wire.catalog import Terms
from tests.support.catalog_world import BLOCK, POOL, Plane, World, leading
from tests.support.job_text import JOB

CHEAP = Terms(payment="100", penalty="0", base_fee_ceiling="7")
DEAR = Terms(payment="900", penalty=str(10**9), base_fee_ceiling="7")
PRICE = Job(JOB, CHEAP)
IDS = PRICE.spec.spec_ids


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def rows(plane: Plane) -> Mapping[str, JobRow]:
    async with plane.database.read() as session:
        return await catalog.progress(session)


async def raised(plane: Plane) -> set[tuple[str, str]]:
    async with plane.database.read() as session:
        return {(row.kind, row.subject) for row in await alarms.every(session)}


async def until(plane: Plane, so: Callable[[Mapping[str, JobRow]], bool], turns: int = 60) -> None:
    for _ in range(turns):
        if so(await rows(plane)):
            return
        await plane.turn()
    raise AssertionError({job: (row.state, row.detail) for job, row in (await rows(plane)).items()})


def stands(state: JobState) -> Callable[[Mapping[str, JobRow]], bool]:
    return lambda rows: PRICE.id in rows and rows[PRICE.id].state == state


async def test_an_offer_opens_under_both_ids_changes_its_price_and_closes_before_the_job_goes(
    world: World,
) -> None:
    async with leading(world) as plane:
        await plane.change(put_job(PRICE))
        await until(plane, stands(JobState.OPEN))
        assert [(offer.open, offer.payment) for offer in await world.offers(IDS)] == [(True, 100)] * 2
        await plane.change(put_offer(PRICE.id, DEAR))
        await until(plane, lambda rows: rows[PRICE.id].revision == 2 and stands(JobState.OPEN)(rows))
        assert [(o.payment, o.penalty, o.base_fee_ceiling) for o in await world.offers(IDS)] == [
            (900, 10**9, 7)
        ] * 2
        await plane.change(drop_job(PRICE.id))
        await until(plane, stands(JobState.LEAVING))
        assert await world.is_open(IDS) == [False, False]
        closed_at = (await rows(plane))[PRICE.id].closed_at
        assert closed_at is not None
        await until(plane, lambda rows: not rows)
        assert world.chain.head.timestamp >= closed_at + KEPT_SECONDS
        await plane.turn()
        assert world.told is not None
        assert world.told.jobs == ()


async def test_while_all_is_as_wanted_the_chain_is_hardly_asked(world: World) -> None:
    async with leading(world) as plane:
        await plane.change(put_job(PRICE))
        await until(plane, stands(JobState.OPEN))
        await plane.turn(20)
        before = world.rpc.calls.total()
        await plane.turn(50)
        assert world.rpc.calls.total() - before <= 2


async def test_nothing_opens_or_changes_while_a_replica_lacks_the_revision_and_a_person_hears_of_it(
    world: World,
) -> None:
    async with leading(world) as plane:
        await plane.turn(2)
        world.stubborn = True
        await plane.change(put_job(PRICE))
        await plane.turn(int(BEHIND_AFTER) + 3)
        assert await world.is_open(IDS) == [False, False]
        assert (await rows(plane))[PRICE.id].state == JobState.ADDING
        assert ("catalog_behind", "pool") in await raised(plane)
        world.yield_()
        await until(plane, stands(JobState.OPEN))
        assert ("catalog_behind", "pool") not in await raised(plane)


async def test_without_a_serving_replica_nothing_opens_and_what_is_open_can_close(world: World) -> None:
    world.replicas = 0
    async with leading(world) as plane:
        await plane.change(put_job(PRICE))
        await plane.turn(5)
        assert (await rows(plane))[PRICE.id].detail == "no replica serves"
        world.replicas = 2
        await until(plane, stands(JobState.OPEN))
        world.replicas = 0
        await plane.change(put_offer(PRICE.id, None))
        await until(plane, lambda rows: rows[PRICE.id].revision == 2 and not stands(JobState.CLOSING)(rows))
        assert await world.is_open(IDS) == [False, False]


async def test_a_job_put_back_while_it_leaves_stays(world: World) -> None:
    async with leading(world) as plane:
        await plane.change(put_job(PRICE))
        await until(plane, stands(JobState.OPEN))
        await plane.change(drop_job(PRICE.id))
        await until(plane, stands(JobState.LEAVING))
        await plane.change(put_job(PRICE))
        await until(plane, stands(JobState.OPEN))
        await plane.turn(40)
        assert await world.is_open(IDS) == [True, True]


async def test_a_job_without_an_offer_is_served_and_leaves_when_it_was_closed_for_long(world: World) -> None:
    async with leading(world) as plane:
        await plane.change(put_job(Job(JOB)))
        await until(plane, stands(JobState.SERVED))
        await plane.turn(KEPT_SECONDS // BLOCK + 1)
        await plane.change(drop_job(PRICE.id))
        await until(plane, lambda rows: not rows, turns=5)


async def test_a_hold_closes_every_offer_and_they_open_again_when_it_is_over(world: World) -> None:
    why: list[str] = []
    async with leading(world) as plane:
        plane.offers._hold = lambda: why[0] if why else None
        await plane.change(put_job(PRICE))
        await until(plane, stands(JobState.OPEN))
        why.append("the treasury runs dry")
        await until(plane, lambda rows: rows[PRICE.id].state == JobState.SERVED)
        assert (await rows(plane))[PRICE.id].detail == "the treasury runs dry"
        assert await world.is_open(IDS) == [False, False]
        why.clear()
        await until(plane, stands(JobState.OPEN))


async def test_a_pool_that_refuses_costs_no_gas_and_raises_an_alarm(world: World) -> None:
    good = world.chain.contracts.pop(POOL)
    async with leading(world) as plane:
        world.chain.contracts[POOL] = lambda call: good(
            type(call)(call.chain, call.state, call.block, "0x", call.to, call.value, call.data, call.logs)
        )
        await plane.change(put_job(PRICE))
        await plane.turn(5)
        assert (await rows(plane))[PRICE.id].detail == "the pool refuses: reverted: Only the manager"
        assert ("offer_refused", PRICE.id) in await raised(plane)
        assert world.chain.state.nonces == {}
        world.chain.contracts[POOL] = good
        await until(plane, stands(JobState.OPEN))
        assert await raised(plane) == set()


async def test_an_opening_that_a_reorg_took_back_is_sent_again(world: World) -> None:
    async with leading(world) as plane:
        await plane.change(put_job(PRICE))
        await until(plane, stands(JobState.OPEN))
        await plane.turn(2)
        world.chain.reorg(4, keep=lambda _transaction: False)
        assert await world.is_open(IDS) == [False, False]
        await plane.turn(5)
        assert await world.is_open(IDS) == [True, True]


def test_what_does_not_go_together_is_refused() -> None:
    from linkpool.fleet.catalog.change import follow
    from linkpool.fleet.catalog.document import Document

    asked_for = JOB.replace(
        "'''\ndecode", "'''\nfetch [type=http url=\"$(decode.data)\"]\ndecode -> fetch\ndecode"
    )
    with pytest.raises(DoesNotFit, match="set its penalty to 0"):
        follow(Document(), [Job(asked_for, DEAR)], [])
    follow(Document(), [Job(asked_for, CHEAP)], [])
    bridged = JOB.replace("'''\ndecode", "'''\nask [type=bridge name=lab]\ndecode")
    with pytest.raises(DoesNotFit, match="add the bridge first"):
        follow(Document(), [Job(bridged)], [])
