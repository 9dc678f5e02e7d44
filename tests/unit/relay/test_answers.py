"""What a call is answered with, and what it costs upstream."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from linkpool.chain.rpc import Behind, RangeRefused, Refusal, Reverted, Unreachable, Unsupported
from linkpool.chain.types import checksum
from tests.support import virtual_time
from tests.support.chain_world import BOARD, DONE, KEY, make_chain, mining, task, until
from tests.support.fake_chain import Call, FakeChain, Revert
from tests.support.fake_endpoint import FakeEndpoint, Faults, head_json
from tests.support.fake_relay import FakeRelay, relaying
from tests.support.relay_ear import Emitter

Story = Callable[["World"], Awaitable[None]]
OTHER = "0x" + "0c" * 20
REFUSER = checksum("0x" + "0d" * 20)


class World:
    """A chain with 60 blocks of a log each, and a relay that keeps 40 of them."""

    def __init__(self, chain: FakeChain, emitter: Emitter, relay: FakeRelay) -> None:
        self.chain, self.emitter, self.relay = chain, emitter, relay
        [self.up] = relay.ups

    async def ask(self, method: str, *params: Any) -> Any:
        return await self.relay.face.call(method, *params)

    async def logs(self, low: str, high: str, **more: Any) -> list[int]:
        where = {"fromBlock": low, "toBlock": high, "address": BOARD, **more}
        return [int(log["blockNumber"], 16) for log in await self.ask("eth_getLogs", where)]

    async def costs(self, method: str, *params: Any) -> int:
        """Calls upstream that this call makes."""
        before = self.up.calls.total()
        await self.ask(method, *params)
        return self.up.calls.total() - before


def play(story: Story, faults: Faults | None = None) -> None:
    async def main() -> None:
        chain = make_chain()
        emitter = Emitter(chain)
        emitter.blocks(60)
        async with relaying(FakeEndpoint(chain, "up", faults), window=40) as relay:
            await until(lambda: len(relay.core.feed.blocks) == 40)
            await story(World(chain, emitter, relay))

    virtual_time.run(main())


def test_heads_and_recent_blocks_cost_nothing() -> None:
    async def story(it: World) -> None:
        tip = it.chain.head
        before = it.up.calls.total()
        assert await it.ask("eth_blockNumber") == hex(tip.number)
        assert await it.ask("eth_getBlockByNumber", "latest", False) == head_json(tip)
        assert await it.ask("eth_getBlockByNumber", hex(tip.number - 20), False) == head_json(
            it.chain.blocks[tip.number - 20]
        )
        assert await it.ask("eth_getBlockByHash", "0x" + tip.hash.hex(), False) == head_json(tip)
        assert await it.ask("eth_getBlockByNumber", hex(tip.number + 1), False) is None
        assert await it.ask("eth_chainId") == "0x7a69"
        assert await it.ask("net_version") == "31337"
        assert await it.ask("eth_syncing") is False
        assert it.up.calls.total() == before

    play(story)


def test_the_first_block_is_asked_for_once() -> None:
    async def story(it: World) -> None:
        assert await it.ask("eth_getBlockByNumber", "0x0", False) == head_json(it.chain.blocks[0])
        it.emitter.blocks(1)
        await until(lambda: it.relay.tip == it.chain.head.number)
        assert await it.costs("eth_getBlockByNumber", "0x0", False) == 0
        assert await it.costs("eth_getBlockByNumber", "earliest", False) == 0

    play(story)


def test_old_blocks_and_whole_blocks_are_asked_for_once_per_block() -> None:
    async def story(it: World) -> None:
        assert await it.ask("eth_getBlockByNumber", "0x5", False) == head_json(it.chain.blocks[5])
        assert await it.costs("eth_getBlockByNumber", "0x5", False) == 0
        told = await it.ask("eth_getBlockByNumber", "latest", True)
        assert len(told["transactions"]) == 1
        assert await it.costs("eth_getBlockByNumber", "latest", True) == 0

    play(story)


def test_the_logs_of_a_new_contract_are_read_once_and_then_kept() -> None:
    async def story(it: World) -> None:
        tip, wanted = it.chain.head.number, {"address": BOARD, "fromBlock": hex(31), "toBlock": "latest"}
        assert await it.costs("eth_getLogs", wanted) == 2, "the range, and the block at its end"
        assert await it.logs(hex(31), hex(tip)) == [*range(31, tip + 1)]
        assert await it.costs("eth_getLogs", wanted) == 0
        assert await it.costs("eth_getLogs", {**wanted, "fromBlock": hex(40)}) == 0
        it.emitter.blocks(3)
        await until(lambda: it.relay.tip == it.chain.head.number)
        assert await it.logs(hex(60), "latest") == [60, 61, 62, 63, 64]
        assert await it.costs("eth_getLogs", wanted) == 0

    play(story)


def test_many_new_contracts_at_once_are_read_together() -> None:
    async def story(it: World) -> None:
        before = it.up.calls.total()
        wanted = [{"address": f"0x{number:040x}", "fromBlock": hex(31)} for number in range(1, 101)]
        await asyncio.gather(*(it.ask("eth_getLogs", one) for one in wanted))
        assert it.up.calls.total() - before == 2

    play(story)


def test_the_part_of_a_range_that_is_too_old_comes_from_upstream() -> None:
    async def story(it: World) -> None:
        assert await it.logs("0x1", "latest") == [*range(2, 62)]
        before = it.up.calls.copy()
        assert await it.logs("0x1", "latest") == [*range(2, 62)]
        assert (it.up.calls - before) == {"eth_getLogs": 1}
        assert await it.logs("0x1", "0x9") == [*range(2, 10)]

    play(story)


def test_a_range_upstream_refuses_is_refused_as_such() -> None:
    async def story(it: World) -> None:
        with pytest.raises(RangeRefused):
            await it.logs("0x1", "latest")
        assert await it.logs(hex(40), "latest") == [*range(40, 62)], "recent ones are read in pieces"

    play(story, Faults(max_range=7))


@pytest.mark.parametrize(
    ("topics", "found"),
    [
        ([], 1),
        ([None], 1),
        ([[DONE.hex()]], 1),
        ([DONE.hex(), None], 1),
        ([["11" * 32, DONE.hex()]], 1),
        (["11" * 32], 0),
        ([None, "11" * 32], 0),
        ([None, None, None], 0),
    ],
)
def test_topics_are_matched_by_position(topics: list[Any], found: int) -> None:
    def prefixed(one: Any) -> Any:
        return [prefixed(part) for part in one] if isinstance(one, list) else one and "0x" + one

    async def story(it: World) -> None:
        assert len(await it.logs("latest", "latest", topics=prefixed(topics))) == found

    play(story)


def test_logs_of_a_block_by_hash() -> None:
    async def story(it: World) -> None:
        block = it.chain.blocks[50]
        [log] = await it.ask("eth_getLogs", {"blockHash": "0x" + block.hash.hex(), "address": BOARD})
        assert log["blockNumber"] == hex(50)
        assert await it.costs("eth_getLogs", {"blockHash": "0x" + block.hash.hex(), "address": BOARD}) == 0
        with pytest.raises(Behind):
            await it.ask("eth_getLogs", {"blockHash": "0x" + "ab" * 32, "address": BOARD})

    play(story)


def test_a_range_beyond_the_tip_is_unknown_and_not_empty() -> None:
    async def story(it: World) -> None:
        with pytest.raises(Behind):
            await it.logs("0x1", hex(it.chain.head.number + 1))

    play(story)


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("eth_getLogs", []),
        ("eth_getLogs", ["0x1"]),
        ("eth_getLogs", [{"address": "0x12"}]),
        ("eth_getLogs", [{"address": [BOARD, 5]}]),
        ("eth_getLogs", [{"address": BOARD, "topics": ["0x12"]}]),
        ("eth_getLogs", [{"address": BOARD, "topics": [None] * 5}]),
        ("eth_getLogs", [{"address": BOARD, "fromBlock": "seven"}]),
        ("eth_getLogs", [{"address": BOARD, "fromBlock": "0x9", "toBlock": "0x8"}]),
        ("eth_getLogs", [{"address": BOARD, "fromBlock": "0x9", "blockHash": "0x" + "ab" * 32}]),
        ("eth_getBlockByNumber", []),
        ("eth_getBlockByNumber", ["0x1", "yes"]),
        ("eth_getBlockByNumber", [7, False]),
        ("eth_getBlockByHash", ["0x1", False]),
        ("eth_getBalance", []),
    ],
)
def test_bad_parameters_are_refused_without_asking_upstream(method: str, params: list[Any]) -> None:
    async def story(it: World) -> None:
        before = it.up.calls.total()
        with pytest.raises(Refusal, match="invalid params") as refused:
            await it.ask(method, *params)
        assert refused.value.code == -32602
        assert it.up.calls.total() == before

    play(story)


@pytest.mark.parametrize("method", ["admin_peers", "evm_mine", "eth_accounts", "eth_sign", "debug_traceCall"])
def test_other_methods_do_not_exist(method: str) -> None:
    async def story(it: World) -> None:
        with pytest.raises(Unsupported):
            await it.ask(method)
        assert not it.up.calls[method]

    play(story)


def test_state_at_latest_is_state_at_the_tip_and_shared_until_the_next_block() -> None:
    async def story(it: World) -> None:
        asked = ("eth_getBalance", KEY.address, "latest")
        told = await asyncio.gather(*(it.ask(*asked) for _ in range(20)))
        assert len(set(told)) == 1
        assert it.up.calls["eth_getBalance"] == 1
        it.emitter.blocks(1)
        await until(lambda: it.relay.tip == it.chain.head.number)
        assert await it.ask(*asked) != told[0], "gas was paid"
        assert it.up.calls["eth_getBalance"] == 2

    play(story)


def test_an_upstream_that_lags_behind_the_tip_does_not_answer_for_it() -> None:
    async def story(it: World) -> None:
        it.up.faults.lag = 2
        with pytest.raises(Behind):
            await it.ask("eth_getTransactionCount", KEY.address, "latest")

    play(story)


def test_what_is_pending_is_never_shared() -> None:
    async def story(it: World) -> None:
        for _ in range(3):
            assert await it.costs("eth_getTransactionCount", KEY.address, "pending") == 1

    play(story)


def test_errors_are_passed_on_as_they_are_and_never_shared() -> None:
    async def story(it: World) -> None:
        def refuse(_call: Call) -> bytes:
            raise Revert("no such thing")

        it.chain.contracts[REFUSER] = refuse
        for tries in (1, 2):
            with pytest.raises(Reverted) as reverted:
                await it.ask("eth_call", {"to": REFUSER, "data": "0x"}, "latest")
            assert b"no such thing" in reverted.value.revert_data
            assert it.up.calls["eth_call"] == tries
        fields = {"chainId": 31337, "to": BOARD, "value": 0, "gas": 100_000, "nonce": 0, "data": task(0)}
        raw, _ = KEY.sign(fields | {"type": 2, "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9})
        with pytest.raises(Refusal, match="nonce too low"):
            await it.ask("eth_sendRawTransaction", "0x" + raw.hex())

    play(story)


def test_one_that_stops_asking_does_not_stop_the_others() -> None:
    async def story(it: World) -> None:
        it.up.faults.latency = 1.0
        first = asyncio.create_task(it.ask("eth_gasPrice"))
        await asyncio.sleep(0.1)
        second = asyncio.create_task(it.ask("eth_gasPrice"))
        await asyncio.sleep(0.1)
        first.cancel()
        assert await second == hex(2 * 10**9)
        assert it.up.calls["eth_gasPrice"] == 1

    play(story)


def test_no_answer_upstream_is_trouble_and_no_null() -> None:
    async def story(it: World) -> None:
        it.up.faults.fail = 1.0
        with pytest.raises(Unreachable):
            await it.ask("eth_getTransactionReceipt", "0x" + "ab" * 32)

    play(story)


def test_contracts_nobody_asks_for_any_more_are_let_go() -> None:
    async def story(it: World) -> None:
        await it.logs(hex(50), "latest")
        async with mining(it.chain, 12.0):
            await asyncio.sleep(3500)
            assert it.relay.core.feed.interest.now == {BOARD.lower()}
            await asyncio.sleep(200)
            assert not it.relay.core.feed.interest.now
            before = it.up.calls["eth_getLogs"]
            await asyncio.sleep(120)
            assert it.up.calls["eth_getLogs"] == before

    play(story)


def test_who_wants_everybodys_logs_is_passed_on() -> None:
    async def story(it: World) -> None:
        assert await it.costs("eth_getLogs", {"fromBlock": "latest", "toBlock": "latest"}) == 1
        assert not it.relay.core.feed.interest.now
        assert await it.costs("eth_getLogs", {"fromBlock": "latest", "address": OTHER}) == 2

    play(story)


def test_more_contracts_than_an_endpoint_takes_in_one_filter_are_asked_for_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("linkpool.relay.reading.ADDRESSES", 1)

    async def story(it: World) -> None:
        before = it.up.calls["eth_getLogs"]
        found = await it.logs(hex(50), "latest", address=[OTHER, BOARD])
        assert found == list(range(50, it.chain.head.number + 1))
        assert it.up.calls["eth_getLogs"] - before == 2
        before = it.up.calls["eth_getLogs"]
        it.emitter.blocks(1)
        await until(lambda: it.relay.tip == it.chain.head.number)
        assert it.up.calls["eth_getLogs"] - before == 2

    play(story)
