"""Rollouts, aborts, returns and replacements, killed between any two steps: all end as they were meant to.

Every transaction, every call to the engine and every word to a replica is a step. The process dies before it,
and the next one goes on from the database, the engine and the replicas as they are. Or it lives, and the
engine fails at that step, or does it and cannot say so.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from linkpool.fleet.rollouts.wishes import RolloutWishes, Wanted
from linkpool.store import groups, moves, nodes, operations, rollouts
from linkpool.store.database import Database
from linkpool.store.rollout_tables import OVER, MoveState, RolloutState
from linkpool.store.tables import Colour, OperationState
from tests.support.fuse import Fault, Fuse
from tests.support.rollout_world import Plane, Stage, World, crashing, oracle

Story = Callable[[World, Plane], Awaitable[None]]
"""What is asked of a control plane; a second one may be asked the same again."""


async def over(database: Database) -> bool:
    """No rollout is under way, paused or stopped, and none was forgotten."""
    async with database.read() as session:
        latest = await rollouts.newest(session, 1)
    return bool(latest) and latest[0].state in OVER


async def ask(plane: Plane, release: str = "new", within: float = 30.0) -> str:
    """Ask for a rollout over all, as a caller who repeats himself under one key; its id."""
    wishes = RolloutWishes(plane.database, plane.world.clock)
    operation = await wishes.start(Wanted(release, (), 4, within), "token:once")
    async with plane.database.read() as session:
        row = await rollouts.of_operation(session, operation.id)
    assert row is not None
    return row.id


async def upgrade(_world: World, plane: Plane) -> None:
    await ask(plane)
    await plane.lead(over)


async def abort(_world: World, plane: Plane) -> None:
    await change(plane, RolloutState.RUNNING)
    await plane.lead(over)


async def bad_release(_world: World, plane: Plane) -> None:
    """It never serves: the canary returns, the rest is never begun, and the operator calls it off."""
    rollout = await ask(plane, "bad", within=5.0)

    async def stopped(database: Database) -> bool:
        async with database.read() as session:
            row = await rollouts.find(session, rollout)
        return row is not None and row.state != RolloutState.RUNNING

    await plane.lead(stopped)
    await change(plane, RolloutState.STOPPED)
    await plane.lead(over)


async def lost(world: World, plane: Plane) -> None:
    """Nobody of the new colour works any more, though it is primary and the old one drains."""
    world.strict = False
    world.broken.add("new")
    await plane.lead(over)


async def silence(world: World, plane: Plane) -> None:
    """A replica falls silent for good and is replaced, by whichever leader is old enough to judge."""
    victim = min(world.engine.running)
    if not world.engine.replaced:
        world.replicas[victim].silent_since = world.replicas[victim].silent_since or world.clock.monotonic()

    async def replaced(_database: Database) -> bool:
        return bool(world.engine.replaced) and all(map(world.serves, world.engine.running.values()))

    await plane.lead(replaced)


async def draining(_world: World, plane: Plane) -> None:
    """An upgrade until the old colour drains: from here `abort` and `lost` begin."""
    rollout = await ask(plane)

    async def so(database: Database) -> bool:
        async with database.read() as session:
            return (await moves.of_rollout(session, rollout))[0].state == MoveState.DRAINING

    await plane.lead(so)


async def nothing(_world: World, _plane: Plane) -> None:
    """All nodes serve, and nobody asked for anything."""


async def change(plane: Plane, was: RolloutState) -> None:
    """Abort the rollout, if it is in that state."""
    async with plane.database.read() as session:
        (row,) = await rollouts.newest(session)
    if row.state == was:
        await RolloutWishes(plane.database, plane.world.clock).change(row.id, RolloutState.ABORTING)


Ends = Mapping[int, tuple[Colour, str]]
"""The colour and the release of each node."""


def moved(*numbers: int) -> Ends:
    """These nodes run the new release in the other colour."""
    return dict.fromkeys(numbers, (Colour.GREEN, "new"))


def stayed(*numbers: int) -> Ends:
    """Nothing happened to these."""
    return dict.fromkeys(numbers, (Colour.BLUE, "old"))


@dataclass(frozen=True)
class Told:
    """A story, on how many nodes, after what, and how it may end."""

    story: Story
    nodes: int
    after: Story
    ends: Sequence[tuple[Ends, RolloutState | None]]


STORIES = {
    "upgrade": Told(upgrade, 2, nothing, [(moved(1, 2), RolloutState.DONE)]),
    "abort": Told(abort, 1, draining, [(stayed(1), RolloutState.ABORTED)]),
    "bad release": Told(bad_release, 2, nothing, [(stayed(1, 2), RolloutState.ABORTED)]),
    "lost": Told(lost, 1, draining, [(stayed(1), RolloutState.FAILED)]),
    "silence": Told(silence, 1, nothing, [(stayed(1), None)]),
}


async def check(stage: Stage, world: World, told: Told) -> None:
    """Two replicas of each node in one colour, in the engine and the database; nothing lost, nothing left."""
    async with stage.database.read() as session:
        rows = await nodes.every(session)
        slots = await nodes.every_slot(session)
        living = await groups.all_living(session)
        latest = await rollouts.newest(session)
        found = await moves.of_rollout(session, latest[0].id) if latest else []
        operation = await operations.get(session, latest[0].operation) if latest else None
    numbers = range(1, told.nodes + 1)
    assert [(row.oracle, row.wallet) for row in rows] == [(oracle(each), f"0xw{each}") for each in numbers]
    assert len(slots) == 6 * told.nodes
    assert {row.index: Colour(row.primary) for row in rows} == world.primary
    assert len(living) == told.nodes
    end = {row.node: (Colour(row.colour), row.release) for row in living}
    state = RolloutState(latest[0].state) if latest else None
    assert (end, state) in told.ends
    assert {row.node: Colour(row.colour) for row in living} == world.primary
    assert set(world.engine.groups) == {row.name for row in living}
    running = list(world.engine.running.values())
    assert sorted(task.group for task in running) == sorted(row.name for row in living for _ in range(2))
    assert all(map(world.serves, running))
    assert len(latest) <= 1
    assert all(move.ended_at is not None for move in found)
    if operation is not None:
        done = state is RolloutState.DONE
        assert operation.state == (OperationState.DONE if done else OperationState.FAILED)


@pytest.mark.parametrize("name", STORIES)
async def test_killed_at_every_step_it_ends_as_it_was_meant_to(in_memory: Path, name: str) -> None:
    told, stage, whole = STORIES[name], Stage(in_memory), Fuse()
    start = await scene(stage, told)
    await undisturbed(stage, start, told, whole)
    assert whole.steps > 5
    for number in range(1, whole.steps + 1):
        world, fuse = await stage.begin(start), Fuse(before=number)
        with crashing():
            await told.story(world, Plane(world, stage.database, fuse))
        assert fuse.blown, f"step {number} of {whole.steps} was never reached: {fuse.steps}"
        await told.story(world, Plane(world, stage.database, Fuse()))
        await check(stage, world, told)
    await stage.database.close()


@pytest.mark.parametrize("name", STORIES)
async def test_whatever_call_of_the_engine_goes_wrong_it_ends_as_it_was_meant_to(
    in_memory: Path, name: str
) -> None:
    told, stage, whole = STORIES[name], Stage(in_memory), Fault()
    start = await scene(stage, told)
    world = await stage.begin(start)
    await told.story(world, Plane(world, stage.database, Fuse(), whole))
    assert {"tasks", "remove"} & set(whole.calls)
    for number, call in enumerate(whole.calls, 1):
        for done in (False,) if call in ("tasks", "room") else (False, True):
            world, fault = await stage.begin(start), Fault(call=number, done=done)
            await told.story(world, Plane(world, stage.database, Fuse(), fault))
            assert fault.calls[number - 1] == call
            await check(stage, world, told)
    await stage.database.close()


async def scene(stage: Stage, told: Told) -> World:
    """Where a story begins."""
    world = await stage.begin(await stage.prepare(told.nodes))
    await told.after(world, Plane(world, stage.database, Fuse()))
    return await stage.save(world)


async def undisturbed(stage: Stage, start: World, told: Told, fuse: Fuse) -> None:
    """The story as it is meant to be."""
    world = await stage.begin(start)
    await told.story(world, Plane(world, stage.database, fuse))
    await check(stage, world, told)
