"""The follower on fake endpoints in virtual time: whatever they do, the log stream ends as the chain's."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkpool.chain.clock import ChainClock
from linkpool.chain.endpoints import Endpoints
from linkpool.chain.follow import Follower, HeadSeen, LogsGone, LogsSeen
from linkpool.chain.types import Log, parse_logs
from tests.support import virtual_time
from tests.support.chain_world import BOARD, DONE, GWEI, KEY, make_chain, mining, task, until
from tests.support.examples import examples
from tests.support.fake_chain import FakeChain
from tests.support.fake_endpoint import FakeEndpoint, Faults, logs_json

Story = Callable[["Listener"], Awaitable[None]]


class Listener:
    """A follower, what it told, and the checks that its events make sense by themselves."""

    def __init__(self, chain: FakeChain, endpoints: list[FakeEndpoint], **options: Any) -> None:
        self.chain = chain
        self.ends = endpoints
        self.endpoints = Endpoints(endpoints, chain_id=31337)
        self.clock = ChainClock()
        self.follower = Follower(
            self.endpoints, self.clock, [BOARD.lower()], [DONE], **{"start": 0, **options}
        )
        self.logs: list[Log] = []
        self.heads: list[int] = []
        self.gone = 0
        self.nonce = 0

    @asynccontextmanager
    async def running(self) -> Any:
        tasks = [asyncio.create_task(self.follower.run()), asyncio.create_task(self._take())]
        try:
            yield self
        finally:
            for one in tasks:
                one.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end

    async def _take(self) -> None:
        async for event in self.follower.events():
            match event:
                case HeadSeen(head):
                    self.heads.append(head.number)
                case LogsSeen(logs):
                    assert not [log for log in logs if log in self.logs], "told twice"
                    self.logs += logs
                case LogsGone(logs):
                    self.gone += len(logs)
                    for log in logs:
                        self.logs.remove(log)

    def emit(self, count: int = 1) -> None:
        """Put transactions into the mempool that make one log each."""
        for _ in range(count):
            fields = {"chainId": 31337, "type": 2, "to": BOARD, "value": 0, "gas": 100_000}
            fees = {"maxFeePerGas": 10 * GWEI, "maxPriorityFeePerGas": GWEI}
            raw, _ = KEY.sign({**fields, **fees, "nonce": self.nonce, "data": task(self.nonce)})
            self.chain.submit(raw)
            self.nonce += 1

    @property
    def truth(self) -> list[Log]:
        return [log for block in self.chain.blocks for log in parse_logs(logs_json(block, {}))]

    def is_right(self) -> bool:
        told = sorted(self.logs, key=lambda log: (log.block_number, log.log_index))
        return told == self.truth and bool(self.heads) and self.heads[-1] == self.chain.head.number


def play(story: Story, *faults: Faults, pushes: bool = True, before: int = 0, **options: Any) -> None:
    """Run a story over a chain of `before` blocks with a log each, one endpoint for each of `faults`."""

    async def main() -> None:
        chain = make_chain()
        ends = [
            FakeEndpoint(chain, f"end{i}", one, pushes=pushes) for i, one in enumerate(faults or (Faults(),))
        ]
        listener = Listener(chain, ends, **options)
        for _ in range(before):
            listener.emit()
            chain.mine()
        async with listener.running():
            await until(lambda: listener.heads)
            await story(listener)

    virtual_time.run(main())


@pytest.mark.parametrize("pushes", [True, False])
def test_logs_come_with_their_blocks(*, pushes: bool) -> None:
    async def story(it: Listener) -> None:
        assert it.is_right()
        for count in (1, 0, 3):
            it.emit(count)
            it.chain.mine()
            await until(it.is_right, limit=5)

    play(story, pushes=pushes, before=5)


def test_a_block_costs_no_call_when_it_is_pushed() -> None:
    async def story(it: Listener) -> None:
        async with mining(it.chain):
            before = it.ends[0].calls.copy()
            for _ in range(25):
                it.emit()
                await asyncio.sleep(1)
            assert it.ends[0].calls == before
            assert it.heads[-1] >= 25

    play(story)


def test_polling_costs_one_call_for_a_block_and_few_for_waiting() -> None:
    async def story(it: Listener) -> None:
        async with mining(it.chain, 12.0):
            await asyncio.sleep(1200)
            before = it.ends[0].calls.copy()
            await asyncio.sleep(1200)
            spent = it.ends[0].calls - before
            assert spent["eth_getLogs"] <= 100 + 45
            assert spent["eth_getBlockByNumber"] <= 400 + 90

    play(story, pushes=False)


def test_it_starts_where_it_is_told() -> None:
    async def story(it: Listener) -> None:
        assert [log.block_number for log in it.logs] == list(range(8, 12))

    play(story, before=10, start=8)


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_ranges_that_are_refused_are_halved(limit: int) -> None:
    async def story(it: Listener) -> None:
        assert it.is_right()

    play(story, Faults(max_range=limit), before=60)


@pytest.mark.parametrize("pushes", [True, False])
@pytest.mark.parametrize("depth", [1, 2, 5, 10])
def test_a_reorg_takes_back_and_tells_anew(depth: int, *, pushes: bool) -> None:
    async def story(it: Listener) -> None:
        it.chain.reorg(depth, keep=lambda tx: tx.nonce % 2 == 0)
        await until(it.is_right, limit=10)
        assert it.gone == depth

    play(story, pushes=pushes, before=15)


def test_a_reorg_to_a_shorter_chain() -> None:
    async def story(it: Listener) -> None:
        it.chain.reorg(6, length=2)
        await until(it.is_right, limit=10)
        assert it.gone == 6

    play(story, before=15)


def test_a_silent_log_subscription_is_found_out_by_the_blooms_of_heads_and_left() -> None:
    async def story(it: Listener) -> None:
        it.ends[0].faults.mute_logs = True
        async with mining(it.chain):
            for count in (1, 2):
                assert it.follower.source == "end0"
                it.emit()
                await until(lambda count=count: len(it.logs) == count, limit=4)
            assert it.follower.missed == 2
            await until(lambda: it.follower.source == "end1", limit=5)
            it.emit()
            await until(lambda: len(it.logs) == 3, limit=1.5)
        [first, _] = it.endpoints.standings
        assert first.drops == {"Silent": 1}

    play(story, Faults(), Faults())


def test_logs_that_come_late_once_cost_a_read_and_not_the_endpoint() -> None:
    async def story(it: Listener) -> None:
        async with mining(it.chain):
            for count in (1, 3):
                it.ends[0].faults.mute_logs = True
                it.emit()
                await until(lambda count=count: len(it.logs) == count, limit=4)
                it.ends[0].faults.mute_logs = False
                it.emit()
                await asyncio.sleep(5)
                assert it.is_right()
        assert it.follower.source == "end0"
        assert it.follower.missed == 2

    play(story, Faults(), Faults())


def test_blocks_of_sound_endpoints_cost_no_call_whatever_their_blooms_say() -> None:
    async def story(it: Listener) -> None:
        async with mining(it.chain):
            await asyncio.sleep(3)
            before = sum(end.calls.total() for end in it.ends)
            for _ in range(5):
                it.emit()
                await asyncio.sleep(2)
            assert it.is_right()
            assert sum(end.calls.total() for end in it.ends) == before

    play(story, Faults(), Faults())


@pytest.mark.parametrize("ends", [1, 2])
def test_without_blooms_a_silent_log_subscription_is_found_by_reconciling(ends: int) -> None:
    async def story(it: Listener) -> None:
        for end in it.ends:
            end.faults.blooms = False
        it.ends[0].faults.mute_logs = True
        async with mining(it.chain):
            it.emit()
            await until(lambda: len(it.logs) == 1, limit=35)
            assert it.follower.missed == 1
            if ends > 1:
                await until(lambda: it.follower.source == "end1", limit=5)
                it.emit()
                await until(lambda: len(it.logs) == 2, limit=3)
                assert it.endpoints.standings[0].drops == {"Silent": 1}

    play(story, *[Faults() for _ in range(ends)])


def test_no_head_for_three_block_times_leaves_the_endpoint() -> None:
    async def story(it: Listener) -> None:
        async with mining(it.chain):
            await asyncio.sleep(10)
            it.ends[0].faults.mute = True
            it.emit()
            await until(lambda: len(it.logs) == 1, limit=5)
            assert it.follower.source == "end1"
            assert it.follower.silences == 1

    play(story, Faults(), Faults())


def test_a_chain_that_stands_still_is_nobodys_fault() -> None:
    async def story(it: Listener) -> None:
        async with mining(it.chain):
            await asyncio.sleep(10)
        await asyncio.sleep(600)
        assert it.follower.source == "end0"
        assert it.follower.silences == 0
        assert not it.endpoints.standings[0].drops
        reconciled = it.follower.last_reconciled
        assert reconciled is not None
        assert asyncio.get_running_loop().time() - reconciled.at < 40, "freshness does not need new blocks"

    play(story, Faults(), Faults())


def test_a_dead_endpoint_is_left_at_once_and_used_again_later() -> None:
    async def story(it: Listener) -> None:
        async with mining(it.chain):
            await asyncio.sleep(3)
            it.ends[0].go_down()
            it.emit()
            await until(lambda: len(it.logs) == 1, limit=3)
            assert it.follower.source == "end1"
            it.ends[0].come_back()
            await until(lambda: it.follower.source == "end0", limit=120)
            it.emit()
            await until(lambda: len(it.logs) == 2, limit=3)

    play(story, Faults(), Faults())


def test_a_gap_of_any_length_is_caught_up() -> None:
    async def story(it: Listener) -> None:
        it.ends[0].go_down()
        for _ in range(3000):
            it.chain.mine()
        it.emit(5)
        it.chain.mine(400)
        it.ends[0].come_back()
        await until(it.is_right, limit=60)

    play(story, before=3)


def test_a_lagging_endpoint_takes_nothing_back_and_is_left() -> None:
    async def story(it: Listener) -> None:
        async with mining(it.chain):
            for _ in range(5):
                it.emit()
                await asyncio.sleep(1)
            it.ends[0].go_down()  # end1 is 20 blocks behind, end2 is not
            await until(lambda: it.follower.source in ("end1", "end2"), limit=5)
            await until(lambda: it.follower.source == "end2", limit=60)
            it.emit()
            await until(lambda: len(it.logs) == 6, limit=3)
            assert it.gone == 0

    play(story, Faults(), Faults(lag=20), Faults())


def test_an_endpoint_that_lacks_logs_is_set_aside_and_not_believed() -> None:
    async def story(it: Listener) -> None:
        async with mining(it.chain):
            it.emit()
            await asyncio.sleep(70)
            assert len(it.logs) == 1
            assert it.gone == 0
            assert it.endpoints.standings[1].drops["Garbage"] >= 1
            assert it.follower.source == "end0"

    play(story, Faults(), Faults(hide_logs=True))


def test_reconciling_is_offset_and_remembered() -> None:
    async def story(it: Listener) -> None:
        async with mining(it.chain):
            await asyncio.sleep(46)
            assert it.ends[1].calls["eth_getLogs"] == 1
            first = it.follower.last_reconciled
            assert first is not None
            assert first.block >= 40

    play(story, Faults(), Faults(), reconcile_offset=15.0)


def test_an_endpoint_a_little_behind_takes_nothing_back() -> None:
    async def story(it: Listener) -> None:
        it.ends[0].go_down()
        await until(lambda: it.follower.source == "end1", limit=5)
        async with mining(it.chain):
            await until(it.is_right, limit=30)
            it.ends[1].faults.lag = 0
            await until(it.is_right, limit=5)
        assert it.gone == 0

    play(story, Faults(), Faults(lag=5), before=15)


def test_what_the_last_endpoint_did_not_tell_is_read_when_the_next_has_caught_up() -> None:
    async def story(it: Listener) -> None:
        it.ends[0].faults.mute_logs = True
        it.emit()
        it.chain.mine(2)
        await until(lambda: it.heads[-1] == it.chain.head.number)
        assert not it.logs
        it.ends[0].go_down()
        async with mining(it.chain):
            await until(lambda: len(it.logs) == 1, limit=8)

    play(story, Faults(), Faults(lag=1), reconcile_every=1000.0)


def test_a_reorg_while_a_range_is_read_tells_nothing_of_the_dead_fork() -> None:
    class Unlucky(FakeEndpoint):
        def _eth_getLogs(self, where: dict[str, Any]) -> Any:  # noqa: N802 - JSON-RPC's own name
            logs = super()._eth_getLogs(where)
            if self.calls["eth_getLogs"] == 1:
                self.chain.reorg(3, keep=lambda _tx: False)
            return logs

    async def main() -> None:
        chain = make_chain()
        it = Listener(chain, [Unlucky(chain)])
        for _ in range(6):
            it.emit()
            chain.mine()
        async with it.running():
            await until(it.is_right, limit=10)
        assert it.gone == 0
        assert len(it.logs) == 3

    virtual_time.run(main())


def test_another_endpoint_on_another_fork_is_not_believed() -> None:
    async def main() -> None:
        chain, fork = make_chain(), make_chain()
        fork.reorg(1)
        it = Listener(chain, [FakeEndpoint(chain, "true"), FakeEndpoint(fork, "fork")], reconcile_every=5.0)
        async with it.running(), mining(chain), mining(fork):
            await until(lambda: it.heads)
            for _ in range(4):
                it.emit()
                fork.submit(next(iter(chain.mempool.values())).raw)
                await asyncio.sleep(5)
            assert it.is_right()
            assert it.follower.missed == 0
            assert it.follower.last_reconciled is not None
            assert it.follower.last_reconciled.block < 5, "nobody agreed with us since the start"

    virtual_time.run(main())


noises = st.builds(
    Faults,
    latency=st.sampled_from([0.005, 0.2]),
    jitter=st.sampled_from([0.0, 0.5, 2.0]),
    lag=st.sampled_from([0, 0, 2]),
    drop=st.sampled_from([0.0, 0.3]),
    duplicate=st.sampled_from([0.0, 0.5]),
    garbage=st.sampled_from([0.0, 0.1]),
    fail=st.sampled_from([0.0, 0.1]),
    max_range=st.sampled_from([None, 3]),
    mute_logs=st.booleans(),
    mute=st.booleans(),
)
deeds = st.one_of(
    st.tuples(st.just("mine"), st.integers(0, 3)),
    st.tuples(st.just("reorg"), st.integers(1, 8)),
    st.tuples(st.just("lossy_reorg"), st.integers(1, 8)),
    st.tuples(st.just("outage"), st.integers(0, 1)),
    st.tuples(st.just("wait"), st.integers(1, 8)),
)


@settings(max_examples=examples(60))
@given(
    noise=st.tuples(noises, noises),
    kinds=st.tuples(st.booleans(), st.booleans()),
    deeds=st.lists(deeds, max_size=25),
)
def test_after_any_history_the_logs_told_are_the_chains(
    noise: tuple[Faults, Faults], kinds: tuple[bool, bool], deeds: list[tuple[str, int]]
) -> None:
    async def main() -> None:
        chain = make_chain()
        ends = [FakeEndpoint(chain, f"end{i}", noise[i], pushes=kinds[i]) for i in (0, 1)]
        it = Listener(chain, ends)
        async with it.running():
            for deed, number in deeds:
                await _do(it, deed, number)
            for end in ends:
                end.come_back()
                end.faults = Faults()
            async with mining(chain):
                await asyncio.sleep(200)
            await until(it.is_right, limit=100)

    virtual_time.run(main())


async def _do(it: Listener, deed: str, number: int) -> None:
    match deed:
        case "mine":
            it.emit(number)
            it.chain.mine()
        case "reorg" | "lossy_reorg":
            depth = min(number, len(it.chain.blocks) - 2)
            if depth > 0:
                it.chain.reorg(depth, keep=lambda tx: deed == "reorg" or tx.nonce % 2 == 0)
                it.nonce = it.chain.state.nonces.get(KEY.address, 0)
                it.chain.mempool.clear()
        case "outage":
            it.ends[number].go_down()
            await asyncio.sleep(1)
            it.ends[number].come_back()
        case _:
            await asyncio.sleep(number)
    await asyncio.sleep(0.3)
