"""Replicas at the door: who is let in, which slot each gets, and what everybody is told."""

import asyncio
from typing import Any

import pytest
from pydantic import SecretStr

from linkpool.engines.protocol import Group, Release
from linkpool.fleet.agents.claims import Claim
from linkpool.fleet.agents.hub import GRACE, LONGEST_GRACE
from linkpool.fleet.agents.roster import SILENT_AFTER, Seat
from linkpool.fleet.catalog.told import Catalogs
from linkpool.fleet.lease import STOP_AFTER
from linkpool.fleet.secrets.keys import Keyring
from linkpool.log import scrub
from linkpool.store import nodes
from linkpool.store.database import Database
from linkpool.store.tables import Colour, GroupRow, Standing
from linkpool.wire.agent import (
    PROTOCOL,
    Catalog,
    Goodbye,
    Heartbeat,
    Hello,
    NotLeader,
    Refused,
    Roster,
    State,
    Welcome,
)
from tests.support.house import GROUP, KEYS, SENDERS, House
from tests.support.line import Line
from tests.support.until import until


async def members(line: Line) -> set[str]:
    roster = await line.hear_kind("roster")
    assert isinstance(roster, Roster)
    return {member.task for member in roster.members}


async def until_members(line: Line, wanted: set[str]) -> None:
    while await members(line) != wanted:
        pass


async def test_two_replicas_get_two_slots_with_their_keys_and_hear_of_each_other(house: House) -> None:
    one, two = house.first_two()
    first, welcome = await house.enter(one)
    second, other = await house.enter(two)
    assert {welcome.slot, other.slot} == {0, 1}
    assert welcome.sender_key.get_secret_value() == KEYS.sender(1, welcome.slot)
    assert welcome.sender_key.get_secret_value() != other.sender_key.get_secret_value()
    await until_members(first, {one, two})
    roster = await second.hear_kind("roster")
    assert isinstance(roster, Roster)
    assert roster.link_price == "7"
    assert {m.sender for m in roster.members} <= set(SENDERS)


async def test_a_door_whose_process_may_open_no_more_files_says_what_to_do(house: House) -> None:
    one, two = house.first_two()
    house.door._most = 1
    await house.enter(one)
    refused = await house.knock(two).hear_kind("refused")
    assert isinstance(refused, Refused)
    assert not refused.final, "it is let in once there is room"
    assert "limit of open files" in refused.reason


async def test_a_draining_replica_is_there_for_what_it_has_in_hand_until_that_is_done(house: House) -> None:
    one, two = house.first_two()
    first, _ = await house.enter(one)
    second, _ = await house.enter(two)
    await until_members(second, {one, two})

    async def leaving(*runs: str) -> list[tuple[str, tuple[str, ...]]]:
        first.say(Heartbeat(state=State.DRAINING, ready=False, in_hand=runs, drained=not runs))
        roster = await second.hear_kind("roster")
        assert isinstance(roster, Roster)
        assert [member.task for member in roster.members] == [two]
        return [(member.task, member.runs) for member in roster.leaving]

    assert await leaving("a", "b") == [(one, ("a", "b"))]
    assert await leaving("b") == [(one, ("b",))]
    assert await leaving() == []
    assert await leaving("b") == [(one, ("b",))]
    first.cut()
    roster = await second.hear_kind("roster")
    assert isinstance(roster, Roster)
    assert roster.leaving == ()


async def test_a_cut_line_leaves_the_roster_at_once(house: House) -> None:
    one, two = house.first_two()
    first, _ = await house.enter(one)
    second, _ = await house.enter(two)
    await until_members(second, {one, two})
    first.cut()  # no time passes
    await until_members(second, {two})


async def test_silence_leaves_the_roster_after_two_seconds_and_a_word_brings_it_back(house: House) -> None:
    one, two = house.first_two()
    first, _ = await house.enter(one)
    second, _ = await house.enter(two)
    await until_members(second, {one, two})
    await house.pass_time(SILENT_AFTER)
    assert second.silent  # an empty roster is never sent
    second.say(Heartbeat(state=State.SERVING, ready=True))
    await until_members(second, {two})
    first.say(Heartbeat(state=State.SERVING, ready=True))
    await until_members(second, {one, two})


