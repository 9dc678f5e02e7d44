"""What every engine must do, whatever it runs on: one suite, written against the protocol alone."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import pytest

from linkpool.engines.protocol import (
    Engine,
    EngineRefused,
    EngineUnreachable,
    Group,
    Phase,
    Release,
    Task,
    TaskEvent,
)


def shell(script: str) -> tuple[str, ...]:
    """A command that every engine under test can run."""
    return ("/bin/sh", "-c", script)


STUBBORN = shell("trap '' TERM; while :; do sleep 0.1; done")
"""Ignores SIGTERM."""
TIDY = shell("trap 'sleep 0.5; echo tidied; exit 0' TERM; echo ready; while :; do sleep 0.1; done")
"""Has something to finish when it is told to end."""
TELLER = shell('echo "told: $LINKPOOL_RPC_URLS"; exec sleep 1000')
"""Says what it finds in its environment."""
READER = shell('echo "token: ${LINKPOOL_TOKEN:-$(cat "$LINKPOOL_TOKEN_FILE")}"; exec sleep 1000')
"""Says the secret that it was given."""
TOKEN = "secret-t"


class Hands(Protocol):
    """What happens to a task past its engine, and what it said."""

    async def kill(self, task: Task) -> None:
        """Its machine has had enough of it."""

    async def freeze(self, task: Task) -> None:
        """It goes on existing and does nothing."""

    async def log(self, task: Task) -> Path:
        """A file with all that it prints from its start to its end."""
        ...

    async def listings(self) -> str:
        """All that the engine shows to whoever may look."""
        ...


class Way(Protocol):
    """What lies between the engine's client and what runs its tasks."""

    def cut(self) -> AbstractContextManager[None]:
        """Nothing gets through."""
        ...

    def slow(self) -> AbstractContextManager[None]:
        """Everything takes its time."""
        ...

    def lost(self, call: bytes) -> AbstractContextManager[None]:
        """The first such call is done, and its answer lost; it is no test when nobody made the call."""
        ...


@dataclass
class Bench:
    """One kind of engine under test. open: a new engine object, of the pool named, on the same ground."""

    open: Callable[[str], AbstractAsyncContextManager[Engine]]
    hands: Hands
    way: Way
    halves: Sequence[bytes]
    """Calls that make something, each of which can be done without the caller hearing of it."""
    image: str | None = None
    patient: tuple[str, ...] = shell("trap 'exit 0' TERM; sleep 1000 & wait")
    """Runs until SIGTERM, then exits at once."""
    environment: dict[str, str] = field(default_factory=lambda: {"LINKPOOL_RPC_URLS": "ws://x"})
    renews: bool = True
    """Whether a changed environment reaches the next task of a group that runs, or only the next group."""

    def mine(self) -> AbstractAsyncContextManager[Engine]:
        """The engine of the pool that most tests look at."""
        return self.open("test")

    def group(
        self, name: str = "n0-blue", count: int = 2, command: tuple[str, ...] = (), pool: str = "test"
    ) -> Group:
        """One to run; of a patient command unless another is given."""
        release = Release("r1", command or self.patient, self.image)
        return Group(pool, name, release, self.environment, TOKEN, count)

    async def clear(self) -> None:
        """Remove what the pools left."""
        for pool in ("test", "other"):
            async with self.open(pool) as engine:
                for name in {task.group for task in await engine.tasks()}:
                    await engine.remove(name, 0.0)


async def until(probe: Callable[[], Awaitable[bool]], within: float = 120.0) -> None:
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


async def steady(engine: Engine, group: Group) -> bool:
    """The group's tasks are just as many as were asked for, and all run."""
    phases = [task.phase for task in await engine.tasks() if task.group == group.name]
    return phases == [Phase.RUNNING] * group.count


async def says(log: Path, text: str) -> bool:
    """Whether a task has printed it."""
    return log.exists() and text in log.read_text()


