"""Follower and stream on a real anvil, over WebSocket and HTTP."""

import asyncio
from functools import partial

import aiohttp
import pytest

from linkpool.chain.endpoint import connect
from linkpool.chain.history import block_at, read_head
from linkpool.chain.intent import Dropped, Mined, Why
from linkpool.chain.keys import Key
from linkpool.chain.rpc import (
    InsufficientFunds,
    NonceTooLow,
    Refusal,
    Reverted,
    Rpc,
    Unreachable,
    Unsupported,
)
from linkpool.chain.simulate import simulate
from tests.support.anvil import KEYS, anvil
from tests.support.chain_probe import LOGGER, Probe, probe, put_logger, until

GWEI = 10**9


@pytest.mark.parametrize("scheme", ["ws", "http"])
async def test_what_is_wanted_is_mined_and_told(scheme: str) -> None:
    with anvil(block_time=1) as chain:
        put_logger(chain)
        async with probe([getattr(chain, scheme)]) as it:
            tickets = [it.want(number) for number in range(20)]
            outcomes = [await ticket for ticket in tickets]
            assert all(isinstance(one, Mined) and one.succeeded for one in outcomes)
            await until(lambda: it.done == list(range(20)))
            assert it.stream.counts["mined"] == 20


async def test_a_sound_subscription_costs_no_call_and_a_transaction_two() -> None:
    with anvil(block_time=1) as chain:
        put_logger(chain)
        async with probe([chain.ws]) as it:
            [end] = [standing.endpoint for standing in it.endpoints.standings]
            await it.want(0)
            before = None
            while before != end.calls:  # type: ignore[attr-defined]  # a machine that stood still had to ask
                before, start = end.calls.copy(), it.heads[-1]  # type: ignore[attr-defined]
                await until(lambda one=start: it.heads[-1] >= one + 3)
            await it.want(1)
            spent = end.calls - before  # type: ignore[attr-defined]
            assert set(spent) <= {"eth_sendRawTransaction"}, spent


def _reached(it: Probe, height: int) -> bool:
    return it.heads[-1] == height


@pytest.mark.parametrize("scheme", ["ws", "http"])
@pytest.mark.parametrize("depth", [1, 5])
async def test_a_reorg_that_loses_our_transactions(scheme: str, depth: int) -> None:
    with anvil(mining=False) as chain:
        put_logger(chain)
        chain.mine(10)
        async with probe([getattr(chain, scheme)]) as it:
            tickets = [it.want(number) for number in range(3)]
            await until(lambda: int(chain.rpc("txpool_status")["pending"], 16) == 3)
            chain.mine()
            assert all([isinstance(await ticket, Mined) for ticket in tickets])
            await until(lambda: it.done == [0, 1, 2])
            for height in range(12, 11 + depth):  # a leap would make the stream look around, now
                chain.mine()
                await until(partial(_reached, it, height))
            chain.rpc("anvil_reorg", depth, [])
            chain.rpc("anvil_dropAllTransactions")
            chain.mine()
            await until(lambda: it.gone == 3)
            # What was sent again before the pool was emptied is only missed as blocks pass.
            async with asyncio.timeout(60):
                while it.done != [0, 1, 2]:
                    chain.mine()
                    await asyncio.sleep(0.5)
            assert it.stream.counts["reorged"] == 3


async def test_an_evicted_transaction_is_sent_again_and_a_stuck_one_for_more() -> None:
    with anvil(mining=False, base_fee=GWEI) as chain:
        put_logger(chain)
        async with probe([chain.ws]) as it:
            ticket = it.want(1)
            await until(lambda: chain.rpc("txpool_status")["pending"] != "0x0")
            first = ticket.tx_hash
            assert first
            chain.rpc("anvil_dropTransaction", "0x" + first.hex())
            for _ in range(3):
                chain.mine()
            await until(lambda: chain.rpc("txpool_status")["pending"] != "0x0")
            chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(30 * GWEI))
            chain.mine()
            assert not it.done
            seen = it.heads[-1]
            while not it.done:
                chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(30 * GWEI))
                chain.mine()
                await until(lambda one=seen: it.heads[-1] > one)
                seen = it.heads[-1]
                assert seen < 40
            outcome = await ticket
            assert isinstance(outcome, Mined)
            assert it.stream.counts["replaced"] >= 1


