"""A worker on a real chain: the chain room as a replica composes it, and a contract that logs its input.

`LOGGER` is a few bytes of code: a call with 32 bytes logs them as topic 1 under topic `DONE`, any number of
times.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from linkpool.chain.clock import ChainClock
from linkpool.chain.endpoint import connect
from linkpool.chain.endpoints import Endpoints
from linkpool.chain.follow import Follower, HeadSeen, LogsGone, LogsSeen
from linkpool.chain.intent import Intent, Ticket
from linkpool.chain.keys import Key
from linkpool.chain.stream import TxStream
from linkpool.chain.types import Log, checksum
from linkpool.units import Wei
from tests.support.anvil import KEYS, Anvil

DONE = bytes([0xD0]) * 32
LOGGER = checksum("0x" + "10" * 20)
# PUSH1 0 CALLDATALOAD PUSH32 DONE PUSH1 0 PUSH1 0 LOG2 STOP
_CODE = "0x600035" + "7f" + DONE.hex() + "60006000a200"
# DONE must be below topic 1 on the stack: LOG2 takes offset, size, topic 0, topic 1


def put_logger(chain: Anvil) -> None:
    """Give LOGGER its code."""
    chain.rpc("anvil_setCode", LOGGER, _CODE)


class Probe:
    """Follower and stream over some URLs; collects what is told."""

    def __init__(self, endpoints: Endpoints, key: Key, *, start: int = 0, **options: Any) -> None:
        self.endpoints = endpoints
        self.clock = ChainClock()
        self.follower = Follower(endpoints, self.clock, [LOGGER], [DONE], start=start, **options)
        self.stream = TxStream(endpoints, key, self.clock, chain_id=31337, grace=0.02)
        self.logs: list[Log] = []
        self.heads: list[int] = []
        self.gone = 0
        self.cap = 10**12

    @property
    def done(self) -> list[int]:
        """Tasks whose logs are in the chain, as told."""
        return sorted(int.from_bytes(log.topics[1]) for log in self.logs)

    def want(self, number: int, **options: Any) -> Ticket:
        """Have `number` logged once."""
        return self.stream.submit(
            Intent(
                to=LOGGER,
                data=number.to_bytes(32),
                gas_limit=60_000,
                max_fee=lambda _now: Wei(self.cap),
                wanted=lambda: number not in self.done,
                deadline=options.get("deadline", 1e12),
            )
        )

    async def glue(self) -> None:
        """Hand every event on, as a replica does."""
        async for event in self.follower.events():
            match event:
                case HeadSeen(head):
                    self.heads.append(head.number)
                    self.stream.on_head(head)
                case LogsSeen(logs):
                    self.logs += logs
                    for log in logs:
                        self.stream.confirmed(log.tx_hash, log.block_number)
                case LogsGone(logs):
                    self.gone += len(logs)
                    for log in logs:
                        self.logs.remove(log)
                        self.stream.unconfirmed(log.tx_hash)


@asynccontextmanager
async def probe(urls: Sequence[str], *, key: str = KEYS[1], **options: Any) -> AsyncIterator[Probe]:
    """A running probe that has caught up; leaving it is a kill."""
    async with aiohttp.ClientSession() as session:
        ends = [connect(url, session, timeout=3.0) for url in urls]
        one = Probe(Endpoints(ends, chain_id=31337), Key(key), **options)
        loops = (one.follower.run(), one.stream.run(), one.glue())
        tasks = [asyncio.create_task(loop) for loop in loops]
        try:
            await until(lambda: one.heads)
            yield one
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for end in ends:
                await end.close()


async def until(condition: Callable[[], Any], *, limit: float = 120.0) -> None:
    """Wait for a condition. Raises TimeoutError."""
    async with asyncio.timeout(limit):
        while not condition():
            await asyncio.sleep(0.02)
