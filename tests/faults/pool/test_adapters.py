"""An adapter that the pool runs, under load: tasks killed, the program upgraded, one that never works."""

import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio
from cbor2 import dumps

from linkpool.api.client_catalog import catalog, put_bridge, put_job, until_in_use
from linkpool.dev.pool import TERMS
from linkpool.wire.catalog import BridgeView, Program, PutBridge, PutJob
from tests.support.pool import RealPool, traffic
from tests.support.processes import carrying
from tests.support.until import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXAMPLES = Path(__file__).parents[3] / "examples"
ADAPTER = [sys.executable, str(EXAMPLES / "adapters" / "exchange.py")]
TEXT = (EXAMPLES / "catalog" / "jobs" / "exchange.toml").read_text()
ID = "8c1f1a5e-6f0d-4d5c-8a63-7d3f2f1b9a10"
JOB = UUID(ID).hex.encode()
ASKED = dumps({"from": "EUR", "to": "USD", "times": 100})[1:]
SAMPLE = '{"data": {"from": "EUR", "to": "USD"}}'


def exchange(rate: str, command: list[str] | None = None) -> PutBridge:
    program = Program(command=command or ADAPTER, settings={"RATES": f"EUR={rate}"}, sample=SAMPLE)
    return PutBridge(program=program, timeout=2.0)


async def bridge(pool: RealPool) -> BridgeView:
    (found,) = [each for each in (await catalog(pool.control)).bridges if each.name == "exchange"]
    return found


@asynccontextmanager
async def asked(pool: RealPool) -> AsyncIterator[None]:
    """Requests that need the adapter flow all the while; at the end every one is answered."""
    before = len((await pool.tally()).fates)
    async with traffic(pool, job=JOB, parameters=ASKED) as flow:
        yield
        await pool.answered(3)
    tally = await pool.settled()
    assert tally.answered == before + len(flow.asked)


async def values(pool: RealPool) -> set[int]:
    """What the latest request was answered with."""
    tally = await pool.tally()
    event = list(tally.fates.values())[-1].request.event
    return {await pool.found.consumer.value(event.request_id).ask(pool.rpc)}


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def adapter(pool: RealPool) -> None:
    await put_bridge(pool.control, "exchange", exchange("1.09"))
    change = await put_job(pool.control, ID, PutJob(text=TEXT, offer=TERMS))
    await until_in_use(pool.control, change.revision, 120)


async def test_one_of_two_tasks_is_killed_again_and_again_and_nothing_is_missed(pool: RealPool) -> None:
    async with asked(pool):
        for _ in range(3):
            victim = (await bridge(pool)).urls[0]
            port = victim.rsplit(":", 1)[1].rstrip("/")
            (pid,) = pool.processes() & carrying(f"EA_PORT={port}\0")
            os.kill(pid, signal.SIGKILL)

            async def two_others() -> bool:
                urls = (await bridge(pool)).urls
                return victim not in urls and len(urls) == 2  # noqa: B023 - awaited within this turn

            await until(two_others, "two healthy tasks are told again")


async def test_another_program_takes_over_and_nothing_is_missed(pool: RealPool) -> None:
    old = set((await bridge(pool)).urls)
    async with asked(pool):
        change = await put_bridge(pool.control, "exchange", exchange("1.11"))
        await until_in_use(pool.control, change.revision, 120)
        assert old.isdisjoint((await bridge(pool)).urls)
        await pool.answered(3)
    assert await values(pool) == {111}


async def test_a_program_that_never_answers_well_leaves_the_old_one(pool: RealPool) -> None:
    """It starts and listens, and knows no euro: its sample finds that out. Then comes one that works."""
    old = (await bridge(pool)).urls
    async with asked(pool):
        blind = Program(command=ADAPTER, settings={"RATES": "GBP=1.27"}, sample=SAMPLE)
        await put_bridge(pool.control, "exchange", PutBridge(program=blind, timeout=2.0))

        async def told() -> bool:
            program = (await bridge(pool)).program
            return program is not None and "asked the sample" in program.detail

        await until(told, "the sample finds it out")
        assert (await bridge(pool)).urls == old
        change = await put_bridge(pool.control, "exchange", exchange("1.15"))
        await until_in_use(pool.control, change.revision, 120)
    assert await values(pool) == {115}
