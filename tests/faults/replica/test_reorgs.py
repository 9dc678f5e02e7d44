"""Re-orgs of depth 1 to 10, around an answer and around a request: each is answered again, and paid once.

After a re-org the chain's time is behind by as many seconds as blocks went, so here the clocks of chain and
machine drift apart by a minute and more as well.
"""

import asyncio

import pytest

from linkpool.replica.requests import Request
from tests.support.pair import Pair, Seen

pytestmark = pytest.mark.asyncio(loop_scope="module")

DEPTHS = range(1, 11)
AGAIN = 40
"""Blocks from the new chain's tip to the new answer: one or two, and room for a busy machine."""

WINDOW_AND_MORE = 400


async def bury(pair: Pair, block: int, depth: int) -> int:
    """Mine until `block` is the deepest of the last `depth` blocks; returns the tip."""
    tip = block + depth - 1
    pair.chain.mine(tip - await pair.height())
    return tip


def answered_in(seen: list[Seen]) -> list[int]:
    """Blocks of the answers."""
    return [one.request.log.block_number + one.delay for one in seen]


async def asked_in(pair: Pair, ids: list[bytes]) -> dict[bytes, Request]:
    """The requests, by id, as the chain has them now."""
    fates = (await pair.tally()).fates
    return {each: fates[each].request for each in ids if each in fates}


@pytest.mark.parametrize("depth", DEPTHS)
async def test_around_an_answer(pair: Pair, depth: int) -> None:
    async with pair.standstill():
        ids = await pair.ask_at_a_standstill(2)
        first = {pair.first(one) for one in (await asked_in(pair, ids)).values()}
        await pair.pooled(*(pair.replicas[name].key.address for name in first))
        tip = await bury(pair, await pair.height() + 1, depth)
        before = await pair.answered(ids)
        pair.chain.rpc("anvil_reorg", depth, [])
        tally = await pair.tally()
        assert not any(tally.payments[each] for each in ids), "every answer was taken back"
        assert [tally.fates[one.request.event.request_id].request.identity for one in before] == [
            one.request.identity for one in before
        ]
    assert max(answered_in(await pair.answered(ids))) <= tip + AGAIN


@pytest.mark.parametrize("depth", DEPTHS)
async def test_around_a_request_that_comes_back_elsewhere(pair: Pair, depth: int) -> None:
    async with pair.standstill():
        pair.chain.rpc("evm_increaseTime", 5)  # else the new block could be the old one
        before = await asked_in(pair, await pair.ask_at_a_standstill(2))
        ids, raw = list(before), await pair.raw(next(iter(before)))
        if depth > 1:
            first = {pair.first(one) for one in before.values()}
            await pair.pooled(*(pair.replicas[name].key.address for name in first))
        tip = await bury(pair, await pair.height(), depth)
        if depth > 1:
            await pair.answered(ids)
        pair.chain.rpc("anvil_reorg", depth, [[raw, depth - 1]])
        after = await asked_in(pair, ids)
        assert all(after[each].log.block_hash != before[each].log.block_hash for each in ids)
    assert max(answered_in(await pair.answered(ids))) <= tip + AGAIN


async def test_a_request_that_does_not_come_back_is_no_miss(pair: Pair) -> None:
    await asyncio.gather(*(replica.afresh() for replica in pair.replicas.values()))
    async with pair.standstill():
        ids = await pair.ask_at_a_standstill(4)
        for replica in pair.replicas.values():
            await replica.counts("requests_seen", above=len(ids) - 1)
        pair.chain.rpc("anvil_reorg", 1, [])
        assert await asked_in(pair, ids) == {}
    await pair.blocks(2)
    pair.chain.rpc("evm_increaseTime", WINDOW_AND_MORE)
    for replica in pair.replicas.values():
        now = await replica.counts("requests_ended", "reorged", above=len(ids) - 1)
        assert now["requests_ended", "reorged"] == len(ids)
        assert now["requests_missed",] == now["requests_open",] == 0
    await pair.answered(await pair.ask_both())
    await pair.serving()
