"""A replica that runs and says nothing: replaced after fifteen seconds, under the brakes."""

import asyncio

from linkpool.fleet.running.recovery import Recovery
from linkpool.wire.agent import Heartbeat, State
from tests.support.house import GROUP, House
from tests.support.line import Line


def recovery(house: House) -> Recovery:
    return Recovery(house.office, engine=house.engine, tasks=house.tasks, hub=house.hub, replicas=2)


async def live(house: House, healer: Recovery, seconds: int, *speaking: Line) -> None:
    """Time passes; some speak every second, and the healer looks every second."""
    for _ in range(seconds):
        for line in speaking:
            line.say(Heartbeat(state=State.SERVING, ready=True))
        await asyncio.sleep(0.01)
        await house.pass_time(1.0)
        await house.tasks.refresh()
        await healer.step({GROUP: 1})


async def test_the_silent_one_is_replaced_and_only_once_its_replacement_speaks_the_next(
    house: House,
) -> None:
    one, two = house.first_two()
    first, _ = await house.enter(one)
    await house.enter(two)
    healer = recovery(house)
    await live(house, healer, 14, first)
    assert house.engine.replaced == []
    await live(house, healer, 3, first)
    assert house.engine.replaced == [two]
    await live(house, healer, 10, first)  # the replacement is young, though it has not said a word yet
    assert house.engine.replaced == [two]


async def test_a_new_leader_replaces_nobody_for_fifteen_seconds_and_strangers_never(house: House) -> None:
    healer = recovery(house)
    await live(house, healer, 14)
    assert house.engine.replaced == []
    await live(house, healer, 5)
    assert len(house.engine.replaced) == 1  # of two silent ones of a node, one at a time
    house.engine.replaced.clear()
    for _ in range(40):
        await house.pass_time(1.0)
        await healer.step({"another-group": 1})
    assert house.engine.replaced == []
