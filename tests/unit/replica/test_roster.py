"""The roster book: the newest roster rules, and whoever waits for it wakes at once."""

import asyncio

import pytest

from linkpool.replica.roster import RosterBook
from linkpool.wire.agent import Member, Roster

pytestmark = pytest.mark.unit

A = Member(task="a", sender="0xa", primary=True)
B = Member(task="b", sender="0xb", primary=True)


def roster(epoch: int, version: int, *members: Member, avoid: tuple[str, ...] = ()) -> Roster:
    return Roster(epoch=epoch, version=version, members=members, avoid=avoid)


def test_without_a_control_plane_a_replica_is_alone_in_its_roster():
    assert RosterBook(A).members == (A,)


@pytest.mark.parametrize(("epoch", "version"), [(2, 4), (1, 99), (0, 0)])
def test_an_older_roster_is_ignored(epoch, version):
    book = RosterBook(A)
    assert book.take(roster(2, 5, A, B))
    assert not book.take(roster(epoch, version, A))
    assert book.members == (A, B)


def test_a_new_leader_outranks_any_version_of_the_old_one():
    book = RosterBook(A)
    book.take(roster(2, 500, A, B))
    assert book.take(roster(3, 1, A))
    assert book.members == (A,)


async def test_a_waiter_wakes_when_the_roster_changes_and_not_before():
    book = RosterBook(A)
    waiter = asyncio.create_task(book.changed())
    await asyncio.sleep(0)
    book.take(roster(0, 0, A))
    book.take(roster(1, 1, A, B, avoid=("run",)))
    await asyncio.wait_for(waiter, 30)
    assert book.avoid == {"run"}


def test_a_replica_learns_its_own_colour_from_the_roster():
    book = RosterBook(A)
    book.take(roster(1, 1, A.model_copy(update={"primary": False}), B))
    assert not book.me.primary
