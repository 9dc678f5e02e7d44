"""When a group whose tasks die is a matter for a person, and when no longer."""

from linkpool.engines.protocol import Group, Phase, Release, Task
from linkpool.fleet.running.flapping import CALM, YOUNG, Flapping
from linkpool.fleet.running.tasks import Tasks
from tests.support.fake_engine import FakeEngine
from tests.support.manual_clock import ManualClock

GROUP = Group("test", "g", Release("r", ("x",)), {}, "token")


class Raised:
    """Alarms, as they stand."""

    def __init__(self) -> None:
        self.up: dict[str, str] = {}

    async def only(self, _kind: str, details: dict[str, str]) -> None:
        self.up = dict(details)


class Watch:
    """A group of two tasks under observation."""

    def __init__(self) -> None:
        self.engine, self.clock, self.alarms = FakeEngine(), ManualClock(), Raised()
        self.tasks = Tasks(self.engine)
        self.flapping = Flapping(self.tasks, self.alarms, self.clock)

    async def begin(self) -> None:
        await self.engine.ensure(GROUP)
        await self.tasks.refresh()

    async def die(self, age: float) -> None:
        self.clock.advance(age)
        self.engine.kill(max(self.engine.running))
        await self.tasks.refresh()

    async def flaps(self) -> bool:
        await self.flapping.step({"g": "node 1 blue"})
        return "node 1 blue" in self.alarms.up


async def test_three_early_deaths_raise_it_and_a_calm_while_takes_it_down() -> None:
    watch = Watch()
    await watch.begin()
    for _ in range(2):
        await watch.die(1.0)
        assert not await watch.flaps()
    await watch.die(1.0)
    assert await watch.flaps()
    watch.clock.advance(CALM - 1.5)
    assert await watch.flaps()
    watch.clock.advance(1.5)
    assert not await watch.flaps()


async def test_old_tasks_may_die_and_removed_groups_are_forgotten() -> None:
    watch = Watch()
    await watch.begin()
    for _ in range(5):
        await watch.die(YOUNG)
    assert not await watch.flaps()
    for _ in range(3):
        await watch.die(0.5)
    assert await watch.flaps()
    await watch.flapping.step({})
    assert watch.alarms.up == {}


async def test_a_task_that_was_told_to_go_did_not_die_young() -> None:
    watch = Watch()
    await watch.begin()
    for _ in range(4):
        leaving = max(watch.engine.running)
        task = watch.engine.running[leaving]
        watch.engine.running[leaving] = Task(task.id, task.group, Phase.STOPPING, "r", task.started_at)
        await watch.tasks.refresh()
        await watch.die(0.1)
    assert not await watch.flaps()
