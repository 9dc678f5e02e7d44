"""A node that cannot be made ends its call with the reason, and rests without losing anything."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from linkpool.contracts.view import Summary
from linkpool.engines.protocol import EngineRefused, Group
from linkpool.fleet.nodes.life import Nodes
from linkpool.fleet.nodes.prospects import MAKE_WITHIN, READ_EVERY, Prospects
from linkpool.fleet.nodes.wishes import MAKE
from linkpool.fleet.treasury.treasury import Unfunded
from linkpool.store import nodes, operations
from linkpool.store.tables import NodeState, OperationRow, OperationState
from tests.support.fuse import Fuse
from tests.support.leaving import LeavingLeader, LeavingWorld
from tests.support.pool_summary import pool_summary


class MakingWorld(LeavingWorld):
    """A pool in which nothing is registered until the test says so."""

    said: Summary | None = None
    in_pool = False
    seen = False

    async def registered(self, oracle: str) -> bool:
        return self.in_pool

    async def summary(self) -> Summary:
        return self.said or pool_summary(self.manager)

    # the treasury and the hub

    funds: Exception | bool = True

    async def top_up(self, senders: list[str]) -> bool:
        if isinstance(self.funds, Exception):
            raise self.funds
        return self.funds

    def says_registered(self, node: int) -> bool:
        return self.seen

    def roster(self, node: int) -> tuple[()]:
        return ()


class Maker(LeavingLeader):
    """A leader that makes one node."""

    world: MakingWorld

    async def begin(self) -> None:
        await self.database.migrate()
        await self.prepare()
        await self.wishes.make()
        await self.lead()
        self.nodes = Nodes(
            self.office,
            factory=self.factory,
            groups=self.groups,
            treasury=self.world,
            pool=self.world,
            prospects=Prospects(self.world, self.world.clock),
            tasks=self.tasks,
            hub=self.world,
        )

    async def operation(self) -> OperationRow:
        async with self.database.read() as session:
            found = await operations.newest_of(session, 1, MAKE)
        assert found is not None
        return found

    async def failed_with(self, words: str) -> None:
        operation = await self.operation()
        assert (operation.state, await self.state()) == (OperationState.FAILED, NodeState.FAILED)
        assert words in operation.detail


@pytest.fixture
async def maker(tmp_path: Path) -> AsyncIterator[Maker]:
    made = Maker(MakingWorld(tmp_path), Fuse())
    await made.begin()
    yield made
    await made.database.close()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (pool_summary(LeavingWorld.manager, max_nodes=3, live_nodes=3), "the pool is full: 3 of 3"),
        (pool_summary("0x" + "99" * 20), f"set_manager({LeavingWorld.manager})"),
    ],
)
async def test_what_the_contracts_refuse_for_good_ends_it_before_anything_is_spent(
    maker: Maker, said: Summary, words: str
) -> None:
    maker.world.said = said
    assert await maker.nodes.step()
    await maker.failed_with(words)
    assert not maker.world.engine.groups
    assert not await maker.nodes.step()


async def test_one_that_is_in_already_is_not_given_up_though_the_pool_is_full(maker: Maker) -> None:
    await maker.nodes.step()
    assert await maker.state() == NodeState.STARTED
    maker.world.said = pool_summary(maker.world.manager, max_nodes=1, live_nodes=1)
    maker.world.in_pool = maker.world.seen = True
    maker.world.clock.advance(READ_EVERY)
    await maker.nodes.step()
    assert await maker.state() == NodeState.REGISTERED


async def test_a_treasury_that_stays_empty_ends_it_in_its_words(maker: Maker) -> None:
    maker.world.funds = Unfunded("the treasury has too little: send coin to it")
    await maker.nodes.step()
    assert "send coin" in (await maker.operation()).detail
    maker.world.clock.advance(MAKE_WITHIN - 1)
    await maker.nodes.step()
    assert (await maker.operation()).state == OperationState.RUNNING
    maker.world.clock.advance(1)
    await maker.nodes.step()
    await maker.failed_with("send coin")


async def test_a_release_that_the_engine_refuses_ends_it_at_once(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(group: Group) -> None:
        raise EngineRefused("there is no program x")

    monkeypatch.setattr(maker.world.engine, "ensure", refuse)
    await maker.nodes.step()
    await maker.failed_with("there is no program x")


async def test_replicas_that_never_register_it_end_it_in_time_and_it_rests(maker: Maker) -> None:
    await maker.nodes.step()
    maker.world.clock.advance(MAKE_WITHIN)
    await maker.nodes.step()
    await maker.failed_with("the release may not start")
    for _ in range(3):
        await maker.rest.step()
        await maker.outbox.step()
        maker.world.chain.mine()
    assert not maker.world.engine.groups
    assert not maker.world.engine.running
    async with maker.database.read() as session:
        assert len(await nodes.slots(session, 1)) == 6  # its keys are still known, to be swept
    assert (await maker.wishes.make()).node == 2


async def test_one_that_registers_and_never_serves_ends_its_call_and_goes_on_trying(maker: Maker) -> None:
    maker.world.in_pool = maker.world.seen = True
    await maker.nodes.step()
    assert await maker.state() == NodeState.REGISTERED
    await maker.nodes.step()
    maker.world.clock.advance(MAKE_WITHIN)
    await maker.nodes.step()
    operation = await maker.operation()
    assert (operation.state, await maker.state()) == (OperationState.FAILED, NodeState.REGISTERED)
    assert "both replicas do not serve" in operation.detail


async def test_the_invite_of_a_failed_node_is_made_void_once(maker: Maker) -> None:
    maker.world.on_chain = False
    await maker.nodes.step()
    maker.world.clock.advance(MAKE_WITHIN)
    await maker.nodes.step()
    for _ in range(4):
        await maker.rest.step()
        await maker.outbox.step()
        maker.world.chain.mine()
        maker.world.clock.advance(100)
    assert maker.world.storage["did"] == ("revoke_invite",)