async def test_only_serving_replicas_are_members(house: House) -> None:
    one, two = house.first_two()
    first, _ = await house.enter(one)
    second, _ = await house.enter(two)
    await until_members(second, {one, two})
    first.say(Heartbeat(state=State.DRAINING, ready=False))
    await until_members(second, {two})
    first.say(Heartbeat(state=State.SERVING, ready=True))
    await until_members(second, {one, two})
    first.say(Goodbye())
    await until_members(second, {two})


@pytest.mark.parametrize(
    ("changes", "final", "reason"),
    [
        ({"token": SecretStr("guess")}, True, "wrong token"),
        ({"group": "n2-blue"}, True, "no such group"),
        ({"task": "n1-blue-1.999"}, False, "engine does not report"),
        ({"protocol": PROTOCOL + 1}, True, "protocol"),
    ],
)
async def test_strangers_get_no_key(house: House, changes: dict[str, Any], final: bool, reason: str) -> None:
    line = house.knock(**{"task": house.first_two()[0]} | changes)
    answer = await line.hear()
    assert isinstance(answer, Refused)
    assert answer.final is final
    assert reason in answer.reason
    assert await line.hear() is None


@pytest.mark.parametrize("group", ["n1-blue-1\0", "n" * 100_000])
async def test_a_name_that_no_database_takes_costs_only_who_says_it(house: House, group: str) -> None:
    strange = house.knock("t", group=group)
    lines = [house.knock(task) for task in house.first_two()]
    answer = await strange.hear()
    assert isinstance(answer, Refused)
    assert answer.final
    for line in lines:
        assert isinstance(await line.hear(), Welcome)


async def test_a_task_of_another_group_gets_no_key(house: House) -> None:
    await house.engine.ensure(Group("test", "stranger", Release("r", ("x",)), {}, "t", 1))
    (other,) = [task for task in house.engine.running if task.startswith("stranger")]
    assert isinstance(await house.knock(other).hear(), Refused)


async def test_the_token_dies_with_its_group(house: House, database: Database) -> None:
    async with database.write() as session:
        (await session.get_one(GroupRow, GROUP)).removed_at = 1.0
    answer = await house.knock(house.first_two()[0]).hear()
    assert isinstance(answer, Refused)
    assert answer.final


async def test_the_first_word_must_be_a_hello(house: House) -> None:
    line = Line()
    house.visits.append(asyncio.create_task(house.door.serve(line)))
    line.say(Heartbeat(state=State.SERVING, ready=True))
    assert isinstance(await line.hear(), Refused)


async def test_a_replica_that_dials_again_keeps_its_slot(house: House) -> None:
    one, two = house.first_two()
    first, before = await house.enter(one)
    await house.enter(two)
    first.cut()
    _, after = await house.enter(one, slot=before.slot)
    assert after.slot == before.slot


async def test_a_second_line_of_the_same_task_replaces_the_first(house: House) -> None:
    one, two = house.first_two()
    first, before = await house.enter(one)
    other, _ = await house.enter(two)
    await until_members(other, {one, two})
    _, again = await house.enter(one)
    assert again.slot == before.slot
    while await first.hear() is not None:  # hung up on
        pass
    assert other.silent or await members(other) == {one, two}


async def test_the_slot_of_a_dead_task_is_given_to_its_replacement(house: House) -> None:
    one, two = house.first_two()
    first, before = await house.enter(one)
    await house.enter(two)
    house.engine.kill(one)
    first.cut()
    await house.tasks.refresh()
    replacement = next(task for task in house.engine.running if task not in (one, two))
    _, welcome = await house.enter(replacement)
    assert welcome.slot == before.slot


