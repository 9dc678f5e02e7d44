"""A member of a pool does what the newest leader says, and nothing that a former one still says."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from linkpool.replica.life import Life
from linkpool.replica.member import Membership, NotWanted
from linkpool.replica.roster import RosterBook
from linkpool.wire.agent import Drain, Member, NodeFacts, Refused, Resume, Roster, State, Welcome

pytestmark = pytest.mark.unit

NODE = NodeFacts(chain_id=1, link="", pool="", wallet="", oracle="0x" + "0a" * 20)
ME = Member(task="me", sender="0xa", primary=True)
OTHER = Member(task="other", sender="0xb", primary=True)


def welcome(epoch: int, key: int = 1) -> Welcome:
    return Welcome(epoch=epoch, node=NODE, slot=3, sender_key=key.to_bytes(32).hex())


class Wire:
    """An agent without sockets."""

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[Any] = asyncio.Queue()
        self.nudges = 0

    def nudge(self) -> None:
        self.nudges += 1


class Scene:
    """A serving member that heard the welcome of epoch 5."""

    async def begin(self) -> "Scene":
        self.wire = Wire()
        self.member = Membership("me", self.wire)  # type: ignore[arg-type] - as much of an Agent as it uses
        self.wire.inbox.put_nowait(welcome(5))
        self.claim = await self.member.claim()
        self.roster = RosterBook(ME)
        self.life = Life(self.member.changed)
        self.life.become(State.SERVING)
        return self

    async def hears(self, *messages: Any) -> None:
        core: Any = SimpleNamespace(roster=self.roster)
        task = asyncio.create_task(self.member.listen(core, self.life))
        for message in messages:
            self.wire.inbox.put_nowait(message)
        while not task.done() and not self.wire.inbox.empty():
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        if task.done():
            await task
        task.cancel()


async def test_a_claim_is_the_welcomes_slot_and_key():
    scene = await Scene().begin()
    assert (scene.claim.who.order, scene.claim.who.chain_id) == (3, 1)
    assert scene.claim.node == NODE


@pytest.mark.parametrize(
    "order", [Drain(epoch=4, version=9), Drain(epoch=0, version=10**6)], ids=["former leader", "long ago"]
)
async def test_a_former_leaders_drain_is_not_heard_even_as_the_first_of_its_kind(order):
    scene = await Scene().begin()
    await scene.hears(order)
    assert scene.life.state is State.SERVING


async def test_a_former_leaders_roster_is_not_heard_even_as_the_first():
    scene = await Scene().begin()
    await scene.hears(Roster(epoch=4, version=9, members=(OTHER,)))
    assert scene.roster.members == (ME,)


async def test_once_a_new_leader_spoke_the_old_one_is_not_heard_in_any_kind():
    scene = await Scene().begin()
    await scene.hears(Roster(epoch=6, version=0, members=(ME, OTHER)), Drain(epoch=5, version=9))
    assert scene.life.state is State.SERVING
    assert scene.roster.members == (ME, OTHER)


async def test_drain_and_resume_are_ordered_by_their_stamps():
    scene = await Scene().begin()
    await scene.hears(Drain(epoch=5, version=2))
    assert scene.life.state is State.DRAINING
    await scene.hears(Resume(epoch=5, version=1))
    assert scene.life.state is State.DRAINING
    await scene.hears(Resume(epoch=5, version=3))
    assert scene.life.state is State.SERVING


async def test_welcomed_again_to_the_same_slot_it_goes_on():
    scene = await Scene().begin()
    await scene.hears(welcome(6))
    assert scene.life.state is State.SERVING


async def test_when_the_slot_went_to_another_it_ends():
    scene = await Scene().begin()
    with pytest.raises(NotWanted, match="slot to another"):
        await scene.hears(welcome(6, key=2))


async def test_a_former_leaders_other_welcome_ends_nobody():
    scene = await Scene().begin()
    await scene.hears(welcome(4, key=2))
    assert scene.life.state is State.SERVING


@pytest.mark.parametrize(("final", "outcome"), [(True, NotWanted), (False, None)])
async def test_only_a_final_refusal_ends_it(final, outcome):
    scene = await Scene().begin()
    refused = Refused(reason="unknown task", final=final)
    hearing: Callable[[], Any] = lambda: scene.hears(refused)  # noqa: E731 - the same call in both branches
    if outcome:
        with pytest.raises(outcome, match="unknown task"):
            await hearing()
    else:
        await hearing()
        assert scene.life.state is State.SERVING
