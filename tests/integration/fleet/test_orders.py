"""What single replicas are told, and rosters around a switch: on real lines, in memory."""

from pydantic import SecretStr

from linkpool.engines.protocol import Group, Release
from linkpool.fleet.agents.orders import PROBE_AGAIN, Orders
from linkpool.store import groups, nodes, tokens
from linkpool.store.groups import Owner
from linkpool.store.tables import Colour
from linkpool.wire.agent import Drain, Heartbeat, Probe, Probed, Refused, Resume, Roster, State
from tests.support.house import House
from tests.support.line import Line
from tests.support.office import pass_time
from tests.support.until import until

GREEN = "n1-green-2"


async def four(house: House) -> list[str]:
    """The node's second colour runs beside the first; its two tasks."""
    async with house.database.write() as session:
        await groups.add(
            session,
            GREEN,
            Owner(node=1),
            serial=2,
            colour=Colour.GREEN,
            release="r",
            token_hash=tokens.digest("token"),
            now=0.0,
        )
    await house.engine.ensure(Group("test", GREEN, Release("r", ("x",)), {}, "token"))
    await house.tasks.refresh()
    return [task.id for task in house.tasks.of(GREEN)]


async def test_four_replicas_hold_four_slots_and_the_primary_ones_stand_first(house: House) -> None:
    green = await four(house)
    entered = [await house.enter(task) for task in house.first_two()]
    entered += [await house.enter(task, group=GREEN) for task in green]
    assert {welcome.slot for _, welcome in entered} == {0, 1, 2, 3}
    await until(lambda: _members(house, 4), "all four are in the roster")
    assert {member.task for member in house.hub.roster(1) if member.primary} == set(house.first_two())
    async with house.database.lead(house.term.epoch) as session:
        await nodes.set_primary(session, 1, Colour.GREEN)
    house.hub.prefer(1, Colour.GREEN)
    assert {member.task for member in house.hub.roster(1) if member.primary} == set(green)
    line, _ = entered[0]
    told: set[str] = set()
    while told != set(green):
        told = {member.task for member in (await _roster(line)).members if member.primary}


async def _members(house: House, count: int) -> bool:
    return len(house.hub.roster(1)) == count


async def _roster(line: Line) -> Roster:
    heard = await line.hear_kind("roster")
    assert isinstance(heard, Roster)
    return heard


async def test_a_row_that_was_read_before_the_switch_does_not_undo_it(house: House) -> None:
    green = await four(house)
    async with house.database.read() as session:
        stale = await nodes.get(session, 1)
    house.hub.prefer(1, Colour.GREEN)
    await house.enter(green[0], group=GREEN)
    house.hub._household(stale)  # what a replica does that was admitted just before
    await until(lambda: _members(house, 1), "it is in the roster")
    assert [member.primary for member in house.hub.roster(1)] == [True]


async def test_a_drain_is_said_once_on_a_line_and_again_on_the_next(house: House) -> None:
    orders = Orders(house.office, house.hub)
    one, two = house.first_two()
    line, _ = await house.enter(one)
    assert orders.drain([one]) is False
    assert orders.drain([one]) is False
    drain = await line.hear_kind("drain")
    assert isinstance(drain, Drain)
    line.say(Heartbeat(state=State.DRAINING, ready=False, drained=True))
    await until(lambda: _true(orders.drain([one])), "it has drained")
    assert orders.drain([one, two]) is False, "who is not on the line may still do what it was told before"
    orders.resume([one])
    resume = await line.hear_kind("resume")
    assert isinstance(resume, Resume)
    assert resume.stamp > drain.stamp
    line.cut()
    again, _ = await house.enter(one)
    orders.drain([one])
    assert isinstance(await again.hear_kind("drain"), Drain)


async def test_one_that_drains_for_a_former_leader_is_called_back_too(house: House) -> None:
    one, _ = house.first_two()
    line, _ = await house.enter(one)
    line.say(Heartbeat(state=State.DRAINING, ready=False))
    await until(lambda: _true(house.hub.session(one).state is State.DRAINING), "it says so")
    Orders(house.office, house.hub).resume([one])
    assert isinstance(await line.hear_kind("resume"), Resume)


async def test_a_probe_is_asked_once_while_it_is_under_way_and_again_when_it_failed(house: House) -> None:
    orders = Orders(house.office, house.hub)
    one, _ = house.first_two()
    assert orders.probe(one) is None, "nobody is on the line"
    line, _ = await house.enter(one)
    assert orders.probe(one) is None
    assert orders.probe(one) is None
    first = await line.hear_kind("probe")
    assert isinstance(first, Probe)
    line.say(Probed(id=first.id, ok=False, detail="no source answers"))
    await until(lambda: _true(orders.probe(one) is not None), "it was heard")
    pass_time(house.term, house.clock, PROBE_AGAIN)
    failed = orders.probe(one)
    assert failed is not None
    assert failed.detail == "no source answers", "the last outcome stands until there is another"
    second = await line.hear_kind("probe")
    assert isinstance(second, Probe)
    assert second.id != first.id
    line.say(Probed(id=second.id, ok=True, detail="", checked=3))
    await until(lambda: _true((found := orders.probe(one)) is not None and found.ok), "it is well")
    assert line.silent, "and is asked no more"


async def _true(value: bool) -> bool:
    return value


async def test_the_token_of_an_adapters_group_opens_nothing(house: House) -> None:
    async with house.database.write() as session:
        await groups.add(
            session,
            "b-prices-blue-1",
            Owner(bridge="prices"),
            serial=1,
            colour=Colour.BLUE,
            release="r",
            token_hash=tokens.digest("token"),
            now=0.0,
        )
    await house.engine.ensure(Group("test", "b-prices-blue-1", Release("r", ("x",)), {}, "token"))
    await house.tasks.refresh()
    (task, _) = house.tasks.of("b-prices-blue-1")
    line = house.knock(task.id, group="b-prices-blue-1", token=SecretStr("token"))
    refused = await line.hear_kind("refused")
    assert isinstance(refused, Refused)
    assert refused.final
