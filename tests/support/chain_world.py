"""A small world around the chain room, in virtual time: a fake chain, endpoints, a follower and a stream.

The contract `BOARD` executes each task once, as an oracle answers each request once: a call with 32 bytes
logs them under topic `DONE`, a second call with the same bytes reverts. `Worker` is what a replica is to the
stream: it learns from logs what is done, wants the rest, and after a kill derives all of it from the chain.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from linkpool.chain.clock import ChainClock
from linkpool.chain.endpoints import Endpoints
from linkpool.chain.follow import Follower, HeadSeen, LogsGone, LogsSeen
from linkpool.chain.intent import Intent, Ticket
from linkpool.chain.keys import Key
from linkpool.chain.stream import TxStream
from linkpool.chain.types import checksum
from linkpool.units import Wei
from tests.support.fake_chain import Call, FakeChain, Revert
from tests.support.fake_endpoint import FakeEndpoint

GWEI = 10**9
ETHER = 10**18
BOARD = checksum("0x" + "b0" * 20)
DONE = bytes([7]) * 32
KEY = Key(bytes([9]) * 32)


def board(call: Call) -> bytes:
    """Execute a task once."""
    if call.data in call.storage:
        raise Revert("already done")
    call.storage[call.data] = call.sender
    call.emit([DONE, call.data])
    return b""


def task(number: int) -> bytes:
    """The 32 bytes that name a task."""
    return number.to_bytes(32)


def make_chain(**options: Any) -> FakeChain:
    """A chain with the board on it, one block, and money for KEY."""
    chain = FakeChain(**options)
    chain.contracts[BOARD] = board
    chain.fund(KEY.address, 10 * ETHER)
    chain.mine()
    return chain


class Worker:
    """Wants tasks done, and does them by one stream. Start it with `running`; leaving is a kill."""

    def __init__(
        self, endpoints: Iterable[FakeEndpoint], *, cap: Callable[[float], int], **options: Any
    ) -> None:
        self.done: dict[bytes, list[bytes]] = {}
        self.tickets: dict[bytes, Ticket] = {}
        self.clock = ChainClock()
        self.endpoints = Endpoints(endpoints, chain_id=31337)
        self.follower = Follower(self.endpoints, self.clock, [BOARD], [DONE], start=0)
        self.stream = TxStream(self.endpoints, KEY, self.clock, chain_id=31337, **options)
        self.heard = 0
        self._cap = cap
        self._use_hooks = True

    def without_hooks(self) -> "Worker":
        """Let the stream learn from receipts alone."""
        self._use_hooks = False
        return self

    def want(self, number: int, *, deadline: float = 1e12) -> Ticket:
        """Submit a task, unless the stream cares for it already."""
        name = task(number)
        ticket = self.tickets.get(name)
        if ticket is None or not ticket.live:
            ticket = self.stream.submit(
                Intent(
                    to=BOARD,
                    data=name,
                    gas_limit=200_000,
                    max_fee=lambda now: Wei(self._cap(now)),
                    wanted=lambda: not self.done.get(name),
                    deadline=deadline,
                    label=f"task {number}",
                )
            )
            self.tickets[name] = ticket
        return ticket

    @asynccontextmanager
    async def running(self) -> Any:
        """Run follower, stream and the glue between them."""
        tasks = [
            asyncio.create_task(self.follower.run()),
            asyncio.create_task(self.stream.run()),
            asyncio.create_task(self._glue()),
        ]
        try:
            yield self
        finally:
            for one in tasks:
                one.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        for end in ends:
            if not isinstance(end, asyncio.CancelledError) and isinstance(end, BaseException):
                raise end

    async def _glue(self) -> None:
        async for event in self.follower.events():
            match event:
                case HeadSeen(head):
                    self.heard = head.number
                    self.stream.on_head(head)
                case LogsSeen(logs):
                    for log in logs:
                        self.done.setdefault(log.topics[1], []).append(log.block_hash)
                        if self._use_hooks:
                            self.stream.confirmed(log.tx_hash, log.block_number)
                case LogsGone(logs):
                    for log in logs:
                        self.done[log.topics[1]].remove(log.block_hash)
                        if self._use_hooks:
                            self.stream.unconfirmed(log.tx_hash)


async def until(condition: Callable[[], Any], *, limit: float = 600.0, step: float = 0.05) -> None:
    """Wait for a condition in (virtual) time. Raises TimeoutError."""
    async with asyncio.timeout(limit):
        while not condition():
            await asyncio.sleep(step)


@asynccontextmanager
async def mining(chain: FakeChain, block_time: float = 1.0) -> Any:
    """Blocks come while the context lasts."""
    miner = asyncio.create_task(chain.run(block_time))
    try:
        yield
    finally:
        miner.cancel()
