"""Upgrades of a real node while requests flow, with everything dying that can: nothing is missed."""

import os
import signal
import sys

import pytest

from linkpool.api.client import ControlTrouble
from linkpool.api.client_rollouts import OVER, put_release, releases, rollout, start_rollout
from linkpool.wire.api import ReplicaView
from linkpool.wire.rollout import PutRelease, RolloutView, StartRollout
from tests.support.pool import RealPool, traffic
from tests.support.until import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

CANNOT_ANSWER = """
from linkpool.jobs import net
from linkpool.jobs.services import Unreachable
from linkpool.replica.main import main

async def send(self, request):
    raise Unreachable("this release cannot reach anything")

net.HttpClient.send = send
main()
"""
"""A replica that starts, claims, syncs and serves, and whose runs all fail."""


async def begin(pool: RealPool, name: str, *command: str, within: float = 120.0) -> RolloutView:
    """Roll out a release to the node: the same program under another name, or that command."""
    (current,) = [each for each in await releases(pool.control) if each.current]
    wanted = PutRelease(command=list(command) or current.command, settings=current.settings)
    await put_release(pool.control, name, wanted)
    asked = StartRollout(release=name, nodes=[pool.oracle], within=within)
    return (await start_rollout(pool.control, asked)).rollout


async def seen(pool: RealPool, begun: RolloutView, states: tuple[str, ...]) -> RolloutView:
    """The rollout once its node is in one of these states, or all is over."""

    async def so() -> RolloutView | None:
        try:
            now = await rollout(pool.control, begun.id)
        except ControlTrouble:
            return None
        return now if now.state in OVER or now.moves[0].state in states else None

    return await until(so, f"the node is {' or '.join(states)}")


async def colours(pool: RealPool) -> tuple[str, str]:
    """What the node runs in now, and what it moves to next."""
    now = (await pool.node()).primary
    return (now, "green") if now == "blue" else (now, "blue")


async def of_colour(pool: RealPool, colour: str) -> list[ReplicaView]:
    return [replica for replica in (await pool.node()).replicas if replica.colour == colour and replica.pid]


async def ended(pool: RealPool, begun: RolloutView, colour: str) -> RolloutView:
    """How it ended: two replicas in that colour, and nothing else runs."""
    now = await seen(pool, begun, ())
    after = await pool.replicas()
    assert {replica.colour for replica in after} == {colour}
    assert (await pool.node()).primary == colour
    assert pool.processes() == {replica.pid for replica in after}
    return now


async def test_an_upgrade_in_which_a_new_and_an_old_replica_die_misses_nothing(pool: RealPool) -> None:
    before, after = await colours(pool)
    async with traffic(pool):
        await pool.answered(2)
        begun = await begin(pool, "second")
        await seen(pool, begun, ("proving",))
        new = await until(lambda: of_colour(pool, after), "a new replica runs")
        os.kill(new[0].pid or 0, signal.SIGKILL)
        now = await seen(pool, begun, ("primary", "draining"))
        assert now.state == "running", now
        os.kill((await of_colour(pool, before))[0].pid or 0, signal.SIGKILL)
        done = await ended(pool, begun, after)
        await pool.answered(3)
    assert (done.state, done.moves[0].state) == ("done", "done")
    await pool.settled()


async def test_the_leader_dies_twice_in_an_upgrade_and_it_goes_on(pool: RealPool) -> None:
    _, after = await colours(pool)
    async with traffic(pool):
        begun = await begin(pool, "third")
        for states in (("proving",), ("primary", "draining", "removing")):
            now = await seen(pool, begun, states)
            assert now.state == "running", now
            await pool.plane.kill()
            await pool.answered(2)
            pool.control = await pool.plane.start()
        done = await ended(pool, begun, after)
        await pool.answered(3)
    assert (done.state, done.moves[0].state) == ("done", "done")
    await pool.settled()


async def test_a_release_that_starts_and_cannot_answer_comes_back_by_itself(pool: RealPool) -> None:
    before, (colour, _) = await pool.replicas(), await colours(pool)
    async with traffic(pool):
        await pool.answered(2)
        begun = await begin(pool, "broken", sys.executable, "-c", CANNOT_ANSWER, within=25)
        failed = await ended(pool, begun, colour)
        await pool.answered(3)
    assert (failed.state, failed.moves[0].state) == ("failed", "returned")
    assert "the probe of" in failed.moves[0].detail
    assert {replica.task for replica in await pool.replicas()} == {replica.task for replica in before}
    await pool.settled()
