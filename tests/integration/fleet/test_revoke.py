"""A stolen sender goes: removed once on chain, held by nobody, a fresh one in its place; whoever dies."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from linkpool.chain.keys import Key
from linkpool.fleet.alarms import Kind
from linkpool.fleet.nodes.revoke import INDEX_EVERY
from linkpool.fleet.nodes.wishes import REVOKE, KeyUsed, NoSuchNode, NoSuchSender, NotNow, revocation
from linkpool.store import alarms, chain_rows, events, nodes, operations
from linkpool.store.chain_rows import Rows
from linkpool.store.chain_state import Block, ChainEvent
from linkpool.store.nodes import KnownSlot
from linkpool.store.tables import NodeState, OperationState, Standing
from linkpool.units import Slot
from tests.support.fake_chain import Revert
from tests.support.fuse import Fuse
from tests.support.leaving import KEYS, LeavingLeader, LeavingWorld, killed_at_every_step

LOOKS = 20
STOLEN, FRESH = (Key(KEYS.sender(1, Slot(slot))).address for slot in (0, 6))


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[LeavingLeader]:
    """A leader whose one node serves; one replica holds the first slot."""
    leader = LeavingLeader(LeavingWorld(tmp_path), Fuse())
    await leader.found()
    await leader.lead()
    await hold(leader)
    yield leader
    await leader.database.close()


async def slots(made: LeavingLeader) -> Sequence[KnownSlot]:
    async with made.database.read() as session:
        return await nodes.slots(session, 1)


async def hold(made: LeavingLeader) -> None:
    """The first two replicas hold the first two slots."""
    async with made.database.write() as session:
        for slot, task in enumerate(sorted(made.world.engine.running)[:2]):
            await nodes.bind(session, {task: (1, slot)}, made.world.clock.now())


async def look(made: LeavingLeader) -> None:
    await made.tasks.refresh()
    await made.revocations.step()
    await made.outbox.step()
    made.world.turn()


async def until_settled(made: LeavingLeader) -> None:
    """Every slot is good or revoked."""
    for _ in range(LOOKS):
        if {slot.standing for slot in await slots(made)} <= {Standing.GOOD, Standing.REVOKED}:
            return
        await look(made)
    raise AssertionError([(slot.number, slot.standing) for slot in await slots(made)])


async def go(world: LeavingWorld, fuse: Fuse) -> None:
    """All that one call and one leader do. Raises Crash."""
    made = LeavingLeader(world, fuse)
    try:
        await made.wishes.revoke(made.oracle, STOLEN, "token:once")
        await made.lead()
        await until_settled(made)
    finally:
        await made.database.close()


async def check(world: LeavingWorld) -> None:
    """Removed and replaced, each once, and told in order."""
    made = LeavingLeader(world, Fuse())
    async with made.database.read() as session:
        operation = await operations.by_key(session, "token:once")
        kinds = [event.kind for event in await events.after(session, 0)]
        found = await nodes.slots(session, 1)
    await made.database.close()
    assert operation is not None
    assert (operation.kind, operation.state) == (REVOKE, OperationState.DONE)
    assert world.storage["did"] == (f"remove_sender {STOLEN}", f"add_sender {FRESH}")
    assert [(slot.number, slot.sender) for slot in found if slot.standing == Standing.REVOKED] == [
        (0, STOLEN)
    ]
    assert [slot.number for slot in found if slot.standing == Standing.GOOD] == [1, 2, 3, 4, 5, 6]
    assert found[6].sender == FRESH
    for kind in ("sender_revoked", "sender_removed", "sender_added"):
        assert kinds.count(kind) == 1
    assert len(world.engine.replaced) <= 2, "a leader that follows may not know that it was told to go"


async def test_killed_at_every_step_a_stolen_sender_goes_once(tmp_path: Path) -> None:
    await killed_at_every_step(tmp_path, go, check, at_least=10)


async def test_its_holder_is_replaced_at_once_and_it_is_over_when_nobody_holds_it(
    made: LeavingLeader,
) -> None:
    world = made.world
    holder = next(slot.task for slot in await slots(made) if slot.sender == STOLEN)
    world.engine.replaced.clear()
    first = await made.wishes.revoke(made.oracle, STOLEN)
    assert (await made.wishes.revoke(made.oracle, STOLEN, "another:key")).id == first.id
    await look(made)
    assert world.engine.replaced == [holder]
    await until_settled(made)
    assert world.engine.replaced == [holder]
    assert (await made.wishes.revoke(made.oracle, STOLEN)).state == OperationState.DONE
    async with made.database.read() as session:
        assert await operations.newest_for(session, REVOKE, revocation(made.oracle, STOLEN)) is not None


async def test_every_sender_of_a_node_may_be_stolen_one_after_the_other(made: LeavingLeader) -> None:
    for number in range(8):
        await made.wishes.revoke(made.oracle, Key(KEYS.sender(1, Slot(number))).address)
        await until_settled(made)
    good = [slot.number for slot in await slots(made) if slot.standing == Standing.GOOD]
    assert good == [8, 9, 10, 11, 12, 13]


async def test_what_the_guardian_removed_is_held_no_more_either(made: LeavingLeader) -> None:
    """As is what a database restored from the chain cannot know: one sender gone, and one that came after."""
    world = made.world
    world.storage["senders"] = world.registered_with - {STOLEN}
    world.storage["ever"] = world.registered_with | {FRESH}
    removed = [
        ChainEvent(place, 1, 1, "0x", "SenderRemoved", made.oracle, None, None, {"sender": sender})
        for place, sender in enumerate((STOLEN, FRESH))
    ]
    async with made.database.write() as session:
        await chain_rows.append(session, Rows(blocks=[Block(1, "0x1", 1)], events=removed))
    for _ in range(4):
        await look(made)
        world.clock.advance(INDEX_EVERY)
    await until_settled(made)
    standing = {slot.number: slot.standing for slot in await slots(made)}
    assert [number for number, how in standing.items() if how == Standing.REVOKED] == [0, 6]
    assert [number for number, how in standing.items() if how == Standing.GOOD] == [1, 2, 3, 4, 5, 7]
    operation = await made.wishes.revoke(made.oracle, STOLEN)
    assert (operation.state, operation.detail) == (OperationState.DONE, "it was removed on chain before")


async def test_a_chain_that_refuses_is_an_alarm_that_says_who_can_do_it(made: LeavingLeader) -> None:
    contracts = made.world.chain.contracts
    takes = contracts[made.world.facts.pool]

    def refuses(_call: object) -> bytes:
        raise Revert("Not manager or guardian")

    contracts[made.world.facts.pool] = refuses
    operation = await made.wishes.revoke(made.oracle, STOLEN)
    for _ in range(3):
        await look(made)
    async with made.database.read() as session:
        (up,) = await alarms.every(session)
        told = await operations.get(session, operation.id)
    assert (up.kind, up.subject) == (Kind.REVOCATION_WAITS, STOLEN)
    assert f"remove_sender({made.oracle}, {STOLEN})" in up.detail
    assert told is not None
    assert "Not manager" in told.detail
    contracts[made.world.facts.pool] = takes
    await until_settled(made)
    await look(made)
    async with made.database.read() as session:
        assert not await alarms.every(session)


async def test_who_has_no_such_sender_or_none_that_counts_is_told_so(made: LeavingLeader) -> None:
    with pytest.raises(NoSuchNode):
        await made.wishes.revoke("0x" + "11" * 20, STOLEN)
    with pytest.raises(NoSuchSender):
        await made.wishes.revoke(made.oracle, "0x" + "11" * 20)
    await made.wishes.revoke(made.oracle, STOLEN, "key")
    with pytest.raises(KeyUsed):
        await made.wishes.revoke(made.oracle, Key(KEYS.sender(1, Slot(1))).address, "key")
    async with made.database.write() as session:
        (await nodes.get(session, 1)).state = NodeState.RETIRED
    with pytest.raises(NotNow):
        await made.wishes.revoke(made.oracle, Key(KEYS.sender(1, Slot(2))).address)
