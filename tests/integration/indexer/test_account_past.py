"""An account's past ends in what it has now, grows as income does, and begins where the account does."""

from functools import partial
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from linkpool.api.chain_view import ChainView
from linkpool.api.guard import public_now
from linkpool.api.history import history_routes
from linkpool.fleet.clock import SystemClock
from linkpool.store.database import Database
from tests.contracts.world import STAKERS
from tests.support.indexing import catch_up, indexer, lead, living_pool
from tests.support.pool_life import PoolLife

NOBODY = "0x" + "00" * 19 + "99"


@pytest.fixture
async def life(database: Database) -> PoolLife:
    """A pool with a past, read by an indexer."""
    lived = living_pool(seed=5)
    for _ in range(150):
        lived.block(10)
    await catch_up(indexer(database, lived, await lead(database)))
    return lived


@pytest.fixture
def client(database: Database) -> httpx.AsyncClient:
    app = FastAPI()
    app.include_router(history_routes(ChainView(database), partial(public_now, database, SystemClock())))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://house/api/v1/public")


async def past(client: httpx.AsyncClient, account: str, bucket: str, count: int) -> list[dict[str, Any]]:
    path = f"/accounts/{account}/history"
    answer = await client.get(path, params={"bucket": bucket, "count": count})
    return list(answer.raise_for_status().json()["buckets"])


@pytest.mark.parametrize("bucket", ["hour", "day"])
async def test_it_ends_in_what_the_account_has(
    life: PoolLife, client: httpx.AsyncClient, bucket: str
) -> None:
    someone = False
    for account in STAKERS:
        now = (await client.get(f"/accounts/{account}")).json()
        buckets = await past(client, account, bucket, 1_000)
        last = buckets[-1] if buckets else {"value": "0", "earned": "0", "lost": "0"}
        assert (last["value"], last["lost"]) == (now["value"], now["lost"])
        assert abs(int(last["earned"]) - int(now["earned"])) <= len(now["holdings"]), "but for dust"
        earned = [int(each["earned"]) for each in buckets]
        assert earned == sorted(earned), "what was earned is never taken back"
        someone |= bool(buckets)
    assert someone


async def test_fewer_buckets_are_the_last_ones(life: PoolLife, client: httpx.AsyncClient) -> None:
    for account in STAKERS:
        every = await past(client, account, "hour", 1_000)
        assert await past(client, account, "hour", 3) == every[-3:]


async def test_nobody_has_no_past(life: PoolLife, client: httpx.AsyncClient) -> None:
    assert await past(client, NOBODY, "day", 30) == []
