"""A replica that is stopped, not dead; and one that is told to end while it has work in hand."""

import asyncio
import os
import re
import signal
from dataclasses import replace

import pytest

from linkpool.chain.types import checksum
from linkpool.contracts.oracle import OracleResponse
from linkpool.replica.duty import MIN_STEP, WINDOW, order
from linkpool.wire.agent import Member
from linkpool.wire.api import ReplicaView
from tests.support.pool import RealPool, traffic
from tests.support.until import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLOCKS_DIFFER = 1.0
"""Seconds: a replica's idea of the chain's time may be ahead of the block's whole seconds by so much."""


async def in_roster(pool: RealPool) -> set[str]:
    return {replica.task for replica in (await pool.node()).replicas if replica.in_roster}


async def until_in_roster(pool: RealPool, *wanted: ReplicaView) -> None:
    async def so() -> bool:
        return await in_roster(pool) == {replica.task for replica in wanted}

    await until(so, f"the roster is {[replica.task for replica in wanted]}")


async def test_a_silent_replica_leaves_the_roster_and_comes_back_when_it_speaks(pool: RealPool) -> None:
    silent, other = await pool.replicas()
    async with traffic(pool):
        await pool.some_open()
        os.kill(silent.pid or 0, signal.SIGSTOP)
        try:
            await until_in_roster(pool, other)
            await pool.answered(6)
        finally:
            os.kill(silent.pid or 0, signal.SIGCONT)
        await until_in_roster(pool, silent, other)
        await pool.answered(3)
    assert pool.processes() == {silent.pid, other.pid}
    await pool.settled()


async def test_told_to_end_a_replica_finishes_what_it_has_in_hand_and_no_other_does(pool: RealPool) -> None:
    replicas = await pool.replicas()
    await until(lambda: _idle(pool, replicas), "nothing is in anybody's hand")
    told, never = asyncio.Event(), asyncio.Event()
    usual = pool.source.replies["/price"]
    pool.source.replies["/price"] = replace(usual, held=told)
    asked = len(pool.source.asked)
    await pool.ask()
    await until(lambda: _seen(pool, asked), "a replica fetches")
    pool.source.replies["/price"] = replace(usual, held=never)  # for a sibling that begins, too
    (request,) = [fate.request for fate in (await pool.tally()).fates.values() if fate.answered_in is None]
    ready_at = request.event.expiration - WINDOW
    members = [Member(task=r.task, sender=r.sender or "", primary=True) for r in replicas]
    first = order(request.identity, members)[0]
    worker = next(replica for replica in replicas if replica.task == first.task)
    os.kill(worker.pid or 0, signal.SIGTERM)
    try:
        await until(lambda: _left(pool, worker), "the roster is without the one that ends")
        told.set()
        await pool.settled()
        siblings = pool.source.asked_at[asked + 1 :]
        assert all(at > ready_at + MIN_STEP - CLOCKS_DIFFER for at in siblings), "it waited for its own turn"
    finally:
        never.set()
        pool.source.replies["/price"] = usual
    await pool.replicas(worker)
    assert await _answered_by(pool, request.event.request_id) == worker.sender
    assert await until(lambda: _how_it_ended(pool, worker), "its end is in the log") == "exit 0"


async def _idle(pool: RealPool, replicas: list[ReplicaView]) -> bool:
    """By their own figures; one that was stopped may still have runs that others finished long ago."""
    for replica in replicas:
        async with pool.http.get(f"{replica.health}/metrics") as reply:
            if "linkpool_runs_in_hand 0.0" not in await reply.text():
                return False
    return True


async def _left(pool: RealPool, replica: ReplicaView) -> bool:
    return replica.task not in await in_roster(pool)


async def _seen(pool: RealPool, before: int) -> bool:
    return len(pool.source.asked) > before


async def _answered_by(pool: RealPool, request_id: bytes) -> str:
    where = {
        "address": pool.oracle,
        "fromBlock": "0x0",
        "topics": ["0x" + OracleResponse.topic().hex(), "0x" + request_id.hex()],
    }
    (log,) = await pool.rpc.call("eth_getLogs", where)
    sent = await pool.rpc.call("eth_getTransactionByHash", log["transactionHash"])
    return checksum(sent["from"])


async def _how_it_ended(pool: RealPool, replica: ReplicaView) -> str | None:
    """As the engine logged it."""
    text = pool.plane.log.read_text()
    found = re.search(rf'"task": "{re.escape(replica.task)}", "how": "([^"]*)"', text)
    return found[1] if found else None


async def test_a_replica_silent_for_good_is_replaced(pool: RealPool) -> None:
    silent, other = await pool.replicas()
    async with traffic(pool, every=1.0):
        os.kill(silent.pid or 0, signal.SIGSTOP)
        after = await pool.replicas(silent)
        assert other.task in {replica.task for replica in after}
        await until(lambda: _ended(pool, silent), "the silent one is gone")
    assert pool.processes() == {replica.pid for replica in after}
    await pool.settled()


async def _ended(pool: RealPool, replica: ReplicaView) -> bool:
    return replica.pid not in pool.processes()
