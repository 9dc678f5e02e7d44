"""Waiting for one's turn: the rank decides, a change of the roster wakes, and nobody waits for ever."""

import asyncio
from functools import partial

import pytest

from linkpool.replica.duty import Pace, ahead, last_resort, order
from linkpool.replica.roster import RosterBook
from linkpool.replica.turn import AGREE_SECONDS, LOOK_AGAIN, TRIAL_STEP, Turn
from linkpool.wire.agent import Leaving, Member, Roster
from tests.support.oracle_logs import request
from tests.support.replica_desk import Chain, on_chain

pytestmark = pytest.mark.unit

Z = Member(task="z", sender="0xz", primary=True)
A = Member(task="a", sender="0xa", primary=True)
B = Member(task="b", sender="0xb", primary=True)
ONE = request(1)
FIRST, SECOND = (A, B) if not ahead(ONE.identity, (A, B), A) else (B, A)
TESTER, OTHER = order(b"", (A, B))
"""Of suspects one replica tries all, whoever would be first in line for them."""
PACE = Pace(1.0)


class Scene:
    """One replica's turn; `departed` are those whose landing was waited for."""

    def __init__(self, chain: Chain, me: Member) -> None:
        self.roster = RosterBook(me)
        self.roster.take(Roster(epoch=0, version=1, members=(A, B)))
        self.departed: list[str] = []
        self.turn = Turn(self.roster, chain.clock, self.landing)
        self.ready = chain.clock.now()

    async def landing(self, member: Member) -> None:
        self.departed.append(member.task)
        await asyncio.sleep(1)

    async def waited(self) -> float:
        """Seconds until it is this replica's turn."""
        start = asyncio.get_running_loop().time()
        await self.turn.mine(ONE, self.ready, PACE)
        return asyncio.get_running_loop().time() - start

    def say(self, version: int, *members: Member, leaving: tuple[Leaving, ...] = ()) -> None:
        self.roster.take(Roster(epoch=0, version=version, members=members, leaving=leaving))

    def suspect(self, version: int, *members: Member, acquit: bool = False) -> None:
        """The request may have killed two; or not, after all."""
        suspects = () if acquit else (ONE.run_id,)
        self.roster.take(Roster(epoch=0, version=version, members=members, suspects=suspects))

    def leaves(self, version: int, *runs: str) -> None:
        """The first drains, with these runs in hand."""
        self.say(version, SECOND, leaving=(Leaving(task=FIRST.task, sender="0x", primary=True, runs=runs),))


def test_the_first_in_line_waits_not_at_all_and_the_second_one_step():
    async def first(chain: Chain) -> float:
        return await Scene(chain, FIRST).waited()

    async def second(chain: Chain) -> float:
        return await Scene(chain, SECOND).waited()

    assert on_chain(first) == 0
    assert on_chain(second) == pytest.approx(PACE.step)


def test_when_the_first_leaves_the_second_takes_over_after_its_landing():
    async def scenario(chain: Chain) -> tuple[float, list[str]]:
        scene = Scene(chain, SECOND)
        asyncio.get_running_loop().call_later(0.5, scene.say, 2, SECOND)
        return await scene.waited(), scene.departed

    waited, departed = on_chain(scenario)
    assert waited == pytest.approx(1.5)
    assert departed == [FIRST.task]


def test_while_the_first_drains_with_the_run_in_hand_the_second_waits_its_step_as_before():
    async def scenario(chain: Chain) -> tuple[float, list[str]]:
        scene = Scene(chain, SECOND)
        asyncio.get_running_loop().call_later(0.5, scene.leaves, 2, "another", ONE.run_id)
        return await scene.waited(), scene.departed

    waited, departed = on_chain(scenario)
    assert waited == pytest.approx(PACE.step)
    assert departed == []


@pytest.mark.parametrize("runs", [(), ("another",)])
def test_what_the_first_does_not_have_in_hand_when_it_drains_is_the_seconds(runs):
    async def scenario(chain: Chain) -> float:
        scene = Scene(chain, SECOND)
        asyncio.get_running_loop().call_later(0.5, scene.leaves, 2, *runs)
        return await scene.waited()

    assert on_chain(scenario) == pytest.approx(1.5)


