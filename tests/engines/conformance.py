"""What every engine must do, whatever it runs on: one suite, written against the protocol alone."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field, replace

from linkpool.engines.protocol import Engine, EngineRefused, Group, Phase, Release, Task, TaskEvent


async def kill_process(task: Task) -> None:
    """SIGKILL a task that is a process of this machine."""
    assert task.pid is not None
    os.kill(task.pid, signal.SIGKILL)


@dataclass
class Bench:
    """One kind of engine under test: `open` gives a new engine object on the same ground each time."""

    open: Callable[[], AbstractAsyncContextManager[Engine]]
    patient: Release
    """Runs until SIGTERM, then exits at once."""
    stubborn: Release
    """Ignores SIGTERM."""
    kill: Callable[[Task], Awaitable[None]] = kill_process
    """What happens to a task when its machine has had enough of it."""
    environment: dict[str, str] = field(default_factory=lambda: {"LINKPOOL_RPC_URLS": "ws://x"})

    def group(self, name: str = "n0-blue", count: int = 2, release: Release | None = None) -> Group:
        return Group("test", name, release or self.patient, self.environment, "secret-t", count)


async def until(probe: Callable[[], Awaitable[bool]], within: float = 20.0) -> None:
    """Wait for a condition; fails when it does not come true in time."""
    async with asyncio.timeout(within):
        while not await probe():
            await asyncio.sleep(0.01)


async def running(engine: Engine, group: str = "n0-blue") -> list[Task]:
    return [t for t in await engine.tasks() if t.group == group and t.phase is Phase.RUNNING]


async def settled(engine: Engine, count: int, without: str = "") -> list[Task]:
    """The running tasks, once there are `count` and `without` is not among all tasks any more."""

    async def good() -> bool:
        every = {task.id for task in await engine.tasks()}
        return len(await running(engine)) == count and without not in every

    await until(good)
    return await running(engine)


class Conformance:
    """Subclass with a `bench` fixture; each test gets ground of its own."""

    async def test_ensure_starts_the_count_and_is_idempotent(self, bench: Bench) -> None:
        async with bench.open() as engine:
            await engine.ensure(bench.group())
            first = {task.id for task in await settled(engine, 2)}
            await engine.ensure(bench.group())
            assert {task.id for task in await settled(engine, 2)} == first

    async def test_ensure_converges_to_a_changed_count(self, bench: Bench) -> None:
        async with bench.open() as engine:
            await engine.ensure(bench.group(count=3))
            await settled(engine, 3)
            await engine.ensure(bench.group(count=1))
            await until(lambda: self._exactly(engine, 1))
            await engine.ensure(bench.group(count=2))
            await settled(engine, 2)

    @staticmethod
    async def _exactly(engine: Engine, count: int) -> bool:
        return len(await engine.tasks()) == count

    async def test_a_killed_task_is_told_and_started_again(self, bench: Bench) -> None:
        async with bench.open() as engine:
            heard: list[TaskEvent] = []
            listener = asyncio.create_task(self._listen(engine, heard))
            await engine.ensure(bench.group())
            victim, survivor = await settled(engine, 2)
            await bench.kill(victim)
            after = await settled(engine, 2, without=victim.id)
            assert survivor.id in {task.id for task in after}

            async def told() -> bool:
                return (victim.id, Phase.GONE) in {(event.task, event.phase) for event in heard}

            await until(told)  # an engine that looks now and then may tell after it has mended
            listener.cancel()

    @staticmethod
    async def _listen(engine: Engine, heard: list[TaskEvent]) -> None:
        async for event in engine.events():
            heard.append(event)

    async def test_replace_puts_another_in_its_place(self, bench: Bench) -> None:
        async with bench.open() as engine:
            await engine.ensure(bench.group())
            victim, survivor = await settled(engine, 2)
            await engine.replace(victim.id, "test")
            after = {task.id for task in await settled(engine, 2, without=victim.id)}
            assert survivor.id in after

    async def test_remove_ends_even_a_stubborn_task(self, bench: Bench) -> None:
        async with bench.open() as engine:
            await engine.ensure(bench.group(release=bench.stubborn, count=1))
            await settled(engine, 1)
            await engine.remove("n0-blue", 0.2)
            assert await engine.tasks() == []
            await engine.remove("n0-blue", 0.2)

    async def test_a_new_engine_finds_the_tasks_and_starts_none_more(self, bench: Bench) -> None:
        async with bench.open() as engine:
            await engine.ensure(bench.group())
            before = {task.id for task in await settled(engine, 2)}
        async with bench.open() as engine:
            assert {task.id for task in await settled(engine, 2)} == before
            await engine.ensure(bench.group())
            assert {task.id for task in await settled(engine, 2)} == before
            victim = (await running(engine))[0]
            await bench.kill(victim)
            await settled(engine, 2, without=victim.id)

    async def test_a_group_unknown_to_the_caller_is_reported_and_kept(self, bench: Bench) -> None:
        async with bench.open() as engine:
            await engine.ensure(bench.group("stranger", count=1))
        async with bench.open() as engine:
            await engine.ensure(bench.group(count=1))
            await settled(engine, 1)
            assert {task.group for task in await engine.tasks()} == {"stranger", "n0-blue"}

    async def test_a_changed_environment_reaches_the_next_task(self, bench: Bench) -> None:
        async with bench.open() as engine:
            await engine.ensure(bench.group(count=1))
            (old,) = await settled(engine, 1)
            await engine.ensure(replace(bench.group(count=1), environment={"LINKPOOL_RPC_URLS": "ws://y"}))
            assert await running(engine)  # an engine may send it round at once, but newcomers first
            with suppress(EngineRefused):
                await engine.replace(old.id, "test")
            await settled(engine, 1, without=old.id)