async def test_a_slot_whose_sender_is_revoked_is_nobodys_not_even_its_holders(house: House) -> None:
    one, _ = house.first_two()
    _, first = await house.enter(one)
    async with house.database.write() as session:
        for number in range(5):
            slot = await nodes.slot_of(session, 1, SENDERS[number])
            assert slot is not None
            await nodes.stand(session, slot, Standing.REVOKING)
    _, second = await house.enter(one, slot=first.slot)
    assert (first.slot, second.slot) == (0, 5)
    async with house.database.write() as session:
        slot = await nodes.slot_of(session, 1, SENDERS[5])
        assert slot is not None
        await nodes.stand(session, slot, Standing.REVOKED)
    refused = await house.knock(one).hear_kind("refused")
    assert isinstance(refused, Refused)
    assert not refused.final, "fresh senders are on their way"


async def test_without_a_free_slot_the_longest_silent_holder_loses_its_own(house: House) -> None:
    await house.engine.ensure(Group("test", GROUP, Release("r", ("x",)), {}, "token", 7))
    held: dict[str, int] = {}
    everybody = list(house.engine.running)
    for task in everybody[:6]:
        line, welcome = await house.enter(task)
        held[task] = welcome.slot
        if task == everybody[2]:
            line.cut()
        await house.pass_time(0.1)
    assert sorted(held.values()) == [0, 1, 2, 3, 4, 5]
    for task in everybody[:6]:
        if task != everybody[2]:
            await house.enter(task, slot=held[task])
    _, welcome = await house.enter(everybody[6])
    assert welcome.slot == held[everybody[2]]


async def test_a_new_leader_keeps_slots_and_presumes_alive_whoever_the_engine_reports(house: House) -> None:
    one, two = house.first_two()
    _, slot_one = await house.enter(one)
    _, slot_two = await house.enter(two)
    await house.lead()
    async with house.database.read() as session:
        (node,) = await nodes.every(session)
    for task, welcome in ((one, slot_one), (two, slot_two)):
        house.hub.presume(node, Seat(task, SENDERS[welcome.slot], Colour.BLUE, True, 0.0))
    first, again = await house.enter(one, slot=slot_one.slot)
    assert again.epoch == 2
    assert again.slot == slot_one.slot
    assert await members(first) == {one, two}  # two has not dialled yet
    house.engine.kill(two)
    await house.tasks.refresh()  # the engine's word ends the presumption
    await until_members(first, {one})


async def test_the_presumption_ends_with_the_grace(house: House) -> None:
    one, two = house.first_two()
    await house.lead()
    async with house.database.read() as session:
        (node,) = await nodes.every(session)
    for task in (one, two):
        house.hub.presume(node, Seat(task, SENDERS[0], Colour.BLUE, True, 0.0))
    first, _ = await house.enter(one)
    assert await members(first) == {one, two}
    for _ in range(int(GRACE)):
        await house.pass_time(1.0)
        first.say(Heartbeat(state=State.SERVING, ready=True))
        await asyncio.sleep(0)
    await until_members(first, {one})


