"""Rollouts over a fleet: canary, waves, brakes, and what people may ask meanwhile."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from linkpool.fleet.nodes.wishes import NoSuchNode, NotNow
from linkpool.fleet.rollouts.wishes import NoSuchRelease, RolloutWishes, Wanted
from linkpool.store import alarms, chain_rows, groups, moves, nodes, releases, rollouts
from linkpool.store.chain_rows import Registered, Rows
from linkpool.store.chain_state import Block, Request
from linkpool.store.database import Database
from linkpool.store.releases import ReleaseInUse
from linkpool.store.rollout_tables import OVER, MoveRow, MoveState, RolloutRow, RolloutState
from linkpool.store.tables import Colour, NodeState
from tests.support.fuse import Fuse
from tests.support.rollout_world import Plane, Stage, World, oracle

NODES = 4


@pytest.fixture
async def stage(in_memory: Path) -> AsyncIterator[Stage]:
    made = Stage(in_memory)
    yield made
    await made.database.close()


class Scene:
    """A pool whose nodes serve, a plane that leads it, and a rollout that was asked for."""

    def __init__(self, stage: Stage, world: World) -> None:
        self.world, self.database = world, stage.database
        self.plane = Plane(world, stage.database, Fuse())
        self.wishes = RolloutWishes(stage.database, world.clock)

    async def ask(self, release: str = "new", *ids: str, wave: int = 2) -> None:
        await self.wishes.start(Wanted(release, ids, wave, 10.0))

    async def latest(self) -> tuple[RolloutRow, Sequence[MoveRow]]:
        async with self.database.read() as session:
            row = (await rollouts.newest(session, 1))[0]
            return row, await moves.of_rollout(session, row.id)

    async def until(self, *states: RolloutState) -> tuple[RolloutRow, Sequence[MoveRow]]:
        async def so(_database: Database) -> bool:
            return (await self.latest())[0].state in states

        await self.plane.lead(so)
        return await self.latest()

    async def change(self, state: RolloutState) -> RolloutRow:
        return await self.wishes.change((await self.latest())[0].id, state)

    async def raised(self) -> list[str]:
        async with self.database.read() as session:
            return [row.detail for row in await alarms.every(session) if row.kind == "rollout"]


@pytest.fixture
async def scene(stage: Stage) -> Scene:
    return Scene(stage, await stage.prepare(NODES))


async def test_one_goes_first_then_waves_and_new_nodes_run_it_afterwards(scene: Scene) -> None:
    await scene.ask(wave=2)
    row, found = await scene.until(*OVER)
    assert (row.state, row.detail) == (RolloutState.DONE, "4 moved")
    assert [move.wave for move in found] == [1, 2, 2, 3]
    for before, after in ((found[:1], found[1:3]), (found[1:3], found[3:])):
        assert max(m.times["done"] for m in before) <= min(m.times["starting"] for m in after)
    async with scene.database.read() as session:
        assert await releases.current(session, "old") == "new"


async def test_a_wave_is_no_larger_than_the_machine_and_waits_for_room(scene: Scene) -> None:
    scene.world.engine.holds = 1
    await scene.ask(wave=4)

    async def waits(_database: Database) -> bool:
        return "waits for room" in (await scene.latest())[0].detail

    await scene.plane.lead(waits)
    assert {move.state for move in (await scene.latest())[1]} == {MoveState.WAITING}
    scene.world.engine.holds = 5
    _, found = await scene.until(RolloutState.DONE)
    assert [move.wave for move in found] == [1, 2, 2, 3]


async def test_a_missed_request_of_a_moved_node_stops_it_until_somebody_says_go_on(scene: Scene) -> None:
    await scene.ask(wave=1)

    async def one_moved(_database: Database) -> bool:
        return (await scene.latest())[1][0].state == MoveState.DONE

    await scene.plane.lead(one_moved)
    await miss_one(scene, oracle(1))
    row, found = await scene.until(RolloutState.STOPPED)
    assert row.detail == f"node {oracle(1)} missed 1 since it switched"
    assert MoveState.WAITING in {move.state for move in found}
    await scene.plane.lead(lambda _database: _raised(scene, 1))
    await scene.change(RolloutState.RUNNING)
    row, _ = await scene.until(*OVER)
    assert (row.state, row.detail) == (RolloutState.DONE, "4 moved"), "what was before no longer counts"
    assert await scene.raised() == []


async def _raised(scene: Scene, count: int) -> bool:
    return len(await scene.raised()) == count


async def miss_one(scene: Scene, node: str) -> None:
    """The chain says: a request of that node came after its switch, and its window ended with nothing."""
    now = int(scene.world.clock.now())
    request = Request(
        position=2 << 32,
        node=node,
        id="0x01",
        block=2,
        time=now,
        expiration=now + 1,
        requester=node,
        job="0x02",
        payment=1,
        cover=0,
        penalty=0,
    )
    async with scene.database.write() as session:
        await chain_rows.append(
            session,
            Rows(
                blocks=[Block(2, "0x2", now + 2)],
                nodes=[Registered(node, node, 1, 1, now)],
                requests=[request],
            ),
        )


async def test_a_node_that_returns_stops_it_and_the_rest_is_never_begun(scene: Scene) -> None:
    await scene.ask("bad")
    row, found = await scene.until(RolloutState.STOPPED)
    assert f"node {oracle(1)} returned: not well within 10 s: 0 of 2 serve" in row.detail
    assert [move.state for move in found] == [MoveState.RETURNED, *[MoveState.WAITING] * 3]
    await scene.plane.lead(lambda _database: _raised(scene, 1))
    await scene.change(RolloutState.ABORTING)
    row, found = await scene.until(*OVER)
    assert (row.state, row.detail) == (RolloutState.ABORTED, "1 returned, 3 skipped")
    await scene.plane.lead(lambda _database: _raised(scene, 0))


async def test_a_paused_one_begins_nothing_and_goes_on_where_it_was(scene: Scene) -> None:
    await scene.ask(wave=1)
    await scene.plane.lead(lambda _database: _in_flight(scene))
    await scene.change(RolloutState.PAUSED)
    for _ in range(10):
        await scene.plane.lead(_at_once)
    _, found = await scene.latest()
    assert [move.state for move in found] == [MoveState.DONE, *[MoveState.WAITING] * 3]
    await scene.change(RolloutState.RUNNING)
    row, _ = await scene.until(*OVER)
    assert row.state == RolloutState.DONE
    with pytest.raises(NotNow, match="is done"):
        await scene.change(RolloutState.PAUSED)


async def _in_flight(scene: Scene) -> bool:
    return (await scene.latest())[1][0].state == MoveState.PROVING


async def _at_once(_database: Database) -> bool:
    return True


async def test_a_second_rollout_of_the_same_node_is_refused_and_one_of_another_is_not(scene: Scene) -> None:
    await scene.ask("new", oracle(1), oracle(2))
    with pytest.raises(NotNow, match=rf"1 of these nodes move already, as {oracle(2)}"):
        await scene.ask("new", oracle(2), oracle(3))
    with pytest.raises(NoSuchNode):
        await scene.ask("new", "0xnobody")
    with pytest.raises(NoSuchRelease):
        await scene.ask("newer", oracle(3))
    await scene.ask("new", oracle(3))
    await scene.until(RolloutState.DONE)
    async with scene.database.read() as session:
        living = {row.node: row.release for row in await groups.all_living(session)}
        assert await releases.current(session, "old") == "old", "only a rollout over all changes that"
    assert living[4] == "old"
    assert living[3] == "new"


async def test_who_does_not_serve_or_runs_it_already_is_skipped_and_who_comes_late_is_taken_along(
    scene: Scene,
) -> None:
    await scene.ask("new", oracle(1))
    await scene.until(RolloutState.DONE)
    async with scene.database.write() as session:
        await nodes.set_state(session, 2, NodeState.RETIRED, 0.0)
        await nodes.set_state(session, 3, NodeState.STARTED, 0.0)
    await scene.ask("new")
    _, found = await scene.latest()
    said = {move.node: (move.state, move.detail) for move in found}
    assert said[1] == (MoveState.SKIPPED, "it runs this release already")
    assert said[2] == (MoveState.SKIPPED, "the node does not serve: it is retired")
    assert said[3][0] == MoveState.SKIPPED
    row, _ = await scene.until(*OVER)
    assert (row.state, row.detail) == (RolloutState.DONE, "1 moved, 3 skipped")


async def test_a_node_that_is_retired_on_its_way_ends_there(scene: Scene) -> None:
    await scene.ask("new", oracle(1))
    await scene.plane.lead(lambda _database: _in_flight(scene))
    async with scene.database.write() as session:
        await nodes.set_state(session, 1, NodeState.RETIRED, 0.0)
    _, found = await scene.until(*OVER)
    assert (found[0].state, found[0].detail) == (MoveState.SKIPPED, "the node is retired")


async def test_a_release_keeps_its_meaning_once_it_was_used(scene: Scene) -> None:
    await scene.wishes.release("old", command=["x"], image=None, settings={})
    with pytest.raises(ReleaseInUse, match="give the new release another"):
        await scene.wishes.release("old", command=["y"], image=None, settings={})
    await scene.wishes.release("bad", command=["never", "used"], image=None, settings={})


async def test_a_removed_group_that_still_runs_is_removed_again(scene: Scene) -> None:
    (leftover,) = [group for group in scene.world.engine.groups.values() if group.name == "n1-blue-1"]
    await scene.ask("new", oracle(1))
    await scene.until(RolloutState.DONE)
    await scene.world.engine.ensure(leftover)

    async def gone(_database: Database) -> bool:
        return leftover.name not in scene.world.engine.groups

    await scene.plane.lead(gone)
    assert scene.world.primary[1] is Colour.GREEN


async def test_a_node_tells_its_own_upgrades_and_none_that_has_not_begun(scene: Scene) -> None:
    await scene.ask("new", oracle(1))
    await scene.until(RolloutState.DONE)
    async with scene.database.write() as session:
        await moves.add(session, node=1, release="new", colour=Colour.BLUE, within=1.0, now=0.0)
    async with scene.database.read() as session:
        found = await moves.begun_of_node(session, oracle(1), 5)
        others = await moves.begun_of_node(session, oracle(2), 5)
    assert [(row.release, row.state) for row in found] == [("new", MoveState.DONE)]
    assert others == []