def test_who_becomes_primary_waits_for_those_who_were_ahead_and_are_still_there():
    former = Member(task="former", sender="0x", primary=True)
    me = Member(task="me", sender="0x", primary=False)

    async def scenario(chain: Chain, *, stays: bool) -> float:
        scene = Scene(chain, me)
        scene.say(2, former, me)
        now = [me.model_copy(update={"primary": True})]
        now += [former.model_copy(update={"primary": False})] * stays
        asyncio.get_running_loop().call_later(0.5, scene.say, 3, *now)
        return await scene.waited()

    assert on_chain(partial(scenario, stays=True)) == pytest.approx(PACE.step)
    assert on_chain(partial(scenario, stays=False)) == pytest.approx(1.5)


def test_a_roster_of_strangers_delays_only_until_the_last_resort():
    async def scenario(chain: Chain) -> float:
        scene = Scene(chain, SECOND)
        scene.say(2, *[Member(task=f"x{n}", sender="0x", primary=True) for n in range(200)])
        await scene.waited()
        return chain.clock.now()

    assert on_chain(scenario) <= last_resort(ONE.event.expiration) + 0.1


def test_who_drains_waits_for_the_last_resort_and_who_is_called_back_answers_at_once():
    async def scenario(chain: Chain) -> float:
        scene = Scene(chain, FIRST)
        scene.turn.draining = True
        asyncio.get_running_loop().call_later(20, setattr, scene.turn, "draining", False)
        return await scene.waited()

    assert on_chain(scenario) == pytest.approx(20)


def test_a_clock_that_was_wrong_is_looked_at_again():
    async def scenario(chain: Chain) -> float:
        scene = Scene(chain, FIRST)
        scene.ready += 400  # made by a chain whose time jumped, before three heads told so
        asyncio.get_running_loop().call_later(2, setattr, chain, "number", chain.number + 400)
        return await scene.waited()

    assert on_chain(scenario) <= 2 + 3 + LOOK_AGAIN


@pytest.mark.parametrize("late", [0.0, 250.0])
@pytest.mark.parametrize(("me", "rank"), [(TESTER, 0), (OTHER, 1)])
def test_two_never_try_a_suspect_at_once_however_late_it_is(me: Member, rank: int, late: float):
    async def scenario(chain: Chain) -> float:
        scene = Scene(chain, me)
        scene.ready -= late
        scene.suspect(2, A, B)
        return await scene.waited()

    assert on_chain(scenario) == pytest.approx(AGREE_SECONDS + rank * TRIAL_STEP)


def test_the_only_one_waits_for_a_sibling_before_it_tries_a_suspect():
    async def scenario(chain: Chain, comes: bool) -> float:
        scene = Scene(chain, FIRST)
        scene.suspect(2, FIRST)
        if comes:
            asyncio.get_running_loop().call_later(3, scene.suspect, 3, A, B)
        return await scene.waited()

    assert on_chain(partial(scenario, comes=True)) == pytest.approx(3 + AGREE_SECONDS)
    assert on_chain(partial(scenario, comes=False)) == pytest.approx(AGREE_SECONDS + TRIAL_STEP)


def test_what_a_sibling_tried_and_outlived_is_the_siblings_for_one_step_more():
    async def scenario(chain: Chain) -> float:
        scene = Scene(chain, OTHER)
        scene.ready -= 250
        scene.suspect(2, A, B)
        asyncio.get_running_loop().call_later(4, partial(scene.suspect, 3, A, B, acquit=True))
        return await scene.waited()

    assert on_chain(scenario) == pytest.approx(4 + PACE.step)


def test_a_suspect_whose_tester_dies_waits_for_the_next_sibling():
    async def scenario(chain: Chain) -> float:
        scene = Scene(chain, OTHER)
        scene.suspect(2, A, B)
        loop = asyncio.get_running_loop()
        loop.call_later(2, scene.suspect, 3, OTHER)
        loop.call_later(6, scene.suspect, 4, OTHER, Z)
        return await scene.waited()

    rank = order(b"", (OTHER, Z)).index(OTHER)
    assert on_chain(scenario) == pytest.approx(6 + AGREE_SECONDS + rank * TRIAL_STEP)