async def test_nobody_is_judged_while_some_still_stand_in_line(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = house.first_two()
    desk = house.door.desk
    assert desk is not None
    admit, free = desk.claims.admit, asyncio.Event()

    async def slowly(hello: Hello) -> Claim | Refused:
        await free.wait()
        return await admit(hello)

    first, _ = await house.enter(one)
    monkeypatch.setattr(desk.claims, "admit", slowly)
    late = house.knock(two)
    await asyncio.sleep(0)
    for _ in range(2 * int(GRACE)):
        await house.pass_time(1.0)
    assert not house.hub.judging, "it comes in soon"
    for _ in range(int(LONGEST_GRACE)):
        await house.pass_time(1.0)
    assert house.hub.judging, "nobody can hold that up for ever"
    free.set()
    assert isinstance(await late.hear_kind("welcome"), Welcome)
    first.cut()


async def test_a_standby_says_so_and_welcomes_on_the_same_line_when_it_leads(house: House) -> None:
    house.door.close()
    one = house.first_two()[0]
    line = house.knock(one)
    assert isinstance(await line.hear(), NotLeader)
    await house.lead()
    assert isinstance(await line.hear(), Welcome)


@pytest.mark.parametrize("changes", [{"group": "n9-blue-1"}, {"token": SecretStr("a guess")}])
async def test_a_standby_keeps_no_strangers_line_and_nothing_of_what_he_showed(
    house: House, changes: dict[str, Any]
) -> None:
    house.door.close()
    guess = "a stranger's guess 0123456789"
    line = house.knock("x.1", **({"token": SecretStr(guess)} | changes))
    refused = await line.hear()
    assert isinstance(refused, Refused)
    assert refused.final
    assert await line.hear() is None
    assert scrub(guess) == guess


async def test_of_too_many_silent_lines_the_oldest_is_closed_and_a_replica_comes_in(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("linkpool.fleet.agents.door.SILENT_LINES", 3)
    silent = [Line() for _ in range(5)]
    for line in silent:
        house.visits.append(asyncio.create_task(house.door.serve(line)))
    assert [await line.hear() for line in silent[:2]] == [None, None]
    await house.enter(house.first_two()[0])
    assert await silent[2].hear() is None


async def test_a_replica_that_leaves_a_standby_is_forgotten(house: House) -> None:
    house.door.close()
    line = house.knock(house.first_two()[0])
    await line.hear()
    line.cut()
    await asyncio.wait_for(house.visits[-1], 60)


async def test_a_leader_whose_term_ran_out_says_nothing_more(house: House) -> None:
    one, two = house.first_two()
    first, _ = await house.enter(one)
    second, _ = await house.enter(two)
    await until_members(second, {one, two})
    house.clock.advance(30)  # it slept, and did not renew
    first.cut()
    house.hub.sweep()
    await asyncio.sleep(0.05)
    assert second.silent


async def test_what_a_leader_has_to_say_while_it_is_late_to_renew_is_said_when_it_has(house: House) -> None:
    one, two = house.first_two()
    line, _ = await house.enter(one)
    await until_members(line, {one})
    house.clock.advance(STOP_AFTER)
    late = house.knock(two)

    async def let_in() -> bool:
        return house.hub.session(two) is not None

    await until(let_in, "it is let in")
    assert late.silent
    house.term.renewed(house.clock.monotonic())
    assert isinstance(await late.hear_kind("welcome"), Welcome)
    late.say(Heartbeat(state=State.SERVING, ready=True))
    line.say(Heartbeat(state=State.SERVING, ready=True))
    await until_members(late, {one, two})


async def test_stamps_of_a_kind_only_grow_over_terms(house: House) -> None:
    one, two = house.first_two()
    stamps = []
    for _ in range(3):
        first, _ = await house.enter(one)
        second, _ = await house.enter(two)
        await until_members(first, {one, two})
        second.cut()
        roster = await first.hear_kind("roster")
        assert isinstance(roster, Roster)
        stamps.append(roster.stamp)
        await house.lead()
    assert stamps == sorted(set(stamps))


async def test_the_catalog_is_told_to_all_and_acknowledged_by_heartbeats(house: House) -> None:
    one, two = house.first_two()
    first, _ = await house.enter(one)
    house.hub.set_catalog(Catalog(epoch=1, version=4, revision=4, jobs=("a",)))
    assert (await first.hear_kind("catalog")).model_dump()["revision"] == 4
    second, _ = await house.enter(two)
    await second.hear_kind("catalog")
    first.say(Heartbeat(state=State.SERVING, ready=True, catalog=4))
    second.say(Heartbeat(state=State.SERVING, ready=True, catalog=3))
    await _until(lambda: house.hub.acknowledged() == 3)
    second.say(Heartbeat(state=State.SERVING, ready=True, catalog=4))
    await _until(lambda: house.hub.acknowledged() == 4)


async def test_a_pool_without_jobs_says_so_and_says_nothing_before_it_looked(
    house: House, database: Database
) -> None:
    one, two = house.first_two()
    first, _ = await house.enter(one)
    await Catalogs(house.office, Keyring(bytes(32)), house.hub, lambda _bridge: ()).step()
    heard = await first.hear_kind("catalog")
    assert isinstance(heard, Catalog)
    assert (heard.revision, heard.jobs) == (0, ())
    second, _ = await house.enter(two)
    assert isinstance(await second.hear_kind("catalog"), Catalog)


async def test_runs_in_hand_at_two_deaths_are_tried_and_who_is_tried_at_two_more_is_avoided(
    house: House,
) -> None:
    survivor, _ = await house.enter(house.first_two()[0])
    seen = [house.first_two()[0]]

    async def until_said(suspects: tuple[str, ...], avoid: tuple[str, ...]) -> None:
        while True:
            roster = await survivor.hear_kind("roster")
            assert isinstance(roster, Roster)
            if (roster.suspects, roster.avoid, len(roster.members)) == (suspects, avoid, 1):
                return

    async def dies(*in_hand: str, trying: tuple[str, ...] = ()) -> None:
        """Another replica dies with these in hand."""
        victim = next(task for task in house.engine.running if task not in seen)
        seen.append(victim)
        line, _ = await house.enter(victim)
        state = Heartbeat(
            state=State.SERVING, ready=True, in_hand=(*in_hand, *trying), trying=trying, alone=bool(trying)
        )
        line.say(state)
        await until_members(survivor, {seen[0], victim})
        await _until(lambda: _in_hand(house, victim))
        survivor.say(Heartbeat(state=State.SERVING, ready=True))
        house.engine.kill(victim)
        line.cut()
        await house.tasks.refresh()

    await dies("good", "once", "bad")
    await until_said((), ())
    await dies("good", "another", "bad")
    await until_said(("bad", "good"), ())
    await dies(trying=("bad",))
    await until_said(("good", "bad"), ())
    await dies(trying=("bad",))
    await until_said(("good",), ("bad",))
    survivor.say(Heartbeat(state=State.SERVING, ready=True, in_hand=("good",), trying=("good",), alone=True))
    survivor.say(Heartbeat(state=State.SERVING, ready=True, in_hand=("good",)))
    await until_said((), ("bad",))


async def test_a_new_leader_hears_of_suspects_from_replicas_and_an_old_one_knows_better(house: House) -> None:
    one, two = house.first_two()
    told = {"suspects": ("r1", "r2"), "avoid": ("bad",)}
    first, _ = await house.enter(one, **told)
    roster = await first.hear_kind("roster")
    assert isinstance(roster, Roster)
    assert (roster.suspects, roster.avoid) == (("r1", "r2"), ("bad",))
    await house.pass_time(GRACE)
    first.say(Heartbeat(state=State.SERVING, ready=True))
    second, _ = await house.enter(two, suspects=("late",))
    roster = await second.hear_kind("roster")
    assert isinstance(roster, Roster)
    assert roster.suspects == ("r1", "r2")


async def test_who_waited_at_a_standby_tells_what_it_heard_meanwhile(house: House) -> None:
    house.door.close()
    line = house.knock(house.first_two()[0], suspects=("acquitted",))
    assert isinstance(await line.hear(), NotLeader)
    line.say(Heartbeat(state=State.SERVING, ready=True, suspects=("r1",), avoid=("bad",)))
    while line.unread:
        await asyncio.sleep(0)
    await house.lead()
    assert isinstance(await line.hear(), Welcome)
    line.say(Heartbeat(state=State.SERVING, ready=True))
    roster = await line.hear_kind("roster")
    assert isinstance(roster, Roster)
    assert (roster.suspects, roster.avoid) == (("r1",), ("bad",))


def _in_hand(house: House, task: str) -> bool:
    session = house.hub.session(task)
    return session is not None and session.beat is not None and bool(session.beat.in_hand)


async def _until(condition: Any) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.005)
