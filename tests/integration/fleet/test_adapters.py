"""Adapters that the pool runs: told by health, replaced, upgraded by the four steps, let go in order."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from linkpool.fleet.adapters.adapters import WITHIN
from linkpool.fleet.catalog.apply import drop_bridge, put_bridge
from linkpool.fleet.catalog.document import Bridge, Program
from linkpool.store import adapters, alarms
from linkpool.store.catalog_tables import AdapterRow, AdapterState
from tests.support.catalog_world import KEYS, Plane, World, leading

OLD = Program(command=("adapter", "one"), secrets={"API_KEY": KEYS.lock("very secret")})
NEW = OLD.model_copy(update={"command": ("adapter", "two")})
SAMPLED = NEW.model_copy(update={"sample": '{"data": {"city": "Oslo"}}'})


def lab(program: Program) -> Bridge:
    return Bridge(name="lab", program=program, timeout=5.0)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def rows(plane: Plane) -> Mapping[str, AdapterRow]:
    async with plane.database.read() as session:
        return await adapters.every(session)


async def until(plane: Plane, state: AdapterState, program: Program, turns: int = 90) -> AdapterRow:
    for _ in range(turns):
        row = (await rows(plane)).get("lab")
        if row is not None and row.state == state and row.wanted == program.release("lab"):
            return row
        await plane.turn()
    raise AssertionError({name: (row.state, row.detail) for name, row in (await rows(plane)).items()})


async def serve(plane: Plane, program: Program = OLD) -> None:
    """Have it run, and told to replicas."""
    await plane.change(put_bridge(lab(program)))
    await until(plane, AdapterState.SERVING, program)
    await plane.turn()


async def raised(plane: Plane) -> set[tuple[str, str]]:
    async with plane.database.read() as session:
        return {(row.kind, row.subject) for row in await alarms.every(session)}


def releases(world: World) -> set[str]:
    """What runs."""
    return {task.release for task in world.engine.running.values()}


async def test_two_tasks_are_started_with_their_secrets_and_told_to_replicas(world: World) -> None:
    async with leading(world) as plane:
        await serve(plane)
        (group,) = world.engine.groups.values()
        assert (group.port, group.count, group.environment) == (0, 2, {"API_KEY": "very secret"})
        assert group.token == KEYS.group_token("bridge lab")
        await plane.turn()
        assert world.places("lab") == [f"http://{task.address}/" for task in world.engine.running.values()]
        assert world.told is not None
        shown = world.told.bridges[0].token
        assert shown is not None
        assert shown.get_secret_value() == group.token


async def test_a_dead_task_is_told_no_more_at_once_and_a_sick_one_after_its_first_bad_answer(
    world: World,
) -> None:
    async with leading(world) as plane:
        await serve(plane)
        revision = world.told.revision if world.told else None
        first, second = list(world.engine.running.values())
        world.engine.kill(first.id)
        await plane.tasks.refresh()
        assert world.places("lab") == [f"http://{second.address}/"]
        await plane.turn(2)
        third = next(task for task in world.engine.running.values() if task.id != second.id)
        assert world.places("lab") == [f"http://{second.address}/", f"http://{third.address}/"]
        world.sick.add(second.id)
        await plane.turn()
        assert world.places("lab") == [f"http://{third.address}/"]
        assert world.told is not None
        assert world.told.revision == revision, "places are no revisions"


async def test_a_task_that_stays_sick_is_replaced_with_the_brakes_of_replicas(world: World) -> None:
    async with leading(world) as plane:
        await serve(plane)
        await plane.turn(20)
        (victim, _) = world.engine.running
        world.sick.add(victim)
        await plane.turn(12)
        assert world.engine.replaced == []
        await plane.turn(8)
        assert world.engine.replaced == [victim]


async def test_where_all_are_sick_replicas_are_still_told_and_a_person_hears_of_it(world: World) -> None:
    async with leading(world) as plane:
        await serve(plane)
        world.strict = False
        world.broken.add(OLD.release("lab"))
        await plane.turn(20)
        assert len(world.places("lab")) == 2
        assert ("adapter_unwell", "lab") in await raised(plane)
        world.broken.clear()
        await plane.turn(3)
        assert await raised(plane) == set()


async def test_another_program_takes_over_by_the_four_steps_and_its_sample_is_asked_first(
    world: World,
) -> None:
    async with leading(world) as plane:
        await serve(plane)
        old_places = set(world.places("lab"))
        await plane.change(put_bridge(lab(SAMPLED)))
        await until(plane, AdapterState.SERVING, SAMPLED)
        await plane.turn()
        assert releases(world) == {SAMPLED.release("lab")}
        assert len(world.places("lab")) == 2
        assert old_places.isdisjoint(world.places("lab"))
        samples = [request for request in world.asked if request.method == "POST"]
        assert [request.body for request in samples] == [b'{"data": {"city": "Oslo"}}'] * 2
        token = KEYS.group_token("bridge lab")
        assert all(("Authorization", f"Bearer {token}") in request.headers for request in samples)


async def test_a_program_that_never_becomes_well_leaves_the_old_one_until_it_is_mended(world: World) -> None:
    async with leading(world) as plane:
        await serve(plane)
        world.broken.add(NEW.release("lab"))
        await plane.change(put_bridge(lab(NEW)))
        row = await until(plane, AdapterState.KEPT_OLD, NEW, turns=int(WITHIN) + 20)
        assert "cannot be reached" in row.detail
        await plane.turn(2)
        assert releases(world) == {OLD.release("lab")}
        assert len(world.places("lab")) == 2
        assert ("adapter_kept_old", "lab") in await raised(plane)
        mended = NEW.model_copy(update={"settings": {"MENDED": "yes"}})
        await plane.change(put_bridge(lab(mended)))
        await until(plane, AdapterState.SERVING, mended)
        await plane.turn()
        assert releases(world) == {mended.release("lab")}
        assert await raised(plane) == set()


async def test_a_third_program_in_the_middle_of_a_move_turns_it_back_first(world: World) -> None:
    async with leading(world) as plane:
        await serve(plane)
        world.broken.add(NEW.release("lab"))
        await plane.change(put_bridge(lab(NEW)))
        await plane.turn(5)
        third = NEW.model_copy(update={"settings": {"V": "3"}})
        await plane.change(put_bridge(lab(third)))
        await until(plane, AdapterState.SERVING, third)
        await plane.turn()
        assert releases(world) == {third.release("lab")}


async def test_tasks_end_only_when_no_serving_replica_names_the_bridge_any_more(world: World) -> None:
    async with leading(world) as plane:
        await serve(plane)
        world.stubborn = True
        await plane.change(drop_bridge("lab"))
        await plane.turn(20)
        assert len(world.engine.running) == 2
        assert (await rows(plane))["lab"].state == AdapterState.LEAVING
        world.yield_()
        await plane.turn(3)
        assert world.engine.running == {}
        assert world.engine.groups == {}
        assert await rows(plane) == {}
        await serve(plane)


async def test_a_new_leader_tells_at_once_where_adapters_are(world: World) -> None:
    async with leading(world) as plane:
        await serve(plane)
    places = world.places("lab")
    world.told = None
    async with leading(world):
        assert world.places("lab") == places
