"""An indexer over a real database and the real contracts in process; what its tables hold, and should."""

import random
from typing import Any

from sqlalchemy import func, select

from linkpool.chain.rpc import Rpc
from linkpool.fleet.indexer.blocks import BlockReader
from linkpool.fleet.indexer.check import Difference, account_differences, differences
from linkpool.fleet.indexer.indexer import Indexer
from linkpool.store import chain_rows as rows
from linkpool.store import chain_tables as t
from linkpool.store import lease
from linkpool.store.database import Database
from tests.contracts.world import STAKERS, build
from tests.support.evm_chain import EvmChain
from tests.support.office import office_of
from tests.support.pool_life import PoolLife

TABLES = (t.blocks, t.events, t.nodes, t.books, t.positions, t.pool, t.requests, t.tickets)


def living_pool(seed: int = 0) -> PoolLife:
    """A new pool and people in it."""
    return PoolLife(EvmChain(build()), seed)


async def lead(database: Database) -> int:
    """Take the lease; the epoch."""
    async with database.write() as session:
        epoch = await lease.take(session, "test", await lease.seen(session))
    assert epoch is not None
    return epoch


def indexer(database: Database, life: PoolLife, epoch: int, rpc: Rpc | None = None) -> Indexer:
    """One that follows this pool."""
    return Indexer(office_of(epoch, database), BlockReader(rpc or life.chain, life.world.pool.address))


async def catch_up(follower: Indexer) -> None:
    """Step until the tables are up to the head."""
    while await follower.step():
        pass


async def stormy(life: PoolLife, follower: Indexer, rounds: int, seed: int, depth: int = 20) -> None:
    """Rounds of blocks that leave the chain, up to `depth` of them, and others in their place."""
    draw = random.Random(seed)  # noqa: S311 - repeatable, not secret

    async def grow(blocks: int) -> None:
        for _ in range(blocks):
            life.block(acts=20)
            if draw.random() < 0.15:
                await catch_up(follower)

    for _ in range(rounds):
        with life.chain.fork():
            await grow(draw.randint(1, depth))
            await catch_up(follower)
        await grow(draw.randint(1, depth + 5))
    await catch_up(follower)


async def count(database: Database) -> int:
    """Events in the tables."""
    async with database.read() as session:
        return await session.scalar(select(func.count()).select_from(t.events)) or 0


async def tables(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, in order of its key."""
    async with database.read() as session:
        return {
            table.name: [
                tuple(row) for row in await session.execute(select(table).order_by(*table.primary_key))
            ]
            for table in TABLES
        }


async def wrong(database: Database, life: PoolLife) -> list[Difference]:
    """Every figure of every node and account that is not what the contracts' views say."""
    world, ask = life.world, life.world.evm.ask
    pool = world.pool.address
    async with database.read() as session:
        settings, books = await rows.pool_now(session), await rows.books_now(session)
        positions = await rows.positions_now(session, STAKERS)
        tickets = {who: await rows.unpaid_tickets(session, who) for who in STAKERS}
    summary, nodes = ask(world.view.summary(pool)), ask(world.view.nodes(pool))
    found = differences(settings, books, summary, nodes)
    for who in STAKERS:
        mine = {node: held for (account, node), held in positions.items() if account == who}
        seen = ask(world.view.account(pool, who))
        found += account_differences(who, settings.fee_bps, mine, tickets[who], books, seen)
    return found
