"""How fast the indexer reads: events a second from a chain in memory into SQLite and PostgreSQL.

The logs are those of the real contracts, made in process before the clock starts. `catching_up` reads long
ranges; `at_the_head` reads every block as it comes, a transaction each. Needs PostgreSQL on the machine.
"""

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # it ships no types

from bench._pool import report
from linkpool import log as logs
from linkpool.fleet.indexer.indexer import Indexer
from linkpool.store.database import Database
from tests.support.databases import NoPostgres, postgres
from tests.support.evm_chain import Mined
from tests.support.indexing import catch_up, count, indexer, lead, living_pool
from tests.support.pool_life import PoolLife

DEEP_BLOCKS, HEAD_BLOCKS = 1_500, 300
ACTS = 24


async def measure() -> Mapping[str, object]:
    """Both databases on the same history."""
    life = living_pool(seed=1)
    for _ in range(DEEP_BLOCKS + HEAD_BLOCKS):
        life.block(ACTS)
    figures: dict[str, object] = {}
    with tempfile.TemporaryDirectory(prefix="linkpool-bench-") as name, (Path(name) / "log").open("w") as own:
        logs.configure(own)
        figures["sqlite"] = await _read(f"sqlite:///{Path(name) / 'index.db'}", life)
        try:
            with postgres() as cluster:
                figures["postgresql"] = await _read(cluster.create(), life)
        except NoPostgres as missing:
            figures["postgresql"] = str(missing)
    return figures


async def _read(url: str, life: PoolLife) -> Mapping[str, object]:
    database = Database(url)
    await database.migrate()
    follower = indexer(database, life, await lead(database))
    whole = life.chain.blocks
    deep_seconds = await _grow_to(life, whole[: DEEP_BLOCKS + 1], follower)
    deep = await count(database)
    head_seconds = 0.0
    for length in range(DEEP_BLOCKS + 2, len(whole) + 1):
        head_seconds += await _grow_to(life, whole[:length], follower)
    life.chain.blocks = whole
    events = await count(database)
    await database.close()
    size = {} if database.one_host else {"bytes_per_request": await _bytes_per_request(url)}
    return {
        "events": events,
        **size,
        "catching_up_events_per_s": round(deep / deep_seconds),
        "at_the_head_events_per_s": round((events - deep) / head_seconds),
        "at_the_head_ms_per_block": round(1_000 * head_seconds / (len(whole) - DEEP_BLOCKS - 1), 1),
    }


async def _bytes_per_request(url: str) -> int:
    """All tables and indexes, with stakes and all else of that history, per request."""
    connection = await asyncpg.connect(url)
    try:
        size = (
            "SELECT sum(pg_total_relation_size(relid)) FROM pg_stat_user_tables WHERE relname LIKE 'chain_%'"
        )
        requests = "SELECT count(*) FROM chain_requests"
        return round(int(await connection.fetchval(size)) / int(await connection.fetchval(requests)))
    finally:
        await connection.close()


async def _grow_to(life: PoolLife, blocks: list[Mined], follower: Indexer) -> float:
    """Seconds it takes to follow once the chain is these blocks."""
    life.chain.blocks = blocks
    begin = time.perf_counter()
    await catch_up(follower)
    return time.perf_counter() - begin


def main(arguments: list[str]) -> None:
    """`python -m bench index`."""
    report("index", arguments, measure)
