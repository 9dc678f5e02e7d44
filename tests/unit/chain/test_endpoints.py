"""Several endpoints as one: first good answer, right chain only, set aside and tried again, sends to two."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from linkpool.chain.endpoints import Endpoints
from linkpool.chain.rpc import NoEndpoint, NonceTooLow, Reverted, Unreachable, WrongChain
from tests.support import virtual_time
from tests.support.chain_world import BOARD, make_chain, task, until
from tests.support.fake_chain import Call, FakeChain, Revert
from tests.support.fake_endpoint import FakeEndpoint, Faults


def play(
    story: Callable[[Endpoints, list[FakeEndpoint]], Awaitable[None]],
    *faults: Faults,
    genesis: bytes | None = None,
    chains: tuple[FakeChain, ...] = (),
) -> None:
    async def main() -> None:
        chain = make_chain()
        over = chains or (chain,) * len(faults)
        ends = [FakeEndpoint(over[i], f"end{i}", one) for i, one in enumerate(faults)]
        await story(Endpoints(ends, chain_id=31337, genesis=genesis), ends)

    virtual_time.run(main())


def test_the_first_in_order_answers_and_the_second_is_not_asked() -> None:
    async def story(rpc: Endpoints, ends: list[FakeEndpoint]) -> None:
        assert await rpc.call("eth_blockNumber") == "0x1"
        assert not ends[1].calls

    play(story, Faults(), Faults())


def test_one_that_is_down_is_passed_over() -> None:
    async def story(rpc: Endpoints, ends: list[FakeEndpoint]) -> None:
        ends[0].go_down()
        assert await rpc.call("eth_blockNumber") == "0x1"

    play(story, Faults(), Faults())


def test_one_that_hangs_costs_its_patience_and_no_more() -> None:
    async def story(rpc: Endpoints, ends: list[FakeEndpoint]) -> None:
        await rpc.call("eth_blockNumber")
        ends[0].faults.hang = True
        start = asyncio.get_running_loop().time()
        assert await rpc.call("eth_blockNumber") == "0x1"
        assert asyncio.get_running_loop().time() - start < 0.5

    play(story, Faults(), Faults())


def test_failures_in_a_row_set_it_aside_and_the_pause_ends() -> None:
    async def story(rpc: Endpoints, ends: list[FakeEndpoint]) -> None:
        await rpc.call("eth_blockNumber")
        ends[0].faults.garbage = 1.0
        for _ in range(2):
            await rpc.call("eth_blockNumber")
            await asyncio.sleep(3)
        assert rpc.standings[0].drops == {"Garbage": 1}
        asked = ends[0].calls.total()
        await rpc.call("eth_blockNumber")
        assert ends[0].calls.total() == asked, "it is left alone"
        ends[0].faults.garbage = 0.0
        await asyncio.sleep(3)
        await rpc.call("eth_blockNumber")
        assert ends[0].calls.total() > asked, "the pause is over"
        assert rpc.standings[0].admitted

    play(story, Faults(), Faults())


def test_each_pause_is_twice_the_last_until_it_proves_itself() -> None:
    async def story(rpc: Endpoints, ends: list[FakeEndpoint]) -> None:
        loop, pauses = asyncio.get_running_loop(), []
        for _ in range(7):
            rpc.drop(ends[0], Unreachable("tired"))
            pauses.append(rpc.standings[0].away_until - loop.time())
            await asyncio.sleep(pauses[-1] + 1)
        assert pauses == pytest.approx([5, 10, 20, 40, 80, 120, 120])
        rpc.proved(ends[0])
        rpc.drop(ends[0], Unreachable("tired"))
        assert rpc.standings[0].away_until - loop.time() == pytest.approx(5)

    play(story, Faults(), Faults())


def test_a_wrong_chain_id_is_never_used() -> None:
    async def story(rpc: Endpoints, ends: list[FakeEndpoint]) -> None:
        for _ in range(3):
            assert await rpc.call("eth_blockNumber") == "0x1"
        assert set(ends[0].calls) == {"eth_chainId", "eth_getBlockByNumber"}
        assert rpc.standings[0].drops == {"WrongChain": 1}

    play(story, Faults(), Faults(), chains=(make_chain(chain_id=5), make_chain()))


def test_a_wrong_genesis_is_never_used() -> None:
    right = make_chain()

    async def story(rpc: Endpoints, ends: list[FakeEndpoint]) -> None:
        with pytest.raises(NoEndpoint, match="genesis"):
            await rpc.pick(besides=ends[1])
        assert await rpc.pick() is ends[1]
        assert isinstance(rpc.standings[0].last_trouble, str)
        assert rpc.standings[0].drops == {WrongChain.__name__: 1}

    chains = (make_chain(genesis_time=1), right)
    play(story, Faults(), Faults(), genesis=right.blocks[0].hash, chains=chains)


def test_nobody_left_says_why_for_each() -> None:
    async def story(rpc: Endpoints, ends: list[FakeEndpoint]) -> None:
        for end in ends:
            end.go_down()
        with pytest.raises(NoEndpoint, match="end0: down; end1: down"):
            await rpc.call("eth_blockNumber")

    play(story, Faults(), Faults())


def test_the_chains_no_is_no_reason_to_ask_elsewhere() -> None:
    def refuses(call: Call) -> bytes:
        raise Revert("not today")

    async def story(rpc: Endpoints, ends: list[FakeEndpoint]) -> None:
        ends[0].chain.contracts[BOARD] = refuses
        with pytest.raises(Reverted):
            await rpc.call("eth_call", {"to": BOARD, "data": "0x"}, "latest")
        assert "eth_call" not in ends[1].calls

    play(story, Faults(), Faults())


def test_a_transaction_goes_to_two_and_one_that_takes_it_is_enough() -> None:
    from tests.support.chain_world import GWEI, KEY

    fields = {"chainId": 31337, "type": 2, "nonce": 0, "to": BOARD, "value": 0, "gas": 90_000}
    fees = {"maxFeePerGas": 9 * GWEI, "maxPriorityFeePerGas": GWEI}
    raw, tx_hash = KEY.sign({**fields, **fees, "data": task(1)})

    async def story(rpc: Endpoints, ends: list[FakeEndpoint]) -> None:
        await rpc.call("eth_blockNumber")
        ends[0].faults.hang = True
        start = asyncio.get_running_loop().time()
        await rpc.call("eth_sendRawTransaction", "0x" + raw.hex())
        assert asyncio.get_running_loop().time() - start < 1, "the hanging one is not waited for"
        assert tx_hash in ends[1].chain.mempool
        assert "eth_sendRawTransaction" not in ends[2].calls
        ends[1].chain.mine()
        ends[0].faults.hang = False
        await asyncio.sleep(30)
        with pytest.raises(NonceTooLow):
            await rpc.call("eth_sendRawTransaction", "0x" + raw.hex())

    play(story, Faults(), Faults(), Faults())


def test_pick_prefers_one_that_pushes_and_waits_for_nobody_that_hangs() -> None:
    async def main() -> None:
        chain = make_chain()
        polls = FakeEndpoint(chain, "polls", pushes=False)
        hangs = FakeEndpoint(chain, "hangs", Faults(hang=True))
        pushes = FakeEndpoint(chain, "pushes")
        rpc = Endpoints([polls, hangs, pushes], chain_id=31337)
        start = asyncio.get_running_loop().time()
        assert await rpc.pick() is pushes
        assert asyncio.get_running_loop().time() - start < 3
        assert rpc.is_better(pushes, polls)
        assert not rpc.is_better(polls, pushes)
        pushes.go_down()
        await until(lambda: True)
        assert await rpc.pick(besides=pushes) is polls

    virtual_time.run(main())
