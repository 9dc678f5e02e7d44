"""Tasks that are never forgotten: each has a name, and its failure is seen.

`asyncio.TaskGroup` ends everything when one task fails. A server needs the other half too: a loop that
fails is logged, counted and started again, until its owner stops it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import structlog

log = structlog.get_logger(__name__)


class Loop(NamedTuple):
    """What `forever` runs: a name, a step, and the seconds between two of them."""

    name: str
    step: Callable[[], Awaitable[None]]
    pause: float


async def forever(name: str, step: Callable[[], Awaitable[None]], pause: float) -> None:
    """Run `step` again and again, `pause` seconds apart; a failure is logged and the loop goes on.

    Ends only by cancellation. The pause doubles while `step` keeps failing, up to 32 times.
    """
    failures = 0
    while True:
        try:
            await step()
            failures = 0
        except asyncio.CancelledError:
            raise
        except Exception:  # a loop outlives any failure of one step, and reports it
            failures += 1
            log.exception("step failed, it runs again", loop=name, failures=failures)
        await asyncio.sleep(pause * 2 ** min(failures, 5))
