"""Follower and stream on a real anvil behind faulty proxies: every fault, and what is left standing.

Each test has two ways to one node. The first is broken, the second is sound unless the test says otherwise;
tasks are wanted before, during and after, and all of them must be done exactly once as the chain tells it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from linkpool.chain.rpc import NoEndpoint
from tests.support.anvil import Anvil, anvil
from tests.support.chain_probe import Probe, probe, put_logger, until
from tests.support.rpc_proxy import RpcProxy, rpc_proxy


@dataclass
class Stage:
    """A chain with 1 s blocks, two proxies, and a probe over both."""

    chain: Anvil
    first: RpcProxy
    second: RpcProxy
    it: Probe
    wanted: int = 0

    def want(self, count: int = 3) -> None:
        for _ in range(count):
            self.it.want(self.wanted)
            self.wanted += 1

    async def all_done(self) -> None:
        await until(lambda: self.it.done == list(range(self.wanted)))

    async def follows_second(self) -> None:
        sound = self.it.endpoints.standings[1].endpoint.name
        await until(lambda: self.it.follower.source == sound)

    @property
    def drops(self) -> dict[str, int]:
        return dict(self.it.endpoints.standings[0].drops)


@asynccontextmanager
async def stage(first: str = "ws", second: str = "ws") -> AsyncIterator[Stage]:
    with anvil(block_time=1) as chain:
        put_logger(chain)
        async with rpc_proxy(chain.http, chain.ws) as one, rpc_proxy(chain.http, chain.ws) as two:
            urls = [getattr(one, first), getattr(two, second)]
            async with probe(urls, reconcile_every=4.0) as it:
                scene = Stage(chain, one, two, it)
                scene.want()
                await scene.all_done()
                yield scene


@pytest.mark.parametrize("scheme", ["ws", "http"])
async def test_down_and_back(scheme: str) -> None:
    async with stage(scheme, scheme) as scene:
        await scene.first.cut()
        scene.want()
        await scene.all_done()
        await scene.follows_second()
        scene.first.faults.down = False
        scene.want()
        await scene.all_done()


async def test_both_down_for_a_while() -> None:
    async with stage() as scene:
        await scene.first.cut()
        await scene.second.cut()
        scene.want()
        start = scene.it.heads[-1]
        await until(lambda: scene.it.follower.source is None)
        scene.chain.mine(5)
        scene.first.faults.down = scene.second.faults.down = False
        await scene.all_done()
        assert scene.it.heads[-1] >= start + 5


@pytest.mark.parametrize("scheme", ["ws", "http"])
async def test_slow(scheme: str) -> None:
    async with stage(scheme, scheme) as scene:
        scene.first.faults.slow = 5.0  # above the time limit of 3 s
        scene.want()
        await scene.all_done()


async def test_fifty_blocks_behind() -> None:
    async with stage() as scene:
        scene.chain.mine(60)
        await until(lambda: scene.it.heads[-1] >= 60)
        scene.first.faults.lag = 50
        scene.want()
        await scene.all_done()
        await scene.follows_second()
        assert scene.it.gone == 0
        await until(lambda: scene.drops)


async def test_the_wrong_chain_is_not_used() -> None:
    async with stage() as scene:
        scene.first.faults.chain_id = 5
        await scene.first.cut()
        await scene.follows_second()
        scene.first.faults.down = False
        scene.want()
        await scene.all_done()
        await until(lambda: "WrongChain" in scene.drops)
        assert "eth_sendRawTransaction" not in (scene.first.calls - scene.second.calls)


async def test_every_endpoint_on_the_wrong_chain_says_so() -> None:
    async with stage() as scene:
        for proxy in (scene.first, scene.second):
            await proxy.cut()
        await until(lambda: scene.it.follower.source is None)
        for proxy in (scene.first, scene.second):
            proxy.faults.chain_id, proxy.faults.down = 5, False
        with pytest.raises(NoEndpoint, match="chain id 5, expected 31337"):
            await scene.it.endpoints.pick()


@pytest.mark.parametrize("limit", [1, 13])
async def test_ranges_refused(limit: int) -> None:
    async with stage() as scene:
        scene.chain.mine(40)
        for proxy in (scene.first, scene.second):
            proxy.faults.max_range = limit
        async with probe([scene.first.ws, scene.second.http]) as fresh:
            await until(lambda: fresh.done == scene.it.done)
        scene.want()
        await scene.all_done()


async def test_a_silent_subscription_is_left() -> None:
    async with stage() as scene:
        scene.first.faults.silent = True
        scene.want()
        await scene.all_done()
        await scene.follows_second()
        assert "Silent" in scene.drops
        assert scene.it.follower.silences >= 1


async def test_a_subscription_that_keeps_logs_back_is_read_around_and_left_when_it_does_so_again() -> None:
    async with stage() as scene:
        scene.first.faults.silent_logs = True
        for again in (1, 2):
            scene.want()
            await scene.all_done()
            assert scene.it.follower.missed >= again
        await scene.follows_second()
        assert "Silent" in scene.drops


@pytest.mark.parametrize("scheme", ["ws", "http"])
async def test_garbage(scheme: str) -> None:
    async with stage(scheme, scheme) as scene:
        scene.first.faults.garbage = True
        scene.want()
        await scene.all_done()
        await until(lambda: "Garbage" in scene.drops)


async def test_transactions_swallowed() -> None:
    async with stage() as scene:
        scene.first.faults.swallow = True
        scene.want()
        await scene.all_done()


async def test_a_kill_in_the_middle_loses_nothing() -> None:
    async with stage() as scene:
        scene.want(12)
        await until(lambda: scene.it.stream.counts["sent"] > 5)
        async with probe(
            [scene.second.ws]
        ) as heir:  # same key, while the first still lives: costs gas, no more
            for number in range(scene.wanted):
                if number not in heir.done:
                    heir.want(number)
            await until(lambda: sorted(set(heir.done)) == list(range(scene.wanted)))
