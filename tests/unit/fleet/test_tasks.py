"""The engine's tasks by group: whatever the engine says next, a group has its own and no others."""

from hypothesis import given
from hypothesis import strategies as st

from linkpool.engines.protocol import Phase, Task
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
