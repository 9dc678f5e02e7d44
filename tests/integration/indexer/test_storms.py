"""Ten thousand events with re-orgs end equal to the contracts' own views, on both databases."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import func, select

from linkpool.chain.rpc import Call, Refusal, Rpc
from linkpool.contracts import oracle, pool_events
from linkpool.store import chain_rows as rows
from linkpool.store import chain_tables as t
from linkpool.store.database import Database
from tests.support.indexing import catch_up, count, indexer, lead, living_pool, stormy, tables, wrong

EVENTS = 10_000
ROLES = {"OwnershipTransferStarted", "InviteRevoked", "SenderAdded", "SenderRemoved"}
"""Events of which these people make none."""


async def test_ten_thousand_events_with_reorgs_end_as_the_views_say(database: Database) -> None:
    life = living_pool(seed=7)
    follower = indexer(database, life, await lead(database))
    events = 0
    while events < EVENTS:
        await stormy(life, follower, rounds=8, seed=events)
        assert await wrong(database, life) == []
        events = await count(database)
    async with database.read() as session:
        kinds = set(await session.scalars(select(t.events.c.kind).distinct()))
    every = {kind.__name__ for kind in (*oracle.EVENTS, *pool_events.EVENTS)}
    assert every - kinds <= ROLES


async def test_a_stormy_history_leaves_the_same_rows_as_a_calm_one(database: Database) -> None:
    life = living_pool(seed=3)
    epoch = await lead(database)
    await stormy(life, indexer(database, life, epoch), rounds=10, seed=1)
    stormed = await tables(database)
    async with database.lead(epoch) as session:
        await rows.undo(session, -1)
    await catch_up(indexer(database, life, epoch))
    calm = await tables(database)
    assert stormed | {"chain_blocks": None} == calm | {"chain_blocks": None}


class Picky:
    """`Rpc` over a chain that takes few contracts in one filter."""

    def __init__(self, chain: Rpc, most: int) -> None:
        self._chain, self._most = chain, most
        self.refused = 0

    async def call(self, method: str, *params: Any) -> Any:
        (answer,) = await self.batch([(method, params)])
        if isinstance(answer, Refusal):
            raise answer
        return answer

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        answers = await self._chain.batch(calls)
        for at, (method, params) in enumerate(calls):
            if method == "eth_getLogs" and len(params[0]["address"]) > self._most:
                answers[at] = Refusal("exceed max addresses", -32602)
                self.refused += 1
        return answers


async def test_a_pool_of_more_nodes_than_one_filter_may_name(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("linkpool.fleet.indexer.blocks.ADDRESSES", 2)
    life = living_pool(seed=5)
    picky = Picky(life.chain, most=2)
    follower = indexer(database, life, await lead(database), picky)
    await stormy(life, follower, rounds=6, seed=2)
    async with database.read() as session:
        nodes = await session.scalar(select(func.count()).select_from(t.nodes))
    assert nodes is not None
    assert nodes > 2
    assert await wrong(database, life) == []
    assert picky.refused == 0
