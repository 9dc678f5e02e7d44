"""Upgrading a node under 50 requests a second: what is missed, and how long each step takes.

Target (design, section 9): nothing missed, at most 20 s on one machine. The new release is the same program
under another name, so that only the moving is measured. The baseline of the delays is the same run before it.
"""

import asyncio
from collections.abc import Mapping

from bench._pool import Load, percentile, pool, report
from linkpool.api.client import Client
from linkpool.api.client_rollouts import OVER, put_release, releases, rollout, start_rollout
from linkpool.wire.rollout import PutRelease, RolloutView, StartRollout

RATE = 50
BEFORE_SECONDS, AFTER_SECONDS = 10.0, 10.0
UPGRADE_SECONDS = 180.0


async def measure() -> Mapping[str, object]:
    """Delays around the upgrade, and the seconds of its steps."""
    async with pool() as load:
        first = await load.tally.update() + 1
        await load.steady(RATE, BEFORE_SECONDS)
        before = await load.tally.update()
        pouring = asyncio.create_task(load.steady(RATE, UPGRADE_SECONDS))
        moved = await upgraded(load, "next", StartRollout(release="next", nodes=[load.pool.oracle]))
        after = await load.tally.update()
        await asyncio.sleep(AFTER_SECONDS)
        pouring.cancel()
        await asyncio.gather(pouring, return_exceptions=True)
        await load.settled()
        (move,) = moved.moves
        usual = percentile(load.delays(first, before), 0.5) or 0
        around = [delay - usual for delay in load.delays(before, after)]
        return {
            "rate_per_s": RATE,
            "requests": load.asked,
            "missed": load.missed,
            "paid_twice": load.tally.paid_twice,
            "state": moved.state,
            "detail": moved.detail,
            "upgrade_s": round(sum(spent for state, spent in move.seconds.items() if state != "waiting"), 3),
            "seconds_by_step": move.seconds,
            "usual_delay_blocks": usual,
            "extra_delay_p50_blocks": percentile(around, 0.5),
            "extra_delay_p99_blocks": percentile(around, 0.99),
            "extra_delay_max_blocks": max(around, default=None),
        }


async def upgraded(load: Load, name: str, wanted: StartRollout) -> RolloutView:
    """Roll out the program of the current release under another name; the rollout once it is over."""
    control = load.pool.control
    await same_again(control, name)
    now = (await start_rollout(control, wanted)).rollout
    async with asyncio.timeout(UPGRADE_SECONDS * max(1, len(now.moves))):
        while now.state not in (*OVER, "stopped"):
            await asyncio.sleep(0.1)
            now = await rollout(control, now.id)
    return now


async def same_again(control: Client, name: str) -> None:
    """A release that runs what new nodes run."""
    current = next(each for each in await releases(control) if each.current)
    wanted = PutRelease(command=current.command, image=current.image, settings=current.settings)
    await put_release(control, name, wanted)


def main(arguments: list[str]) -> None:
    """`python -m bench upgrade`."""
    report("upgrade", arguments, measure)
