"""A leader looks four times a second, and makes only the rosters that something happened to."""

import asyncio

import pytest

from linkpool.engines.protocol import Task
from linkpool.fleet.agents.household import Household
from linkpool.fleet.agents.roster import SILENT_AFTER
from linkpool.fleet.lease import STOP_AFTER
from linkpool.wire.agent import Heartbeat, Member, Probed, Roster, State
from tests.support.house import House
from tests.support.line import Line
from tests.support.office import pass_time


async def until_members(line: Line, wanted: set[str]) -> None:
    while True:
        roster = await line.hear_kind("roster")
        assert isinstance(roster, Roster)
        if {member.task for member in roster.members} == wanted:
            return


async def test_a_look_makes_no_roster_of_a_node_that_nothing_happened_to(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = house.first_two()
    first, _ = await house.enter(one)
    second, _ = await house.enter(two)
    await until_members(first, {one, two})
    await until_members(second, {one, two})
    await house.pass_time(0.25)
    made: list[float] = []

    def counted(home: Household, now: float) -> tuple[Member, ...]:
        made.append(now)
        return whole(home, now)

    whole = Household.roster
    monkeypatch.setattr(Household, "roster", counted)
    await house.pass_time(0.25)
    await house.pass_time(0.25)
    assert made == []


async def test_what_happens_while_the_lease_is_late_is_told_by_the_first_look_after(house: House) -> None:
    one, two = house.first_two()
    first, _ = await house.enter(one)
    second, _ = await house.enter(two)
    await until_members(second, {one, two})
    house.clock.advance(STOP_AFTER)  # the leader may say nothing until it has renewed
    second.say(Heartbeat(state=State.SERVING, ready=True))
    first.say(Heartbeat(state=State.DRAINING, ready=False))
    while (session := house.hub.session(one)) is not None and session.state is not State.DRAINING:
        await asyncio.sleep(0)
    house.term.renewed(house.clock.monotonic())
    house.hub.sweep()
    await until_members(second, {two})


async def test_who_is_being_looked_up_when_the_term_ends_is_not_let_in_any_more(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow() -> list[Task]:
        asked.set()
        await answer.wait()
        return list(house.engine.running.values())

    house.engine.kill(house.first_two()[0])
    *_, fresh = house.engine.running  # younger than the leader's last look at the engine
    monkeypatch.setattr(house.engine, "tasks", slow)
    line = house.knock(fresh)
    await asked.wait()
    house.door.close()
    answer.set()
    assert await line.hear() is None, "the line is closed, and no word was said on it"


async def test_a_silent_one_comes_back_with_whatever_it_says_first(house: House) -> None:
    one, two = house.first_two()
    first, _ = await house.enter(one)
    second, _ = await house.enter(two)
    await until_members(second, {one, two})
    pass_time(house.term, house.clock, SILENT_AFTER)  # nobody has looked yet when the other one speaks
    second.say(Heartbeat(state=State.SERVING, ready=True))
    await until_members(second, {two})
    first.say(Probed(id="1", ok=True, detail="well"))  # no heartbeat, which would say what it is
    while house.hub.heard_ago(one) > 0:
        await asyncio.sleep(0)
    house.hub.sweep()
    await until_members(second, {one, two})
