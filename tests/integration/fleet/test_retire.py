"""A node goes: closed, then retired when nothing is open, and only then stopped; whatever dies in between."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from linkpool.contracts.oracle import WINDOW_SECONDS
from linkpool.contracts.pool import Status
from linkpool.fleet.nodes.rest import WATCH_EVERY
from linkpool.fleet.nodes.wishes import KeyUsed, NoSuchNode, NotNow
from linkpool.store import chain_rows, events, nodes, operations
from linkpool.store.chain_rows import Rows
from linkpool.store.chain_state import Block, ChainEvent
from linkpool.store.tables import NodeState, OperationState
from tests.support.fuse import Fuse
from tests.support.leaving import LeavingLeader, LeavingWorld, killed_at_every_step

LOOKS = 20


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[LeavingLeader]:
    """A leader whose one node serves."""
    leader = LeavingLeader(LeavingWorld(tmp_path), Fuse())
    await leader.found()
    await leader.lead()
    yield leader
    await leader.database.close()


async def until(made: LeavingLeader, holds: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(LOOKS):
        if await holds():
            return
        await made.look()
    raise AssertionError(f"not after {LOOKS} looks: the node is {await made.state()}")


async def until_state(made: LeavingLeader, state: NodeState) -> None:
    async def reached() -> bool:
        return await made.state() == state

    await until(made, reached)


async def go(world: LeavingWorld, fuse: Fuse) -> None:
    """All that one call and one leader do, until nothing of the node runs. Raises Crash."""
    made = LeavingLeader(world, fuse)
    try:
        await made.wishes.retire(made.oracle, "token:once")
        await made.lead()

        async def gone() -> bool:
            return await made.state() == NodeState.RETIRED and not world.engine.groups

        await until(made, gone)
    finally:
        await made.database.close()


async def check(world: LeavingWorld) -> None:
    """Closed once, retired once, told in order; nothing runs, and the keys are still known."""
    made = LeavingLeader(world, Fuse())
    async with made.database.read() as session:
        operation = await operations.by_key(session, "token:once")
        kinds = [event.kind for event in await events.after(session, 0)]
        slots = await nodes.slots(session, 1)
    await made.database.close()
    assert world.status is Status.RETIRED
    assert world.storage["did"] == ("drain", "retire")
    assert operation is not None
    assert operation.state == OperationState.DONE
    assert [kind for kind in kinds if kind.startswith("node_")] == [
        "node_made", "node_draining", "node_closed", "node_retired",
    ]  # fmt: skip
    assert not world.engine.running
    assert len(slots) == 6


async def test_killed_at_every_step_a_node_still_goes_once(tmp_path: Path) -> None:
    await killed_at_every_step(tmp_path, go, check, at_least=20)


async def test_replicas_answer_until_no_covered_request_is_open(made: LeavingLeader) -> None:
    world = made.world
    world.open_covers, world.escrow = 5, 7
    operation = await made.wishes.retire(made.oracle)
    for _ in range(LOOKS):
        await made.look()  # which sees to it that both replicas run
    assert world.status is Status.DRAINING
    async with made.database.read() as session:
        shown = await operations.get(session, operation.id)
    assert shown is not None
    assert "covered by" in shown.detail
    world.open_covers = world.escrow = 0
    await until_state(made, NodeState.RETIRED)


async def test_an_uncovered_request_is_waited_for_as_long_as_its_window(
    made: LeavingLeader,
) -> None:
    world = made.world
    world.escrow = 7
    await made.wishes.retire(made.oracle)
    for _ in range(5):
        await made.look()
    assert world.status is Status.DRAINING
    world.chain.mine(timestamp=world.chain.head.timestamp + WINDOW_SECONDS)
    await until_state(made, NodeState.RETIRED)


async def test_asking_again_is_the_same_going_and_other_nodes_are_named(made: LeavingLeader) -> None:
    first = await made.wishes.retire(made.oracle, "a")
    assert (await made.wishes.retire(made.oracle, "a")).id == first.id
    assert (await made.wishes.retire(made.oracle)).id == first.id
    with pytest.raises(NoSuchNode):
        await made.wishes.retire("0xnobody")
    with pytest.raises(KeyUsed):
        await made.wishes.make(key="a")
    await until_state(made, NodeState.RETIRED)
    assert (await made.wishes.retire(made.oracle)).id == first.id


async def test_a_node_that_is_not_registered_is_given_up_and_its_number_stays_used(
    made: LeavingLeader,
) -> None:
    operation = await made.wishes.make(key="second")
    assert operation.node == 2
    async with made.database.read() as session:
        oracle = (await nodes.get(session, 2)).oracle or ""
    await made.wishes.retire(oracle)
    async with made.database.read() as session:
        making = await operations.get(session, operation.id)
        assert (await nodes.get(session, 2)).state == NodeState.FAILED
    assert making is not None
    assert making.state == OperationState.FAILED
    assert (await made.wishes.make(key="third")).node == 3
    async with made.database.write() as session:
        (await nodes.get(session, 3)).state = NodeState.FAILED
        oracle = (await nodes.get(session, 3)).oracle or ""
    with pytest.raises(NotNow):
        await made.wishes.retire(oracle)


async def reopen(made: LeavingLeader) -> None:
    """The owner takes it back, and the indexer tells."""
    world = made.world
    world.status = Status.ACTIVE
    head = world.chain.head
    event = ChainEvent(1, head.number, head.timestamp, "0x", "NodeReopened", made.oracle, None, None, {})
    rows = Rows(blocks=[Block(head.number, "0x", head.timestamp)], events=[event])
    async with made.database.write() as session:
        await chain_rows.append(session, rows)


async def test_a_closed_node_that_the_owner_reopens_serves_on(made: LeavingLeader) -> None:
    world = made.world
    world.open_covers = 1
    operation = await made.wishes.retire(made.oracle)
    for _ in range(4):
        await made.look()
    await reopen(made)
    await until_state(made, NodeState.SERVING)
    for _ in range(4):
        await made.look()
    assert world.status is Status.ACTIVE
    async with made.database.read() as session:
        shown = await operations.get(session, operation.id)
    assert shown is not None
    assert (shown.state, shown.detail) == (OperationState.FAILED, "the pool's owner reopened it")


async def test_a_drain_that_a_re_org_took_back_is_sent_again(made: LeavingLeader) -> None:
    world = made.world
    world.open_covers = 1
    await made.wishes.retire(made.oracle)
    for _ in range(4):
        await made.look()
    world.status = Status.ACTIVE  # and no event of a reopening
    for _ in range(4):
        await made.look()
    assert world.status is Status.ACTIVE  # but the indexer may not have seen it yet
    async with made.database.write() as session:
        await chain_rows.append(session, Rows(blocks=[Block(world.chain.head.number + 9, "0x", 0)]))
    for _ in range(4):
        await made.look()
    assert world.status is Status.DRAINING


async def test_a_retired_node_that_the_owner_reopens_is_started_again(made: LeavingLeader) -> None:
    world = made.world
    await made.wishes.retire(made.oracle)
    await until_state(made, NodeState.RETIRED)
    for _ in range(2):
        await made.look()
    assert not world.engine.running
    world.status = Status.ACTIVE
    world.clock.advance(WATCH_EVERY)
    await made.rest.step()
    assert await made.state() == NodeState.REGISTERED


async def test_a_failed_node_whose_invite_is_used_all_the_same_is_retired(
    made: LeavingLeader,
) -> None:
    async with made.database.write() as session:
        (await nodes.get(session, 1)).state = NodeState.FAILED
    await made.rest.step()  # the contracts say that it is registered, and active
    assert await made.state() == NodeState.DRAINING
    await made.keep()
    await until_state(made, NodeState.RETIRED)