async def test_a_new_holder_replaces_what_a_killed_one_left() -> None:
    with anvil(mining=False) as chain:
        put_logger(chain)
        async with probe([chain.ws]) as old:
            for number in range(4):
                old.want(number)
            await until(lambda: chain.rpc("txpool_status")["pending"] == "0x4")
        async with probe([chain.ws]) as new:
            tickets = [new.want(number) for number in (7, 8)]
            await until(lambda: all(ticket.tx_hash for ticket in tickets))
            await until(lambda: new.stream.counts["refused_Underpriced"] >= 2 or new.stream.waiting == 0)
            seen = new.heads[-1]
            while new.stream.waiting:
                chain.mine()
                await until(lambda one=seen: new.heads[-1] > one)
                seen = new.heads[-1]
                assert seen < 20
            await until(lambda: {7, 8} <= set(new.done))


async def test_an_unwanted_answer_leaves_no_gap() -> None:
    with anvil(mining=False) as chain:
        put_logger(chain)
        async with probe([chain.ws]) as it:
            wanted = {1: True, 2: True}
            first, second = it.want(1), it.want(2)
            await until(lambda: chain.rpc("txpool_status")["pending"] == "0x2")
            assert first.tx_hash
            chain.rpc("anvil_dropTransaction", "0x" + first.tx_hash.hex())
            it.logs.append(_log_of(1))  # a sibling answered it
            wanted[1] = False
            seen = it.heads[-1]
            while second.outcome is None:
                chain.mine()
                await until(lambda one=seen: it.heads[-1] > one)
                seen = it.heads[-1]
                assert seen < 20
            assert await first == Dropped(Why.UNWANTED)
            assert it.stream.counts["filled"] >= 1


async def until_mined(end: Rpc) -> None:
    async with asyncio.timeout(60):
        while await end.call("eth_blockNumber") == "0x0":
            await asyncio.sleep(0.02)


def _log_of(number: int) -> object:
    class Done:
        topics = (b"", number.to_bytes(32))

    return Done()


@pytest.mark.parametrize("scheme", ["ws", "http"])
async def test_what_anvil_refuses_has_a_name(scheme: str) -> None:
    with anvil() as chain:
        async with aiohttp.ClientSession() as session:
            end = connect(getattr(chain, scheme), session)
            rich, poor = Key(KEYS[0]), Key("0x" + "77" * 32)
            fields = {"chainId": 31337, "to": LOGGER, "value": 0, "gas": 90_000, "gasPrice": GWEI}
            raw, _ = rich.sign({**fields, "nonce": 0})
            await end.call("eth_sendRawTransaction", "0x" + raw.hex())
            await until_mined(end)
            with pytest.raises(NonceTooLow):
                await end.call("eth_sendRawTransaction", "0x" + raw.hex())
            raw, _ = poor.sign({**fields, "nonce": 0})
            with pytest.raises(InsufficientFunds):
                await end.call("eth_sendRawTransaction", "0x" + raw.hex())
            with pytest.raises(Unsupported):
                await end.call("eth_nonsense")
            chain.rpc("anvil_setCode", LOGGER, "0x60006000fd")
            with pytest.raises(Reverted, match=r"reverted: "):
                await simulate(end, {"to": LOGGER, "data": "0x"})
            results = await end.batch([("eth_chainId", ()), ("eth_call", ({"to": LOGGER}, "latest"))])
            assert results[0] == hex(31337)
            assert isinstance(results[1], Refusal)
            await end.close()


async def test_the_block_of_a_moment_on_a_real_chain() -> None:
    with anvil(mining=False) as chain:
        for gap in (5, 60, 1, 1, 3600, 12):
            chain.rpc("evm_increaseTime", gap)
            chain.mine()
        async with aiohttp.ClientSession() as session:
            end = connect(chain.http, session)
            stamps = [(await read_head(end, number)).timestamp for number in range(7)]
            for moment in (stamps[0], stamps[3], stamps[4] + 1, stamps[6], stamps[6] + 100):
                expected = next((i for i, stamp in enumerate(stamps) if stamp >= moment), 6)
                assert await block_at(end, moment) == expected


@pytest.mark.parametrize("scheme", ["ws", "http"])
async def test_a_node_that_is_gone_is_unreachable(scheme: str) -> None:
    with anvil() as chain:
        url = getattr(chain, scheme)
    async with aiohttp.ClientSession() as session:
        end = connect(url, session)
        with pytest.raises(Unreachable):
            await end.call("eth_chainId")
        await end.close()
