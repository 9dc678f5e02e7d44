"""The real contracts in the in-process EVM, as a chain of blocks that JSON-RPC can read, with re-orgs.

    chain = EvmChain(world)
    chain.mine(lambda: world.stake(...))       # one block, twelve seconds later
    with chain.fork():                         # what is mined inside is gone afterwards: a re-org
        chain.mine(...)

Views (`eth_call`) answer as of the tip; asking for any other block is refused.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from linkpool.chain.rpc import Refusal
from linkpool.chain.types import Head, Log, checksum
from tests.contracts.world import World
from tests.support.evm import DEPLOYER

BLOCK_SECONDS = 12


@dataclass
class Mined:
    """A block and its logs."""

    head: Head
    logs: list[Log]


class EvmChain:
    """An `Rpc`. What happened in the world before it was made is in block 1."""

    def __init__(self, world: World) -> None:
        self.world = world
        genesis = Head(0, _name(b"genesis"), bytes(32), world.evm.now - BLOCK_SECONDS)
        self.blocks = [Mined(genesis, [])]
        self._forks = 0
        self._seen = 0
        self.mine(seconds=0)

    @property
    def tip(self) -> Head:
        """The last block."""
        return self.blocks[-1].head

    def mine(self, act: Callable[[], None] = lambda: None, seconds: int = BLOCK_SECONDS) -> None:
        """One block with whatever `act` does, `seconds` after the last."""
        evm, parent = self.world.evm, self.tip
        evm.now += seconds
        act()
        number = parent.number + 1
        hash = _name(parent.hash, number.to_bytes(8), self._forks.to_bytes(8))
        head = Head(number, hash, parent.hash, evm.now)
        logs = [
            replace(log, block_number=number, block_hash=hash, tx_hash=_name(hash), log_index=index)
            for index, log in enumerate(evm.logs[self._seen :])
        ]
        self._seen = len(evm.logs)
        self.blocks.append(Mined(head, logs))

    @contextmanager
    def fork(self) -> Iterator[None]:
        """Blocks mined inside leave the chain at the end, and the world is as before."""
        kept, seen, world = len(self.blocks), self._seen, self.world
        nodes, senders, asked = list(world.nodes), dict(world.senders), world.asked
        with world.evm.undone():
            yield
        del self.blocks[kept:]
        self._seen = seen
        world.nodes[:], world.senders, world.asked = nodes, senders, asked
        self._forks += 1

    # --- the Rpc protocol -------------------------------------------------------------------------

    async def call(self, method: str, *params: Any) -> Any:
        """As linkpool.chain.rpc.Rpc."""
        return getattr(self, f"_{method}")(*params)

    async def batch(self, calls: Sequence[tuple[str, tuple[Any, ...]]]) -> list[Any]:
        """As linkpool.chain.rpc.Rpc."""
        results: list[Any] = []
        for method, params in calls:
            try:
                results.append(await self.call(method, *params))
            except Refusal as refusal:
                results.append(refusal)
        return results

    def _eth_getBlockByNumber(self, tag: str, _full: bool) -> Any:  # noqa: N802 - JSON-RPC's own name
        number = self.tip.number if tag == "latest" else int(tag, 16)
        return _head_json(self.blocks[number].head) if number < len(self.blocks) else None

    def _eth_getLogs(self, where: dict[str, Any]) -> Any:  # noqa: N802 - JSON-RPC's own name
        if "blockHash" in where:
            blocks = [one for one in self.blocks[-200:] if _hex(one.head.hash) == where["blockHash"]]
            if not blocks:
                raise Refusal("unknown block")
        else:
            blocks = self.blocks[int(where["fromBlock"], 16) : int(where["toBlock"], 16) + 1]
        wanted = set(map(checksum, where["address"]))
        return [_log_json(log) for block in blocks for log in block.logs if log.address in wanted]

    def _eth_call(self, request: dict[str, str], tag: str) -> str:
        if tag not in ("latest", hex(self.tip.number)):
            raise Refusal("missing trie node")
        evm = self.world.evm
        with evm.undone():
            return _hex(evm.raw(DEPLOYER, checksum(request["to"]), bytes.fromhex(request["data"][2:])))


def _name(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def _hex(value: bytes) -> str:
    return f"0x{value.hex()}"


def _head_json(head: Head) -> dict[str, Any]:
    return {
        "number": hex(head.number),
        "hash": _hex(head.hash),
        "parentHash": _hex(head.parent_hash),
        "timestamp": hex(head.timestamp),
    }


def _log_json(log: Log) -> dict[str, Any]:
    return {
        "address": log.address,
        "topics": [_hex(topic) for topic in log.topics],
        "data": _hex(log.data),
        "blockNumber": hex(log.block_number),
        "blockHash": _hex(log.block_hash),
        "transactionHash": _hex(log.tx_hash),
        "logIndex": hex(log.log_index),
    }
