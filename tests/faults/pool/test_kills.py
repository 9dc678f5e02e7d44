"""SIGKILL while requests flow: a replica, both, the control plane, and all of them at once."""

import os
import signal

import pytest

from linkpool.wire.api import ReplicaView
from tests.support.pool import RealPool, traffic
from tests.support.until import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

SOON_BLOCKS = 40
"""A takeover is due in a few blocks; the rest is room for a busy machine."""


def kill(replica: ReplicaView) -> None:
    assert replica.pid is not None
    os.kill(replica.pid, signal.SIGKILL)


async def slowest(pool: RealPool, since: int) -> int:
    """Blocks that the slowest answer took, of all requests but the first `since`."""
    tally = await pool.settled()
    return max(fate.delay or 0 for fate in list(tally.fates.values())[since:])


async def asked_of_nobody(pool: RealPool, dead: list[ReplicaView]) -> None:
    """Return when a request is open and none of the dead runs any more."""

    async def waiting() -> bool:
        return not {replica.pid for replica in dead} & pool.processes() and (await pool.tally()).open > 0

    await until(waiting, "requests come while nobody is there")


async def test_either_replica_dies_and_nothing_is_missed(pool: RealPool) -> None:
    before = len((await pool.tally()).fates)
    async with traffic(pool) as flow:
        for victim in await pool.replicas():
            await pool.some_open()
            kill(victim)
            now = await pool.replicas(victim)
            assert victim.slot in {replica.slot for replica in now}
        await pool.answered(6)
    assert await slowest(pool, before) <= SOON_BLOCKS
    assert (await pool.tally()).answered == before + len(flow.asked)


async def test_both_replicas_die_and_their_copies_answer_what_is_open(pool: RealPool) -> None:
    victims = await pool.replicas()
    async with traffic(pool):
        await pool.some_open()
        for victim in victims:
            kill(victim)
        await asked_of_nobody(pool, victims)
        await pool.replicas(*victims)
    await pool.settled()


async def test_replicas_go_on_without_a_control_plane_and_the_next_one_finds_them(pool: RealPool) -> None:
    before = {(r.task, r.pid, r.slot, r.sender) for r in await pool.replicas()}
    running, asked = pool.processes(), len((await pool.tally()).fates)
    async with traffic(pool):
        await pool.plane.kill()
        await pool.answered(10)
        assert pool.processes() == running, "nobody is there to start or stop a replica"
        pool.control = await pool.plane.start()
        after = {(r.task, r.pid, r.slot, r.sender) for r in await pool.replicas()}
        await pool.answered(6)
    assert after == before
    assert pool.processes() == running, "found, and none started beside them"
    assert await slowest(pool, asked) <= SOON_BLOCKS


async def test_a_replica_that_dies_without_a_control_plane_is_replaced_by_the_next_one(
    pool: RealPool,
) -> None:
    victim, survivor = await pool.replicas()
    async with traffic(pool):
        await pool.plane.kill()
        await pool.some_open()
        kill(victim)
        await pool.answered(6)
        assert pool.processes() == {survivor.pid}
        pool.control = await pool.plane.start()
        after = await pool.replicas(victim)
    assert survivor.pid in {replica.pid for replica in after}
    assert {replica.slot for replica in after} == {victim.slot, survivor.slot}
    await pool.settled()


async def test_control_plane_and_both_replicas_die_together(pool: RealPool) -> None:
    victims = await pool.replicas()
    async with traffic(pool):
        await pool.plane.kill()
        for victim in victims:
            kill(victim)
        await asked_of_nobody(pool, victims)
        pool.control = await pool.plane.start()
        after = await pool.replicas(*victims)
    assert {replica.slot for replica in after} == {replica.slot for replica in victims}
    await pool.settled()
