"""Figures, histories, accounts and pages say what the events and the views say, on both databases."""

from collections import Counter
from functools import partial
from statistics import median
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from linkpool.api.chain_view import ChainView
from linkpool.api.guard import public_now
from linkpool.api.history import history_routes
from linkpool.contracts import oracle as o
from linkpool.contracts.events import decode
from linkpool.fleet.clock import SystemClock
from linkpool.store.database import Database
from tests.contracts.world import STAKERS
from tests.support.indexing import catch_up, indexer, lead, living_pool
from tests.support.pool_life import PoolLife

BLOCKS = 250
SIZES = {"hour": 3_600, "day": 86_400}


@pytest.fixture
async def life(database: Database) -> PoolLife:
    """A pool with a past, read by an indexer."""
    lived = living_pool(seed=11)
    for _ in range(BLOCKS):
        lived.block(10)
    await catch_up(indexer(database, lived, await lead(database)))
    return lived


@pytest.fixture
def client(database: Database) -> httpx.AsyncClient:
    app = FastAPI()
    app.include_router(history_routes(ChainView(database), partial(public_now, database, SystemClock())))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://house/api/v1/public")


class Fates:
    """What became of every request, from the logs by the plainest means."""

    def __init__(self, life: PoolLife) -> None:
        now = life.chain.tip.timestamp
        self.missed: list[tuple[str, int]] = []
        self.delays: list[int] = []
        self.windows = 0
        made: dict[tuple[str, bytes], Any] = {}
        over: dict[int, tuple[str, int]] = {}
        logs = [log for block in life.chain.blocks for log in block.logs]
        requests = []
        for event in filter(None, map(decode, logs)):
            if not isinstance(event, o.EVENTS):
                continue
            key, time = (event.log.address, event.request_id), event.log.block_timestamp  # type: ignore[attr-defined]  # every event of an oracle has one
            assert time is not None
            if isinstance(event, o.OracleRequest):
                made[key] = event
                requests.append(event)
            elif isinstance(event, o.OracleResponse | o.CancelOracleRequest | o.Rejected):
                over.setdefault(id(made[key]), (type(event).__name__, time))
            if isinstance(event, o.OracleResponse):
                self.delays.append(event.log.block_number - made[key].log.block_number)
        for request in requests:
            end = over.get(id(request))
            self.windows += request.expiration <= now
            in_time = end is not None and (end[1] < request.expiration or end[0] == "Rejected")
            if request.expiration <= now and not in_time:
                self.missed.append((request.log.address, request.expiration))


async def test_the_pools_figures(database: Database, life: PoolLife, client: httpx.AsyncClient) -> None:
    shown, fates = (await client.get("/pool")).json(), Fates(life)
    rows = life.world.evm.ask(life.world.view.nodes(life.world.pool.address))
    stock, ever = shown["figures"]["stock"], shown["figures"]["ever"]
    assert shown["as_of"]["block"] == life.chain.tip.number
    assert shown["nodes"] == len(rows)
    assert int(stock["active"]) == sum(row.active for row in rows)
    assert int(stock["unbonding"]) == sum(row.unbonding for row in rows)
    assert int(stock["cover"]) == sum(row.reserves for row in rows)
    assert int(ever["earned"]) == sum(row.earned for row in rows) == int(ever["net"]) + int(ever["fees"])
    assert ever["rejected"] == sum(row.rejections for row in rows)
    assert ever["missed"] == len(fates.missed) > 10
    assert ever["answered"] == len(fates.delays)


async def test_what_a_node_shows_adds_up_to_the_pool(database: Database, life: PoolLife) -> None:
    known, fates = await ChainView(database).known(), Fates(life)
    assert known.together is not None
    for name in ("earned", "net", "penalties", "requests", "answered", "missed", "cancelled"):
        each = [int(getattr(figures.ever, name)) for figures in known.nodes.values()]
        assert sum(each) == int(getattr(known.together.ever, name))
    missed = Counter(node for node, _ in fates.missed)
    assert {
        node: figures.ever.missed for node, figures in known.nodes.items() if figures.ever.missed
    } == missed
    for figures in known.nodes.values():
        rates = figures.rates
        assert (rates.apr is None) == (rates.seconds < 86_400 or rates.income_apr is None)


