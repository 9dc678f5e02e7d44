"""Clocks apart, both killed at once, a process that was suspended, a request that kills whoever runs it."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from linkpool.chain.types import quantity
from linkpool.contracts.oracle import Reason
from linkpool.contracts.pool import Offer, Pool
from linkpool.dev.job import SPEC_ID, demo_job
from linkpool.dev.pool import BASE_FEE_CEILING, PAYMENT, PENALTY
from tests.support.pair import Pair, standing
from tests.support.source import Reply
from tests.support.until import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHIFTED = 20
OVERDUE = 122
"""Seconds of its window after which a covered request is rejected."""

SOON = 40
"""Blocks, two cold starts on a busy machine included."""

POISON = SPEC_ID[:-1] + b"2"
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


@pytest.mark.skipif(FAKETIME is None, reason="needs the Debian package faketime")
async def test_clocks_a_minute_apart(pair: Pair) -> None:
    for replica, shift in ((pair.left, "-30s"), (pair.right, "+30s")):
        await replica.afresh({"LD_PRELOAD": str(FAKETIME), "FAKETIME": shift, "DONT_FAKE_MONOTONIC": "1"})
        assert abs(replica.last_said() - time.time()) > SHIFTED
    await pair.answered_by_their_firsts()
    await pair.serving()


async def test_the_chains_clock_thirty_seconds_from_the_machines(pair: Pair) -> None:
    await asyncio.gather(*(replica.afresh() for replica in pair.replicas.values()))
    for _ in range(2):
        pair.chain.rpc("evm_increaseTime", 30)
        seen = await pair.answered(await pair.ask_both())
        assert max(one.delay for one in seen) <= SOON
        await pair.serving()


async def test_both_killed_while_requests_are_open(pair: Pair) -> None:
    usual, never = pair.source.replies["/price"], asyncio.Event()
    pair.source.replies["/price"] = replace(usual, held=never)
    asked = len(pair.source.asked)
    ids = await pair.ask_both()

    async def in_hand() -> bool:
        return len(pair.source.asked) >= asked + len(ids)

    await until(in_hand, "every request is being worked on")
    await asyncio.gather(pair.left.end(), pair.right.end())
    tally = await pair.tally()
    assert not any(tally.payments[each] for each in ids)
    never.set()
    pair.source.replies["/price"] = usual
    await asyncio.gather(pair.left.start(), pair.right.start())
    seen = await pair.answered([*ids, *await pair.ask_both()])
    assert max(one.delay for one in seen) <= SOON
    await pair.serving()
    for replica in pair.replicas.values():
        assert (await replica.figures())["requests_missed",] == 0


async def test_both_killed_with_answers_in_the_mempool(pair: Pair) -> None:
    async with pair.standstill():
        ids = await pair.ask_at_a_standstill(6)
        fates = (await pair.tally()).fates
        firsts = {pair.first(fates[each].request) for each in ids}
        await pair.pooled(*(pair.replicas[name].key.address for name in firsts))
        await asyncio.gather(*(replica.afresh() for replica in pair.replicas.values()))
    seen = await pair.answered([*ids, *await pair.ask_both()])
    assert max(one.delay for one in seen) <= SOON
    for replica in pair.replicas.values():
        assert (await replica.figures()).get(("transactions", "reverted"), 0) == 0


async def test_suspended_for_a_while(pair: Pair) -> None:
    assert pair.left.process is not None
    pair.left.process.send_signal(signal.SIGSTOP)
    try:
        seen = await pair.answered(await pair.ask_both())
        assert {one.by for one in seen} == {"right"}
    finally:
        pair.left.process.send_signal(signal.SIGCONT)
    await pair.serving()
    await pair.answered_by_their_firsts()


@asynccontextmanager
async def dying_of(pair: Pair, path: str) -> AsyncIterator[list[int]]:
    """Kill the replica whenever it fetches `path`, and start it again, as an engine does; the killed pids."""
    killed: list[int] = []
    one = pair.left

    async def reap() -> None:
        seen = pair.source.asked.count(path)
        while True:
            await asyncio.sleep(0.02)
            if pair.source.asked.count(path) > seen and one.process is not None:
                seen = pair.source.asked.count(path)
                killed.append(one.process.pid)
                os.kill(one.process.pid, signal.SIGKILL)
                await one.end()
                await one.start()

    reaping = asyncio.create_task(reap())
    try:
        yield killed
    finally:
        reaping.cancel()
        await asyncio.gather(reaping, return_exceptions=True)


@pytest.mark.timeout(900)
async def test_standing_alone_it_serves_on_between_two_requests_that_kill_it(tmp_path: Path) -> None:
    async with standing(tmp_path, names=("left",)) as pair:
        await pair.left.end()
        text = demo_job(pair.source.url).replace("/price", "/poison").replace("6c696e6b0001", "6c696e6b0002")
        (pair.jobs / "poison.toml").write_text(text)
        pair.source.replies["/poison"] = Reply("", seconds=30.0)
        offer = Offer(POISON, PAYMENT, PENALTY, BASE_FEE_CEILING, open=True)
        await pair.manager.send(Pool(pair.found.deployment.pool).set_offer(offer))
        oldest, between, newest = await pair.ask(1, POISON), await pair.ask(4), await pair.ask(1, POISON)
        poisons = {*oldest, *newest}
        async with dying_of(pair, "/poison") as killed:
            await pair.left.start()
            await pair.answered(between, within=300)
            assert killed
            made_at = (await pair.tally()).fates[newest[0]].request.made_at
            now = await pair.rpc.call("eth_getBlockByNumber", "latest", False)
            pair.chain.rpc("evm_increaseTime", made_at + OVERDUE - quantity(now["timestamp"]))

            async def rejected() -> bool:
                return poisons <= set(await pair.rejected())

            await until(rejected, "the poisons are rejected", 240)
            await pair.answered(await pair.ask(2))
        assert {(await pair.rejected())[each] for each in poisons} == {Reason.POISONED}
