"""The feed on fake upstreams in virtual time: complete blocks, in order, from whoever tells the truth."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from linkpool.chain.rpc import Unreachable
from tests.support import virtual_time
from tests.support.chain_world import make_chain, mining, until
from tests.support.fake_chain import FakeChain
from tests.support.fake_endpoint import FakeEndpoint, Faults
from tests.support.fake_relay import FakeRelay, relaying
from tests.support.relay_ear import Ear, Emitter, listening

Story = Callable[["World"], Awaitable[None]]


class World:
    """A chain, a relay on it, and an ear at the relay."""

    def __init__(self, chain: FakeChain, emitter: Emitter, relay: FakeRelay, ear: Ear) -> None:
        self.chain, self.emitter, self.relay, self.ear = chain, emitter, relay, ear

    async def caught_up(self) -> None:
        await until(lambda: self.ear.heads and self.ear.heads[-1] == self.chain.head.number, limit=30)

    def is_ready(self) -> bool:
        return self.relay.core.not_ready() is None


def play(story: Story, *faults: Faults, before: int = 0, pushes: bool = True, window: int = 320) -> None:
    async def main() -> None:
        chain = make_chain()
        emitter = Emitter(chain)
        emitter.blocks(before)
        ups = [
            FakeEndpoint(chain, f"up{place}", one, pushes=pushes)
            for place, one in enumerate(faults or (Faults(),))
        ]
        async with relaying(*ups, window=window) as relay, listening(relay.face) as ear:
            await story(World(chain, emitter, relay, ear))

    virtual_time.run(main())


@pytest.mark.parametrize("pushes", [True, False])
def test_the_logs_of_a_block_are_told_before_its_head(*, pushes: bool) -> None:
    async def story(it: World) -> None:
        for logs in (2, 0, 1):
            it.emitter.blocks(1, logs)
            await it.caught_up()
        assert it.ear.told == [
            ("log", 2, 0),
            ("log", 2, 1),
            ("head", 2),
            ("head", 3),
            ("log", 4, 0),
            ("head", 4),
        ]

    play(story, pushes=pushes)


def test_a_block_costs_one_call_whoever_listens_and_none_when_nobody_does() -> None:
    async def story(it: World) -> None:
        [up] = it.relay.ups
        async with mining(it.chain, 12.0), listening(it.relay.face), listening(it.relay.face):
            await asyncio.sleep(120)
            before = up.calls.copy()
            await asyncio.sleep(3600)
            spent = up.calls - before
        assert 298 <= spent["eth_getLogs"] <= 302 + 60
        assert spent.total() <= 302 + 120, "and two for each comparison"

    play(story)


@pytest.mark.parametrize("depth", [1, 2, 5, 10])
def test_a_reorg_takes_logs_back_last_first_and_tells_the_new_blocks(depth: int) -> None:
    async def story(it: World) -> None:
        it.emitter.blocks(12)
        await it.caught_up()
        top = it.chain.head.number
        it.ear.told.clear()
        it.chain.reorg(depth, keep=lambda tx: tx.nonce % 2 == 0)
        await it.caught_up()
        gone = [("gone", number, 0) for number in range(top, top - depth, -1)]
        assert it.ear.told[:depth] == gone
        assert it.ear.heads == list(range(top - depth + 1, top + 2))
        assert it.relay.core.feed.reorgs == 1

    play(story)


def test_a_reorg_to_a_shorter_chain() -> None:
    async def story(it: World) -> None:
        it.emitter.blocks(9)
        await it.caught_up()
        it.chain.reorg(6, length=2)
        await it.caught_up()
        assert it.relay.tip == it.chain.head.number

    play(story)


def test_a_gap_is_told_block_by_block() -> None:
    async def story(it: World) -> None:
        it.relay.ups[0].go_down()
        it.emitter.blocks(30)
        it.relay.ups[0].come_back()
        await until(lambda: it.relay.tip == it.chain.head.number)
        assert it.ear.heads == [*range(it.ear.heads[0], 32)]

    play(story)


def test_blocks_that_come_faster_than_logs_are_read_are_taken_together() -> None:
    async def story(it: World) -> None:
        async with mining(it.chain):
            it.relay.ups[0].faults.latency = 2.0
            for _ in range(40):
                await asyncio.sleep(1)
                assert it.chain.head.number - it.relay.tip <= 7
            asked = it.relay.ups[0].calls["eth_getBlockByHash"]
            assert asked == 0, "what was told in between is not asked for"
        await it.caught_up()
        assert it.ear.heads == [*range(2, it.chain.head.number + 1)]

    play(story)


def test_more_blocks_than_are_kept_are_begun_anew() -> None:
    async def story(it: World) -> None:
        it.relay.ups[0].go_down()
        it.emitter.blocks(100)
        it.relay.ups[0].come_back()
        await until(lambda: it.relay.tip == it.chain.head.number)
        assert len(it.relay.core.feed.blocks) == 40

    play(story, before=60, window=40)


def test_a_silent_upstream_is_left_before_the_relay_becomes_stale() -> None:
    async def story(it: World) -> None:
        async with mining(it.chain):
            await asyncio.sleep(20)
            it.relay.ups[0].faults.mute = True
            for _ in range(40):
                await asyncio.sleep(0.1)
                assert it.is_ready()
            assert it.relay.core.feed.source is it.relay.ups[1]
            assert it.relay.core.feed.silences == 1
        await it.caught_up()
        assert it.ear.heads == [*range(2, it.chain.head.number + 1)]

    play(story, Faults(), Faults())


def test_cut_from_upstream_it_says_so_ends_subscriptions_and_comes_back() -> None:
    async def story(it: World) -> None:
        async with mining(it.chain):
            await asyncio.sleep(20)
            it.relay.ups[0].go_down()
            await until(lambda: not it.is_ready(), limit=6)
            await until(lambda: it.ear.lost is not None, limit=1)
            with pytest.raises(Unreachable, match="newest"):
                await it.relay.face.call("eth_chainId")
            with pytest.raises(Unreachable, match="newest"):
                async with it.relay.face.subscribe(("newHeads",)):
                    pass
            it.relay.ups[0].come_back()
            await until(it.is_ready, limit=150)
            assert await it.relay.face.call("eth_blockNumber") == hex(it.chain.head.number)

    play(story)


def test_an_upstream_that_hangs_is_no_reason_to_believe_in_an_old_block() -> None:
    async def story(it: World) -> None:
        async with mining(it.chain):
            await asyncio.sleep(20)
            it.relay.ups[0].faults.hang = it.relay.ups[0].faults.mute = True
            await until(lambda: not it.is_ready(), limit=6)

    play(story)


def test_a_chain_that_stands_still_leaves_it_ready_for_few_calls() -> None:
    async def story(it: World) -> None:
        async with mining(it.chain, 12.0):
            await asyncio.sleep(120)
        before = it.relay.ups[0].calls + it.relay.ups[1].calls
        for _ in range(3600):
            await asyncio.sleep(1)
            assert it.is_ready()
        assert (it.relay.ups[0].calls + it.relay.ups[1].calls - before).total() < 480
        assert it.ear.lost is None

    play(story, Faults(), Faults())


def test_an_upstream_that_keeps_logs_back_is_found_out_and_they_are_told_late() -> None:
    async def story(it: World) -> None:
        async with mining(it.chain):
            await asyncio.sleep(3)
            it.emitter.emit()
            await until(lambda: "log" in [one[0] for one in it.ear.told], limit=70)
            assert it.relay.core.checks.missed == 1
            await until(lambda: it.relay.core.feed.source is it.relay.ups[1], limit=5)
            assert it.relay.core.endpoints.standings[0].drops == {"Silent": 1}
            asked = {"address": "0x" + "b0" * 20, "fromBlock": "0x1", "toBlock": "latest"}
            assert len(await it.relay.face.call("eth_getLogs", asked)) == 1

    play(story, Faults(hide_logs=True), Faults())


def test_another_that_lacks_logs_is_not_believed() -> None:
    async def story(it: World) -> None:
        async with mining(it.chain):
            it.emitter.emit()
            await asyncio.sleep(90)
            assert it.relay.core.feed.source is it.relay.ups[0]
            assert it.relay.core.endpoints.standings[1].drops["Garbage"] >= 1
        assert [one for one in it.ear.told if one[0] != "head"] == [("log", 2, 0)]

    play(story, Faults(), Faults(hide_logs=True))


def test_a_lagging_upstream_is_left() -> None:
    async def story(it: World) -> None:
        async with mining(it.chain):
            await until(lambda: it.relay.core.feed.source is it.relay.ups[1], limit=80)
            await until(lambda: it.relay.tip >= it.chain.head.number - 1, limit=5)

    play(story, Faults(lag=10), Faults(), before=30)


def test_upstreams_that_do_not_agree_make_it_say_so() -> None:
    async def main() -> None:
        chain, fork = make_chain(), make_chain()
        fork.reorg(1)
        ups = [FakeEndpoint(chain, "true"), FakeEndpoint(fork, "fork")]
        async with relaying(*ups) as relay, mining(chain), mining(fork):
            await until(lambda: "not compared" in (relay.core.not_ready() or ""), limit=240)

    virtual_time.run(main())