@pytest.mark.parametrize("bucket", ["hour", "day"])
async def test_a_history_adds_up_and_ends_with_what_is(
    life: PoolLife, client: httpx.AsyncClient, bucket: str
) -> None:
    size, fates = SIZES[bucket], Fates(life)
    shown = (await client.get("/pool/history", params={"bucket": bucket, "count": 1_000})).json()
    now = (await client.get("/pool")).json()["figures"]
    buckets = shown["buckets"]
    span = life.chain.tip.timestamp - life.chain.blocks[1].head.timestamp
    assert len(buckets) in (min(span // size + 1, 1_000), min(span // size + 2, 1_000))
    assert buckets[-1]["stock"] == now["stock"]
    if len(buckets) < 1_000:
        for name in ("earned", "net", "fees", "penalties", "requests", "answered", "rejected", "missed"):
            assert sum(int(one["flow"][name]) for one in buckets) == int(now["ever"][name])
        assert sum(one["flow"]["missed"] for one in buckets) == len(fates.missed)
    if len(fates.delays) and bucket == "day":
        assert any(one["delay_blocks"] is not None for one in buckets)


async def test_a_nodes_history_is_its_own(life: PoolLife, client: httpx.AsyncClient) -> None:
    parts = []
    for node in life.world.nodes:
        shown = (await client.get(f"/nodes/{node.lower()}/history", params={"count": 1_000})).json()
        parts.append(sum(one["flow"]["answered"] for one in shown["buckets"]))
    whole = (await client.get("/pool/history", params={"count": 1_000})).json()["buckets"]
    assert sum(parts) == sum(one["flow"]["answered"] for one in whole) > 0
    assert (await client.get(f"/nodes/{STAKERS[0]}/history")).status_code == 404
    assert (await client.get("/nodes/0x12/history")).status_code == 422


async def test_the_median_delay_of_a_young_pool(database: Database, client: httpx.AsyncClient) -> None:
    life = living_pool(seed=1)
    world, node = life.world, life.world.nodes[0]
    waits = (1, 2, 2, 5)
    for wait in waits:
        life.chain.mine(lambda: life.requests.append(world.request(node, STAKERS[0])))
        for _ in range(wait - 1):
            life.chain.mine()
        life.chain.mine(lambda: world.answer(node, life.requests[-1]) and None)
    await catch_up(indexer(database, life, await lead(database)))
    rates = (await client.get("/pool")).json()["figures"]["rates"]
    assert rates["delay_blocks"] == median(waits)
    assert (rates["apr"], rates["income_apr"]) == (None, None), "less than a day is not enough data"


async def test_an_account_is_what_the_view_says_and_what_it_lost(
    life: PoolLife, client: httpx.AsyncClient
) -> None:
    world, lost = life.world, 0
    for who in STAKERS:
        seen = world.evm.ask(world.view.account(world.pool.address, who))
        shown = (await client.get(f"/accounts/{who}")).json()
        values = {row["node"]: (int(row["value"]), int(row["claimable"])) for row in shown["holdings"]}
        for row in seen.holdings:
            assert values[row.node] == (row.value, row.claimable)
        assert int(shown["claimable"]) == sum(row.claimable for row in seen.holdings)
        assert {int(row["ticket"]): int(row["value"]) for row in shown["tickets"]} == {
            row.ticket: row.value for row in seen.tickets
        }
        lost += int(shown["lost"])
    penalties = int((await client.get("/pool")).json()["figures"]["ever"]["penalties"])
    assert penalties > 0
    assert abs(lost - penalties) < 10_000, "what stakers lost is the penalties, and dust of rounding"


async def test_the_pages_of_events_are_all_events_once(life: PoolLife, client: httpx.AsyncClient) -> None:
    logs = [log for block in life.chain.blocks for log in block.logs if decode(log) is not None]
    found: list[dict[str, Any]] = []
    page: dict[str, Any] = {"next": None}
    while not found or page["next"] is not None:
        before = {} if page["next"] is None else {"before": page["next"]}
        page = (await client.get("/chain/events", params={"limit": 200, **before})).json()
        found += page["events"]
    assert [one["position"] for one in found] == sorted({one["position"] for one in found}, reverse=True)
    assert len(found) == len(logs)
    asked = {"kind": "Staked", "account": STAKERS[1], "node": life.world.nodes[0], "limit": 200}
    some = (await client.get("/chain/events", params=asked)).json()["events"]
    wanted = ("Staked", STAKERS[1], life.world.nodes[0])
    assert some == [one for one in found if (one["kind"], one["account"], one["node"]) == wanted]
    assert some[0]["data"].keys() == {"payer", "amount", "shares", "assets"}


async def test_before_the_first_block_nothing_is_claimed(client: httpx.AsyncClient) -> None:
    pool = (await client.get("/pool")).json()
    assert (pool["as_of"], pool["figures"], pool["nodes"]) == (None, None, 0)
    assert (await client.get("/pool/history")).json()["buckets"] == []
    account = (await client.get(f"/accounts/{STAKERS[0]}")).json()
    assert (account["value"], account["holdings"]) == ("0", [])
