"""What the pages are told: where the pool is, what it serves and for how much, and a stream of news."""

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import insert

from linkpool.api.server import listen, serve
from linkpool.store import catalog, chain_tables, events
from linkpool.store.chain_state import position
from tests.support.api_house import ApiHouse, api_house
from tests.support.job_text import JOB

ID = "0d4f8a1e5b5c4c3a9f2e6c696e6b0001"
TEXT_ID = "0x" + ID.encode().hex()


async def offer(house: ApiHouse, block: int, **terms: Any) -> None:
    """The chain said `OfferChanged`."""
    data = {"job": TEXT_ID, "payment": "100", "penalty": "5", "base_fee_ceiling": "9", "open": True} | terms
    row = {"position": position(block, 0), "block": block, "time": block, "tx": "0x", "kind": "OfferChanged"}
    async with house.database.write() as session:
        await session.execute(insert(chain_tables.events), [row | {"data": data}])


async def block(house: ApiHouse, number: int) -> None:
    async with house.database.write() as session:
        row = {"number": number, "hash": "0x", "time": 1_000 + number}
        await session.execute(insert(chain_tables.blocks), [row])


async def test_a_job_comes_with_the_last_terms_of_its_offer(tmp_path: Path) -> None:
    async with api_house(tmp_path) as house:
        async with house.database.write() as session:
            await catalog.put(session, jobs=[JOB], offers={}, leaving=[], bridges=[], now=0.0)
        served = (await house.client.get("/api/v1/public/jobs")).json()
        assert [job["offers"] for job in served["jobs"]] == [[]]
        id = served["jobs"][0]["id"].replace("-", "")
        mine = "0x" + id.encode().hex()
        await offer(house, 1, job=mine)
        await offer(house, 2, job=mine, payment="200")
        await offer(house, 3, job=mine, open=False)
        await offer(house, 4)  # another job's
        served = (await house.client.get("/api/v1/public/jobs")).json()
    (found,) = served["jobs"][0]["offers"]
    assert (found["payment"], found["open"]) == ("100", False)


async def test_the_pulse_is_the_figures_block(tmp_path: Path) -> None:
    async with api_house(tmp_path) as house:
        before = (await house.client.get("/api/v1/public/pulse")).json()
        await block(house, 7)
        house.clock.advance(1)
        after = (await house.client.get("/api/v1/public/pulse")).json()
    assert before["block"] is None
    assert (after["block"], after["time"]) == (7, "1970-01-01T00:16:47Z")


async def test_the_stream_says_blocks_and_public_events_alone(tmp_path: Path) -> None:
    async with api_house(tmp_path) as house:
        bound = listen("127.0.0.1", 0)
        serving = asyncio.create_task(serve(house.app, bound))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        try:
            async with (
                asyncio.timeout(60),
                httpx.AsyncClient(base_url=url, trust_env=False) as client,
                client.stream("GET", "/api/v1/public/events") as stream,
            ):
                lines = stream.aiter_lines()
                assert await said(lines, "pulse")
                async with house.database.write() as session:
                    events.add(session, "transaction_landed", None, {"purpose": "secret"}, 5.0)
                    events.add(session, "node_registered", "0xnode", {"index": 3}, 6.0)
                house.clock.advance(1)
                heard = await said(lines, "fleet")
                assert heard == {"at": "1970-01-01T00:00:06Z", "kind": "node_registered", "node": "0xnode"}
                await block(house, 8)
                house.clock.advance(1)
                while (await said(lines, "pulse"))["block"] != 8:
                    pass
        finally:
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving


async def said(lines: Any, event: str) -> dict[str, Any]:
    """The data of the next event of that name."""
    name = ""
    async for line in lines:
        if line.startswith("event:"):
            name = line.removeprefix("event:").strip()
        elif line.startswith("data:") and name == event:
            return dict(json.loads(line.removeprefix("data:")))
    raise AssertionError("the stream ended")
