"""The stream's law: whatever happens to blocks, mempool and process, every wanted task is executed.

A history is any interleaving of wanting, mining (all or some of what is pending), eviction, re-orgs that
may lose transactions, price jumps, lost answers, lagging endpoints, lost notices, a sibling's transactions,
and kills. Then the world is sound again: within minutes everything wanted is done, and one task more is done
within some blocks, so that nothing waits behind a gap.
"""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from linkpool.chain.keys import Key
from tests.support import virtual_time
from tests.support.chain_world import BOARD, ETHER, GWEI, KEY, Worker, make_chain, mining, task, until
from tests.support.examples import examples
from tests.support.fake_chain import FakeChain
from tests.support.fake_endpoint import FakeEndpoint, Faults

LAST = 99
SIBLING = Key(bytes([3]) * 32)

actions = st.one_of(
    st.tuples(st.just("want"), st.integers(0, 7)),
    st.tuples(st.just("want"), st.integers(8, 15)),
    st.tuples(st.just("sibling"), st.integers(0, 7)),
    st.tuples(st.just("mine"), st.integers(0, 3)),
    st.tuples(st.just("evict"), st.integers(0, 5)),
    st.tuples(st.just("reorg"), st.integers(1, 6)),
    st.tuples(st.just("lossy_reorg"), st.integers(1, 6)),
    st.tuples(st.just("price"), st.sampled_from([1, 20, 90])),
    st.tuples(st.just("fail"), st.sampled_from([0.0, 0.4])),
    st.tuples(st.just("wait"), st.sampled_from([0, 1, 5])),
    st.tuples(st.just("lag"), st.integers(0, 4)),
    st.tuples(st.just("deaf"), st.sampled_from([0.0, 0.3])),
    st.tuples(st.just("kill"), st.just(0)),
)


@dataclass
class History:
    """One run: the chain, the worker alive now, and what is wanted."""

    chain: FakeChain = field(default_factory=make_chain)
    faults: Faults = field(default_factory=Faults)
    others: Faults = field(default_factory=Faults)
    wanted: set[int] = field(default_factory=set)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    worker: Worker | None = None
    lives: int = 0

    async def restart(self) -> None:
        """Kill the worker, if there is one, and start another that derives its work from the chain."""
        await self.stack.aclose()
        self.lives += 1
        ends = [
            FakeEndpoint(self.chain, "one", self.faults, seed=self.lives),
            FakeEndpoint(self.chain, "two", self.others, seed=self.lives, pushes=False),
        ]
        self.worker = Worker(ends, cap=lambda _now: 200 * GWEI, in_flight=4, final_blocks=12)
        await self.stack.enter_async_context(self.worker.running())
        self.ask()

    def ask(self) -> None:
        """Want everything that is wanted and not done, as the worker sees it."""
        assert self.worker
        for number in sorted(self.wanted):
            if not self.worker.done.get(task(number)):
                self.worker.want(number)

    async def step(self, action: str, number: float) -> None:
        """One action of a history; `number` is what `actions` draws for it."""
        match action:
            case "want":
                self.wanted.add(int(number))
                self.ask()
            case "wait":
                await asyncio.sleep(number)
            case "kill":
                await self.restart()
            case "fail":
                self.faults.fail = number
            case "deaf":
                self.faults.drop = number
            case "lag":
                self.faults.lag, self.others.lag = divmod(int(number), 3)
            case _:
                self.change_chain(action, int(number))
        await asyncio.sleep(0.1)

    def change_chain(self, action: str, number: int) -> None:
        """One action that happens to the chain."""
        chain, depth = self.chain, min(number, len(self.chain.blocks) - 2)
        match action:
            case "sibling":
                self.sibling(number)
            case "mine":
                chain.mine(include=lambda tx: tx.hash[-1] % 4 >= number)
            case "evict":
                for tx_hash in list(chain.mempool)[:number]:
                    chain.evict(tx_hash)
            case "reorg" | "lossy_reorg" if depth > 0:
                chain.reorg(depth, keep=lambda tx: action == "reorg" or tx.hash[-1] % 2 == 0)
            case "price":
                chain.base_fee = number * GWEI

    def sibling(self, number: int) -> None:
        nonce = self.chain.state.nonces.get(SIBLING.address, 0)
        fields = {
            "chainId": 31337,
            "type": 2,
            "nonce": nonce,
            "to": BOARD,
            "data": task(number),
            "gas": 200_000,
        }
        raw, tx_hash = SIBLING.sign(
            {**fields, "value": 0, "maxFeePerGas": 900 * GWEI, "maxPriorityFeePerGas": GWEI}
        )
        for pending in [tx for tx in self.chain.mempool.values() if tx.sender == SIBLING.address]:
            self.chain.evict(pending.hash)
        if tx_hash not in self.chain.mempool:
            self.chain.submit(raw)

    async def end_well(self) -> None:
        """The world is sound again: everything wanted is done, and so is one task more."""
        self.chain.base_fee = GWEI
        self.faults.fail, self.faults.drop, self.faults.lag, self.others.lag = 0.0, 0.0, 0, 0
        board = lambda: self.chain.state.storage.get(BOARD, {})  # noqa: E731 - read again at each look
        async with mining(self.chain):
            async with asyncio.timeout(600):
                while not all(task(number) in board() for number in self.wanted):
                    self.ask()
                    await asyncio.sleep(1)
            assert self.worker
            await until(lambda: self.worker is not None and not self.worker.stream.waiting)
            self.worker.want(LAST)
            await until(lambda: task(LAST) in board(), limit=15)
        await self.stack.aclose()


@settings(max_examples=examples(100))
@given(st.lists(actions, max_size=60))
def test_every_wanted_task_is_executed_and_no_nonce_is_missing(story: list[tuple[str, float]]) -> None:
    async def main() -> None:
        history = History()
        history.chain.fund(SIBLING.address, 100 * ETHER)
        history.chain.fund(KEY.address, 100 * ETHER)
        history.chain.mine()
        await history.restart()
        assert history.worker
        await until(lambda: history.worker and history.worker.heard)
        for action, number in story:
            await history.step(action, number)
        await history.end_well()

    virtual_time.run(main())


def test_the_same_history_gives_the_same_chain() -> None:
    """Determinism, on which the simulator rests: two runs of one story end in the same blocks."""
    story = [("want", 1), ("fail", 0.4), ("want", 2), ("want", 3), ("mine", 2), ("wait", 5), ("kill", 0)]
    story += [("lossy_reorg", 2), ("want", 4), ("price", 20), ("wait", 5), ("mine", 1)]

    def run() -> list[tuple[bytes, tuple[bytes, ...]]]:
        async def main() -> list[tuple[bytes, tuple[bytes, ...]]]:
            history = History()
            await history.restart()
            for action, number in story:
                await history.step(action, number)
            await history.end_well()
            return [(b.hash, tuple(r.tx.hash for r in b.receipts)) for b in history.chain.blocks]

        return virtual_time.run(main())

    assert run() == run()
