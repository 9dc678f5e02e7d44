"""What endpoints keep back, re-orgs below all memory, and who may write: the tables come out right."""

from typing import Any

import pytest

from linkpool.chain.rpc import Behind
from linkpool.fleet.indexer.check import Checker
from linkpool.fleet.indexer.indexer import Followed
from linkpool.store import chain_rows as rows
from linkpool.store.database import Database, LeaseLost
from tests.contracts.world import STAKERS
from tests.support.indexing import catch_up, count, indexer, lead, living_pool, tables, wrong
from tests.support.office import office_of
from tests.support.pool_life import PoolLife


class Forgetful:
    """An endpoint that leaves out the logs of some blocks; all else it says is right."""

    def __init__(self, life: PoolLife) -> None:
        self._chain = life.chain
        self.forgets = True

    async def call(self, method: str, *params: Any) -> Any:
        found = await self._chain.call(method, *params)
        return [] if method == "eth_getLogs" and self.forgets else found

    async def batch(self, calls: Any) -> list[Any]:
        return [await self.call(method, *params) for method, params in calls]


def checker(database: Database, life: PoolLife, epoch: int) -> Checker:
    world = life.world
    return Checker(
        office_of(epoch, database), life.chain, Followed(world.pool.address, world.view.address, 0)
    )


async def checked(database: Database) -> rows.Checked:
    async with database.read() as session:
        found = await rows.checked(session)
    assert found is not None
    return found


async def test_a_log_kept_back_is_noticed_counted_and_read_again(database: Database) -> None:
    life, epoch = living_pool(seed=2), await lead(database)
    careful = checker(database, life, epoch)
    rpc = Forgetful(life)
    rpc.forgets = False
    follower = indexer(database, life, epoch, rpc)
    for _ in range(5):
        life.block(20)
    await catch_up(follower)
    await careful.step()
    agreed = await checked(database)
    assert (agreed.block, agreed.checks, agreed.differences) == (life.chain.tip.number, 1, 0)
    rpc.forgets = True
    life.chain.mine(lambda: life.world.stake(life.world.nodes[0], STAKERS[0], 10**18))
    await catch_up(follower)
    rpc.forgets = False
    assert await wrong(database, life) != []
    await careful.step()
    assert (await checked(database)).differences > 0
    assert (await checked(database)).block == agreed.block
    await catch_up(follower)
    assert await wrong(database, life) == []
    await careful.step()
    assert (await checked(database)).block == life.chain.tip.number


async def test_a_difference_that_stays_is_read_again_once(database: Database) -> None:
    life, epoch = living_pool(seed=2), await lead(database)
    careful, rpc = checker(database, life, epoch), Forgetful(life)
    follower = indexer(database, life, epoch, rpc)
    for round_ in range(3):
        await catch_up(follower)
        await careful.step()
        async with database.read() as session:
            gone_back = await rows.tip(session) is None
        assert gone_back == (round_ == 0)
    assert (await checked(database)).checks == 3


async def test_a_reorg_below_every_kept_block_begins_anew(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "KEPT", 8)
    life = living_pool(seed=4)
    follower = indexer(database, life, await lead(database))
    with life.chain.fork():
        for _ in range(20):
            life.block(10)
            await catch_up(follower)
    for _ in range(25):
        life.block(10)
    await catch_up(follower)
    assert await wrong(database, life) == []
    assert await count(database) > 50


async def test_a_reorg_of_a_hundred_blocks_is_undone_from_memory(database: Database) -> None:
    life = living_pool(seed=6)
    follower = indexer(database, life, await lead(database))
    for _ in range(3):
        life.block(20)
    await catch_up(follower)
    before = await tables(database)
    with life.chain.fork():
        for _ in range(100):
            life.block(4)
            if life.chain.tip.number % 9 == 0:
                await catch_up(follower)
        await catch_up(follower)
    async with database.read() as session:
        kept = await rows.kept_blocks(session)
    assert len(kept) > 100
    for _ in range(101):
        life.chain.mine()
    await catch_up(follower)
    after = await tables(database)
    assert {**after, "chain_blocks": 0} == {**before, "chain_blocks": 0}


async def test_a_head_far_below_ours_is_not_believed(database: Database) -> None:
    life = living_pool(seed=4)
    follower = indexer(database, life, await lead(database))
    for _ in range(400):
        life.chain.mine()
    await catch_up(follower)
    del life.chain.blocks[50:]
    with pytest.raises(Behind):
        await follower.step()
    del life.chain.blocks[1:]
    with pytest.raises(Behind):
        await follower.step()


async def test_who_no_longer_leads_writes_nothing(database: Database) -> None:
    life = living_pool(seed=4)
    old = indexer(database, life, await lead(database))
    await lead(database)
    with pytest.raises(LeaseLost):
        await old.step()
    assert (await tables(database))["chain_blocks"] == []
