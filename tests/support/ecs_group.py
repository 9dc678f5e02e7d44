"""A group for the ecs engine above `FakeEcs`, and when it runs."""

import asyncio

from linkpool.engines.protocol import Engine, Group, Phase, Release, Task
from tests.support.fake_ecs import FakeEcs

ONE = Group(
    "test",
    "n1-blue",
    Release("r1", ("replica",), "linkpool@sha256:aa"),
    {"LINKPOOL_RPC_URLS": "wss://x"},
    "secret-1",
)


async def settled(sky: FakeEcs, engine: Engine, count: int, group: Group = ONE) -> list[Task]:
    """All tasks of the group, once so many run and none else is there; nothing lags any more."""
    sky.faults, sky.lag = [], 0.0
    async with asyncio.timeout(60):
        while True:
            mine = [task for task in await engine.tasks() if task.group == group.name]
            if len(mine) == count and all(task.phase is Phase.RUNNING for task in mine):
                return mine
            await asyncio.sleep(0.5)
