"""The engine's tasks by group: whatever the engine says next, a group has its own and no others."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from linkpool.engines.protocol import Phase, Task, TaskEvent
from linkpool.fleet.running.tasks import Tasks
from tests.support.fake_engine import FakeEngine

GROUPS = ("n1-blue-1", "n1-green-2", "n2-blue-1")

SAID = st.dictionaries(
    st.integers(0, 5).map(str),
    st.tuples(st.sampled_from(GROUPS), st.sampled_from(list(Phase))),
)


@given(st.lists(SAID, min_size=1, max_size=5))
async def test_a_group_has_its_own_tasks_at_every_look(looks: list[dict[str, tuple[str, Phase]]]) -> None:
    engine = FakeEngine()
    tasks = Tasks(engine)
    for look in looks:
        engine.running = {id: Task(id, group, phase, "r", 0.0) for id, (group, phase) in look.items()}
        await tasks.refresh()
        there = [task for task in engine.running.values() if task.phase is not Phase.GONE]
        assert list(tasks.all()) == there
        for group in (*GROUPS, "nobody's"):
            own = [task for task in there if task.group == group]
            assert list(tasks.every_of(group)) == own
            assert tasks.of(group) == [task for task in own if task.phase is not Phase.STOPPING]


class SlowEngine(FakeEngine):
    """Answers when it is let."""

    asked = 0

    def __init__(self) -> None:
        super().__init__()
        self.let = asyncio.Event()

    async def tasks(self) -> list[Task]:
        self.asked += 1
        found = await super().tasks()
        await self.let.wait()
        return found

    def start(self, numbers: range) -> None:
        """Tasks that it tells of, each by itself."""
        for number in numbers:
            task = Task(str(number), GROUPS[0], Phase.RUNNING, "r", 0.0)
            self.running[task.id] = task
            self._tell(TaskEvent(task.id, task.group, task.phase))


async def test_all_that_happens_while_the_engine_is_asked_is_one_more_question() -> None:
    engine = SlowEngine()
    tasks = Tasks(engine)
    following = asyncio.create_task(tasks.follow())
    async with asyncio.timeout(10):
        while not engine.listeners:
            await asyncio.sleep(0)
        engine.start(range(1))
        while not engine.asked:
            await asyncio.sleep(0)
        engine.start(range(1, 100))
        engine.let.set()
        while len(tasks.of(GROUPS[0])) < 100 or any(queue.qsize() for queue in engine.listeners):
            await asyncio.sleep(0)
    assert engine.asked <= 3, "the last one asked saw them all"
    following.cancel()
    await asyncio.wait([following])


async def test_all_who_ask_during_a_look_share_the_next() -> None:
    engine = SlowEngine()
    tasks = Tasks(engine)
    asking = [asyncio.create_task(tasks.refresh())]
    while not engine.asked:
        await asyncio.sleep(0)
    engine.start(range(1))  # the look under way may have passed it by
    asking += [asyncio.create_task(tasks.refresh()) for _ in range(200)]
    await asyncio.sleep(0)
    engine.let.set()
    await asyncio.gather(*asking)
    assert engine.asked == 2
    assert tasks.get("0") is not None