class Conformance:
    """Subclass with a `bench` fixture; each test gets ground of its own."""

    async def test_ensure_starts_the_count_and_is_idempotent(self, bench: Bench) -> None:
        async with bench.mine() as engine:
            await engine.ensure(bench.group())
            first = {task.id for task in await settled(engine, 2)}
            await engine.ensure(bench.group())
            assert {task.id for task in await settled(engine, 2)} == first

    async def test_ensure_converges_to_a_changed_count(self, bench: Bench) -> None:
        async with bench.mine() as engine:
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
        async with bench.mine() as engine:
            heard: list[TaskEvent] = []
            listener = asyncio.create_task(self._listen(engine, heard))
            await asyncio.sleep(0)  # it listens now
            await engine.ensure(bench.group())
            victim, survivor = await settled(engine, 2)

            async def told(phase: Phase) -> bool:
                return (victim.id, phase) in {(event.task, event.phase) for event in heard}

            await until(lambda: told(Phase.RUNNING))  # an engine that looks now and then tells what it saw
            await bench.hands.kill(victim)
            after = await settled(engine, 2, without=victim.id)
            assert survivor.id in {task.id for task in after}
            await until(lambda: told(Phase.GONE))  # perhaps after it has mended
            listener.cancel()

    @staticmethod
    async def _listen(engine: Engine, heard: list[TaskEvent]) -> None:
        async for event in engine.events():
            heard.append(event)

    async def test_replace_puts_another_in_its_place(self, bench: Bench) -> None:
        async with bench.mine() as engine:
            await engine.ensure(bench.group())
            victim, survivor = await settled(engine, 2)
            await engine.replace(victim.id, "test")
            after = {task.id for task in await settled(engine, 2, without=victim.id)}
            assert survivor.id in after

    async def test_remove_ends_even_a_stubborn_task(self, bench: Bench) -> None:
        async with bench.mine() as engine:
            await engine.ensure(bench.group(count=1, command=STUBBORN))
            await settled(engine, 1)
            await engine.remove("n0-blue", 0.2)
            assert await engine.tasks() == []
            await engine.remove("n0-blue", 0.2)

    async def test_a_new_engine_finds_the_tasks_and_starts_none_more(self, bench: Bench) -> None:
        async with bench.mine() as engine:
            await engine.ensure(bench.group())
            before = {task.id for task in await settled(engine, 2)}
        async with bench.mine() as engine:
            assert {task.id for task in await settled(engine, 2)} == before
            await engine.ensure(bench.group())
            assert {task.id for task in await settled(engine, 2)} == before
            victim = (await running(engine))[0]
            await bench.hands.kill(victim)
            await settled(engine, 2, without=victim.id)

    async def test_a_group_unknown_to_the_caller_is_reported_and_kept(self, bench: Bench) -> None:
        async with bench.mine() as engine:
            await engine.ensure(bench.group("stranger", count=1))
        async with bench.mine() as engine:
            await engine.ensure(bench.group(count=1))
            await settled(engine, 1)
            assert {task.group for task in await engine.tasks()} == {"stranger", "n0-blue"}
            await engine.remove("n0-blue", 5.0)
            assert {task.group for task in await engine.tasks()} == {"stranger"}

    async def test_a_changed_environment_ends_no_group_and_reaches_its_next_task_or_the_next_group(
        self, bench: Bench
    ) -> None:
        changed = replace(
            bench.group(count=1, command=TELLER), environment={"LINKPOOL_RPC_URLS": "ws://changed"}
        )
        async with bench.mine() as engine:
            await engine.ensure(bench.group(count=1, command=TELLER))
            (old,) = await settled(engine, 1)
            await engine.ensure(changed)
            assert await running(engine)  # an engine may send it round at once, but newcomers first
            with suppress(EngineRefused):
                await engine.replace(old.id, "test")
            (after,) = await settled(engine, 1, without=old.id)
            await self._told(bench, after, "ws://changed" if bench.renews else "ws://x")
            following = replace(changed, name="n0-green")
            await engine.ensure(following)
            await until(lambda: steady(engine, following))
            await self._told(bench, (await running(engine, "n0-green"))[0], "ws://changed")

    @staticmethod
    async def _told(bench: Bench, task: Task, value: str) -> None:
        log = await bench.hands.log(task)
        await until(lambda: says(log, "told: "))
        assert await says(log, f"told: {value}\n")

    async def test_a_task_that_hangs_is_shown_as_it_is_and_can_be_replaced(self, bench: Bench) -> None:
        async with bench.mine() as engine:
            await engine.ensure(bench.group())
            victim, survivor = await settled(engine, 2)
            await bench.hands.freeze(victim)
            assert victim.id in {task.id for task in await running(engine)}
            await engine.replace(victim.id, "silent")
            assert survivor.id in {task.id for task in await settled(engine, 2, without=victim.id)}

    async def test_remove_lets_a_task_finish_within_its_grace(self, bench: Bench) -> None:
        async with bench.mine() as engine:
            await engine.ensure(bench.group(count=1, command=TIDY))
            (task,) = await settled(engine, 1)
            log = await bench.hands.log(task)
            await until(lambda: says(log, "ready"))
            await engine.remove("n0-blue", 15.0)
            assert await engine.tasks() == []
            await until(lambda: says(log, "tidied"))

    async def test_the_token_reaches_the_task_and_stands_in_no_listing(self, bench: Bench) -> None:
        async with bench.mine() as engine:
            await engine.ensure(bench.group(count=1, command=READER))
            (task,) = await settled(engine, 1)
            log = await bench.hands.log(task)
            await until(lambda: says(log, f"token: {TOKEN}"))
            shown = await bench.hands.listings()
            assert "n0-blue" in shown
            assert TOKEN not in shown
            assert TOKEN not in repr(await engine.tasks())

    async def test_two_pools_share_an_engine_and_each_sees_only_its_own(self, bench: Bench) -> None:
        async with bench.mine() as engine, bench.open("other") as other:
            await engine.ensure(bench.group(count=1))
            await other.ensure(bench.group(count=1, pool="other"))
            (mine,), (theirs,) = await settled(engine, 1), await settled(other, 1)
            assert mine.id != theirs.id
            with pytest.raises(EngineRefused, match="of pool other"):
                await engine.ensure(bench.group(count=1, pool="other"))
            await other.remove("n0-blue", 5.0)
            assert [task.id for task in await engine.tasks()] == [mine.id]

    async def test_two_control_planes_at_once_start_nothing_twice_however_slow_the_answers(
        self, bench: Bench
    ) -> None:
        async with bench.mine() as one, bench.mine() as two:
            with bench.way.slow():
                await asyncio.gather(*(each.ensure(bench.group()) for each in (one, two) * 2))
                started = {task.id for task in await settled(one, 2)}
            await two.ensure(bench.group())
            assert {task.id for task in await settled(two, 2)} == started
            assert {task.id for task in await one.tasks()} == started

    async def test_what_was_done_unheard_is_not_done_again(self, bench: Bench) -> None:
        async with bench.mine() as engine:
            for number, call in enumerate(bench.halves):
                group = bench.group(f"n{number}-blue")
                with bench.way.lost(call), suppress(EngineUnreachable):
                    await engine.ensure(group)
                await engine.ensure(group)
                await until(lambda group=group: steady(engine, group))

    async def test_out_of_reach_it_says_so_and_afterwards_all_is_as_it_was_asked(self, bench: Bench) -> None:
        async with bench.mine() as engine:
            await engine.ensure(bench.group())
            before = await settled(engine, 2)
            late = bench.group("n1-blue", count=1)
            with bench.way.cut():
                with pytest.raises(EngineUnreachable):
                    await engine.ensure(late)
                with suppress(EngineUnreachable):  # or the truth, but never "nothing runs"
                    assert {task.id for task in await engine.tasks()} == {task.id for task in before}
                await bench.hands.kill(before[0])
            await engine.ensure(late)
            after = {task.id for task in await settled(engine, 2, without=before[0].id)}
            assert before[1].id in after
            await until(lambda: steady(engine, late))
