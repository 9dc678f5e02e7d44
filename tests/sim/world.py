"""One history, played in virtual time: real replicas on a fake chain, and a director who makes things happen.

`play(history)` returns the world as the history left it; `tests/sim/laws.py` judges it. A replica reads no
clock of its host, only the loop's and the blocks' timestamps; so it is these that drift here.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable

from tests.sim import oracle
from tests.sim.events import History
from tests.sim.plane import Plane, Quality
from tests.sim.replica import Replica
from tests.sim.requesters import Requesters
from tests.sim.seals import Seal, unseal
from tests.sim.seats import Seat
from tests.sim.stretches import Stretches
from tests.support import virtual_time
from tests.support.fake_chain import GENESIS_TIME, FakeChain, Tx

GWEI = 10**9
BASE_FEE = 5 * GWEI
WEALTH = 10**20
SLOTS = 4
RESTART_SECONDS = 2.0
"""A seat whose task ended is filled again by then, unless a kill said otherwise."""

CALM_BLOCKS = 3
"""Blocks after the last event in which replicas see how everything ended."""


class World:
    """Everything there is."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.dice = random.Random(history.seed)  # noqa: S311 - repeatable
        self.chain = FakeChain(base_fee=BASE_FEE, gas_limit=history.gas_limit)
        self.chain.decode = unseal
        self.senders = frozenset(Seal(slot).address for slot in range(SLOTS))
        self.chain.contracts[oracle.ADDRESS] = oracle.contract(self.senders)
        self.requesters = Requesters(self.chain)
        self.plane = Plane(self.dice, Quality(history.delay, history.loss), history.link_price)
        self.seats = [Seat.of(n, chair, history.source) for n, chair in enumerate(history.chairs)]
        self.lives: list[Replica] = []
        self.shun = 0
        self.spikes: list[int] = []
        self.broke: list[int] = []
        self.stretches = Stretches(self)
        self.appeared: dict[bytes, float] = {}
        self.submitted: dict[bytes, tuple[float, int]] = {}
        """When, and at which head's timestamp, each transaction was first taken into the mempool."""
        self.killed: Counter[int] = Counter()
        """How many replicas each deadly question killed."""
        self._over = False
        self._start = 0.0

    # --- time -------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Seconds since the start."""
        return asyncio.get_running_loop().time() - self._start

    def at(self, timestamp: float) -> float:
        """A chain time as seconds since the start."""
        return timestamp - GENESIS_TIME

    def since_start(self, moment: float) -> float:
        """A time of the loop as seconds since the start."""
        return moment - self._start

    async def run(self) -> None:
        """From the first block to the last request's end."""
        self._start = asyncio.get_running_loop().time()
        self._hook()
        self.fund()
        self.chain.mine(timestamp=GENESIS_TIME)
        for seat in self.seats:
            self._fill(seat)
        miner = asyncio.create_task(self._mine())
        try:
            await self._direct()
            await self._settle()
        finally:
            miner.cancel()
            self._over = True
            self.stretches.close()
            for life in self.lives:
                await life.end()

    async def _direct(self) -> None:
        """Make the events happen, and end."""
        script: list[tuple[float, int, Callable[[], None] | None, int]] = []
        agenda = sorted(enumerate(self.history.events), key=lambda pair: (pair[1].at, pair[0]))
        order = len(agenda)
        script = [(event.at, index, None, index) for index, event in agenda]
        while script:
            script.sort(key=lambda one: one[:2])
            moment, _, end, index = script.pop(0)
            await asyncio.sleep(max(moment - self.now, 0.0))
            self.stretches.look()
            if end is not None:
                end()
            else:
                seconds, finish = self.history.events[index].happen(self)
                if finish is not None:
                    script.append((moment + seconds, order, finish, index))
                    order += 1
            self.stretches.look()

    async def _settle(self) -> None:
        """Wait until every request is answered, cancelled, or past its window, and was seen to be."""
        block = self.history.block_time
        while self._open():
            await asyncio.sleep(block)
        await asyncio.sleep(CALM_BLOCKS * block + 1.0)

    def _open(self) -> bool:
        head, nonces = self.chain.head, self.chain.state.nonces
        waiting = [tx for tx in self.chain.mempool.values() if tx.data[:4] == oracle.ASK]
        asked = any(tx.nonce == nonces.get(tx.sender, 0) for tx in waiting)  # a re-org may have left a gap
        held = self.chain.state.storage.get(oracle.ADDRESS, {}).values()
        return asked or any(head.timestamp < one.expiration for one in held)

    # --- the chain --------------------------------------------------------------------------------

    async def _mine(self) -> None:
        step = self.history.block_time
        while True:
            await asyncio.sleep(step)
            self.requesters.cancel()
            include = (lambda tx: not self.is_ours(tx)) if self.shun else None
            drift = self.dice.randint(0, self.history.drift)
            self.chain.mine(timestamp=GENESIS_TIME + round(self.now) + drift, include=include)
            self.plane.listen()
            self.stretches.look()

    def reorg(self, depth: int, *, lossy: bool) -> None:
        """Replace the last blocks; at least the first ones stay."""
        depth = min(depth, len(self.chain.blocks) - 2)
        if depth < 1:
            return
        self.stretches.break_off(since=self.at(self.chain.blocks[-depth].timestamp))
        keep = (lambda tx: tx.hash[0] % 3 > 0) if lossy else None
        self.chain.reorg(depth, length=depth + self.dice.randrange(2), keep=keep)
        self.fund()  # what a re-org took with its blocks

    def price(self) -> None:
        """The base fee as the spikes want it."""
        self.chain.base_fee = BASE_FEE * max(self.spikes, default=1)

    def fund(self) -> None:
        """Money for every sender that should have some."""
        for slot in range(SLOTS):
            self.chain.state.balances[Seal(slot).address] = 0 if slot in self.broke else WEALTH

    def is_ours(self, tx: Tx) -> bool:
        """A transaction of one of the node's senders."""
        return tx.sender in self.senders

    def _hook(self) -> None:
        submit = self.chain.submit

        def taken(raw: bytes) -> bytes:
            tx_hash = submit(raw)
            self.submitted.setdefault(tx_hash, (self.now, self.chain.head.timestamp))
            return tx_hash

        self.chain.submit = taken  # type: ignore[method-assign] - the world listens in
        self.chain.listeners.append(self._look)

    def _look(self) -> None:
        for block in reversed(self.chain.blocks):
            if block.hash in self.appeared:
                break
            self.appeared[block.hash] = self.now

    # --- replicas ---------------------------------------------------------------------------------

    def seat(self, number: int) -> Seat:
        """The seat of that number, counted round."""
        return self.seats[number % len(self.seats)]

    def _fill(self, seat: Seat) -> None:
        if self._over:
            return
        seat.lives += 1
        seat.replica = Replica(
            f"r{seat.number}.{seat.lives}",
            seat.number,
            self.chain,
            self.plane,
            seat.slot,
            primary=seat.primary,
            faults=[(path.faults, path.pushes) for path in seat.paths],
            sources=seat.sources,
            deadly=lambda number: self._poisoned(seat, number),
            ended=lambda: self._emptied(seat),
        )
        self.lives.append(seat.replica)
        seat.replica.start()

    def _poisoned(self, seat: Seat, number: int) -> None:
        self.killed[number] += 1
        if seat.replica:
            seat.replica.kill(noticed=True, chance=False)

    def _emptied(self, seat: Seat) -> None:
        self.stretches.look()
        back, seat.back = seat.back, RESTART_SECONDS
        asyncio.get_running_loop().call_later(back, self._fill, seat)


def play(history: History, world: World | None = None) -> World:
    """Play a history to its end, in a fresh world or in the one given."""
    world = world or World(history)
    virtual_time.run(world.run(), limit=10_000.0)
    return world
