"""Both replicas die with the same requests in hand: by chance, and nothing is rejected; or of one of them."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from linkpool.contracts.oracle import Reason
from linkpool.dev.job import SPEC_ID, demo_job
from linkpool.fleet.agents.poison import DEATHS, STRIKES
from tests.support.pool import RealPool, traffic
from tests.support.processes import connected_from
from tests.support.source import Reply
from tests.support.until import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

MANY = 40
POISON = SPEC_ID[:-1] + b"2"


async def test_both_are_killed_with_many_requests_in_hand_and_all_are_answered(pool: RealPool) -> None:
    price, held = pool.source.replies["/price"], asyncio.Event()
    pool.source.replies["/price"] = replace(price, held=held)
    victims = await pool.replicas()
    await pool.ask(MANY)

    async def in_hand_of_both() -> bool:
        return len(pool.source.asked) >= 2 * MANY

    await until(in_hand_of_both, "both replicas wait for every answer")
    for victim in victims:
        os.kill(victim.pid or 0, signal.SIGKILL)
    before = len(pool.source.asked)
    await pool.replicas(*victims)

    async def tried() -> bool:
        return len(pool.source.asked) > before

    await until(tried, "the new replicas try what may have killed the old ones")
    assert len(pool.source.asked) - before < MANY, "by and by, and not all at once"
    pool.source.replies["/price"] = price
    held.set()
    await pool.settled()
    assert await pool.rejected() == {}


@asynccontextmanager
async def dying_of(pool: RealPool, path: str) -> AsyncIterator[list[set[int]]]:
    """Kill whichever replica fetches `path`; those that were left, each time."""
    left: list[set[int]] = []
    seen = len(pool.source.asked)

    async def reap() -> None:
        nonlocal seen
        while True:
            await asyncio.sleep(0.01)
            news, seen = slice(seen, len(pool.source.asked)), len(pool.source.asked)
            for asked, port in zip(pool.source.asked[news], pool.source.asked_from[news], strict=True):
                running = pool.processes() if asked == path else set()
                if pid := connected_from(port, running):
                    os.kill(pid, signal.SIGKILL)
                    left.append(running - {pid})

    reaping = asyncio.create_task(reap())
    try:
        yield left
    finally:
        reaping.cancel()
        await asyncio.gather(reaping, return_exceptions=True)


@pytest.mark.timeout(600)
async def test_a_request_that_kills_is_found_while_all_others_are_answered(pool: RealPool) -> None:
    """It leaves a request that will never be answered, so it comes last."""
    text = demo_job(pool.source.url)
    deadly = text.replace("/price", "/poison").replace("6c696e6b0001", "6c696e6b0002")
    pool.source.replies["/poison"] = Reply("", seconds=60.0)
    await pool.serve(text, deadly)
    async with dying_of(pool, "/poison") as left, traffic(pool):
        await pool.answered(1)
        await pool.ask(1, POISON)

        async def rejected() -> bool:
            return bool(await pool.rejected())

        await until(rejected, "it is rejected", within=300)
        assert len(left) <= DEATHS + STRIKES
        assert all(left[DEATHS:]), "it is tried only while another serves"
        await pool.replicas()
        await pool.answered(3)

    async def only_it_is_open() -> bool:
        return (await pool.tally()).open == 1

    await until(only_it_is_open, "all others are answered")
    assert list((await pool.rejected()).values()) == [Reason.POISONED]
