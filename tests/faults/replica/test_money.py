"""Gas that gets dear, a mempool that forgets, a sender that is out of money."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from linkpool.contracts.oracle import Reason
from linkpool.dev.pool import GAS_MONEY
from linkpool.units import Wei
from tests.support.pair import Pair, Replica
from tests.support.until import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

GWEI = 10**9
USUAL, DEAR = Wei(GWEI // 2), Wei(10 * GWEI)
"""wei per gas. An answer here is worth 27 gwei: 0.6 LINK at 0.005 coin, over 110,000 gas."""

TOO_DEAR = Wei(28 * GWEI)
"""Above what an answer is worth, below what a first send of a rejection may cost: 70 % of 41 gwei."""

STUCK = 40
"""Blocks: three until a transaction counts as stuck, its sibling's turn, and room for a busy machine."""

TO_THE_REJECTION = 118
"""Seconds of the window to leave out: rejecting begins at 120."""


@asynccontextmanager
async def base_fee(pair: Pair, wei: Wei) -> AsyncIterator[None]:
    """Every block costs just that much per gas while the context is open: one a second, each made by hand."""

    async def make() -> None:
        while True:
            pair.chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(wei))
            pair.chain.mine()
            await asyncio.sleep(1)

    async with pair.standstill():
        making = asyncio.create_task(make())
        try:
            yield
        finally:
            making.cancel()
            await asyncio.gather(making, return_exceptions=True)


async def answers_pending(pair: Pair, ids: list[bytes]) -> None:
    """Return when whoever is first for these has sent its answers."""
    fates = (await pair.tally()).fates
    firsts = {pair.first(fates[each].request) for each in ids}
    await pair.pooled(*(pair.replicas[name].key.address for name in firsts))


async def test_the_base_fee_rises_twentyfold_under_answers_on_their_way(pair: Pair) -> None:
    async with base_fee(pair, USUAL):
        await pair.blocks(2)
    async with pair.standstill():
        ids = await pair.ask_at_a_standstill(6)
        await answers_pending(pair, ids)
        async with base_fee(pair, DEAR):
            seen = await pair.answered([*ids, *await pair.ask_both()])
    assert max(one.delay for one in seen) <= STUCK
    for replica in pair.replicas.values():
        assert (await replica.figures())["requests_missed",] == 0
    await pair.serving()


async def test_above_its_worth_it_is_rejected_and_answered_when_gas_is_cheap_again(pair: Pair) -> None:
    async with base_fee(pair, TOO_DEAR):
        await pair.blocks(2)
        ids = await pair.ask_both()
        for replica in pair.replicas.values():
            await replica.counts("answers_unprofitable")
        tally = await pair.tally()
        assert not any(tally.payments[each] for each in ids)
        pair.chain.rpc("evm_increaseTime", TO_THE_REJECTION)

        async def all_rejected() -> bool:
            return set(ids) <= set(await pair.rejected())

        await until(all_rejected, "all are rejected")
        assert {reason for each, reason in (await pair.rejected()).items() if each in ids} == {
            Reason.UNPROFITABLE
        }

        async def all_counted() -> bool:
            told = [await replica.figures() for replica in pair.replicas.values()]
            return sum(now.get(("rejections", "unprofitable"), 0) for now in told) >= len(ids)

        await until(all_counted, "all rejections are counted")
    async with base_fee(pair, USUAL):
        await pair.answered(ids)
    for replica in pair.replicas.values():
        await until(partial(_none_open, replica), f"{replica.name} knows that nothing is open")
        assert (await replica.figures())["requests_missed",] == 0


async def _none_open(replica: Replica) -> bool:
    return (await replica.figures())["requests_open",] == 0


async def test_the_mempool_forgets_everything(pair: Pair) -> None:
    async with pair.standstill():
        ids = await pair.ask_at_a_standstill(6)
        await answers_pending(pair, ids)
        pair.chain.rpc("anvil_dropAllTransactions")
    seen = await pair.answered(ids)
    assert max(one.delay for one in seen) <= STUCK


async def test_every_node_acknowledges_and_forgets_one_replicas_transactions(pair: Pair) -> None:
    for way in (pair.left.first, pair.left.second):
        way.faults.swallow = True
    seen = await pair.answered(await pair.ask_both())
    assert {one.by for one in seen} == {"right"}
    assert max(one.delay for one in seen) <= STUCK
    pair.left.heal()
    await pair.answered_by_their_firsts()


async def test_a_sender_out_of_gas_money_is_answered_for_and_serves_again_when_it_has_some(
    pair: Pair,
) -> None:
    pair.chain.rpc("anvil_setBalance", pair.left.key.address, "0x0")
    seen = await pair.answered(await pair.ask_both())
    assert {one.by for one in seen} == {"right"}
    assert max(one.delay for one in seen) <= STUCK
    now = await pair.left.counts("transactions", "refused_InsufficientFunds")
    assert now["sender_balance_wei",] == 0
    await pair.left.says(f"its sender {pair.left.key.address} cannot pay: 0 wei")
    pair.chain.rpc("anvil_setBalance", pair.left.key.address, hex(GAS_MONEY))
    await pair.left.serves()
    await pair.answered_by_their_firsts()
