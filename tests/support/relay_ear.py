"""Somebody who listens to a relay and writes down what it tells, in order; and chains that have logs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from linkpool.chain.rpc import EndpointTrouble
from tests.support.chain_world import BOARD, GWEI, KEY, task
from tests.support.fake_chain import FakeChain
from tests.support.fake_relay import RelayFace


class Emitter:
    """Puts transactions that make one log each into a chain's mempool."""

    def __init__(self, chain: FakeChain) -> None:
        self.chain = chain
        self._nonce = 0

    def emit(self, count: int = 1) -> None:
        """That many logs in the next block."""
        for _ in range(count):
            fields = {"chainId": 31337, "type": 2, "to": BOARD, "value": 0, "gas": 100_000}
            fees = {"maxFeePerGas": 10 * GWEI, "maxPriorityFeePerGas": GWEI}
            raw, _ = KEY.sign({**fields, **fees, "nonce": self._nonce, "data": task(self._nonce)})
            self.chain.submit(raw)
            self._nonce += 1

    def blocks(self, count: int, logs: int = 1) -> None:
        """Blocks with `logs` logs each."""
        for _ in range(count):
            self.emit(logs)
            self.chain.mine()


class Ear:
    """`told`: ("head", number) and ("log", number, index) and ("gone", number, index)."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.lost: EndpointTrouble | None = None

    @property
    def heads(self) -> list[int]:
        """Numbers of the heads told."""
        return [one[1] for one in self.told if one[0] == "head"]

    def take(self, kind: str, payload: dict[str, Any]) -> None:
        """Write one notice down."""
        if kind == "newHeads":
            self.told.append(("head", int(payload["number"], 16)))
        else:
            what = "gone" if payload["removed"] else "log"
            self.told.append((what, int(payload["blockNumber"], 16), int(payload["logIndex"], 16)))


@asynccontextmanager
async def listening(face: RelayFace, address: str = BOARD) -> AsyncIterator[Ear]:
    """Heads and the logs of one contract, while the context is open."""
    ear = Ear()

    async def listen() -> None:
        try:
            async with face.subscribe(("newHeads",), ("logs", {"address": address})) as notices:
                ready.set()
                async for kind, payload in notices:
                    ear.take(kind, payload)
        except EndpointTrouble as trouble:
            ear.lost = trouble

    ready = asyncio.Event()
    task_ = asyncio.create_task(listen())
    await ready.wait()
    try:
        yield ear
    finally:
        task_.cancel()
        await asyncio.gather(task_, return_exceptions=True)
