"""JSON-RPC over a FakeChain, with the faults of real endpoints: the chain room's `Endpoint`, in memory.

    endpoint = FakeEndpoint(chain, "one", Faults(latency=0.05, lag=3))

Faults may be changed at any time. Each endpoint draws from its own seed, so a run can be repeated. Errors go
through `linkpool.chain.refusals`, as those of a real node do.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

from eth_hash.auto import keccak

from linkpool.chain.refusals import decode_error
from linkpool.chain.rpc import Call, EndpointTrouble, Garbage, Notice, Refusal, TimedOut, Unreachable
from linkpool.chain.types import checksum
from tests.support.fake_chain import Block, FakeChain, Message, Refused, Revert, execute

TIMEOUT = 10.0


@dataclass
class Faults:
    """What is wrong with an endpoint. Probabilities are per call or per notice, times in seconds."""

    latency: float = 0.005
    jitter: float = 0.0
    """Up to this much more for a call or a notice, so that notices change places."""
    lag: int = 0
    """Blocks it is behind."""
    hang: bool = False
    """Calls are never answered."""
    mute: bool = False
    """Subscriptions say nothing."""
    mute_logs: bool = False
    """Subscriptions tell heads, and no logs."""
    blooms: bool = True
    """Heads come with the filter of their logs."""
    drop: float = 0.0
    duplicate: float = 0.0
    garbage: float = 0.0
    fail: float = 0.0
    swallow: bool = False
    """Transactions are acknowledged and forgotten."""
    max_range: int | None = None
    """Blocks in one eth_getLogs."""
    hide_logs: bool = False
    """eth_getLogs answers nothing."""


class FakeEndpoint:
    """One node's face of a chain."""

    def __init__(
        self,
        chain: FakeChain,
        name: str = "fake",
        faults: Faults | None = None,
        *,
        pushes: bool = True,
        seed: int = 0,
    ) -> None:
        self.chain = chain
        self.name = name
        self.pushes = pushes
        self.faults = faults or Faults()
        self.calls: Counter[str] = Counter()
        self._random = random.Random(f"{name} {seed}")  # noqa: S311 - faults, repeatable
        self._open: list[_Subscription] = []
        self._down = False

    def __repr__(self) -> str:
        return f"FakeEndpoint({self.name})"

    # --- faults -----------------------------------------------------------------------------------

    def go_down(self) -> None:
        """Refuse connections, and break those that are open."""
        self._down = True
        for subscription in list(self._open):
            subscription.break_off()

    def come_back(self) -> None:
        """Accept connections again."""
        self._down = False

    # --- the Endpoint protocol --------------------------------------------------------------------

    async def call(self, method: str, *params: Any) -> Any:
        """As linkpool.chain.rpc.Endpoint."""
        [result] = await self.batch([(method, params)])
        if isinstance(result, Refusal):
            raise result
        return result

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        """As linkpool.chain.rpc.Endpoint. The whole batch sees one state of the chain."""
        self.calls.update(method for method, _ in calls)
        if self._down:
            raise Unreachable(f"{self.name}: down")
        if self.faults.hang:
            await asyncio.sleep(TIMEOUT)
            raise TimedOut(f"{self.name}: no answer")
        await asyncio.sleep(self._delay())
        if self._down or self._random.random() < self.faults.fail:
            raise Unreachable(f"{self.name}: connection lost")
        if self._random.random() < self.faults.garbage:
            raise Garbage(f"{self.name}: <html>")
        results = [self._outcome(method, params) for method, params in calls]
        await asyncio.sleep(self._delay())
        return results

    @asynccontextmanager
    async def subscribe(self, *params: tuple[Any, ...]) -> AsyncIterator[AsyncIterator[Notice]]:
        """As linkpool.chain.rpc.Endpoint."""
        if self._down:
            raise Unreachable(f"{self.name}: down")
        await asyncio.sleep(self._delay())
        subscription = _Subscription(self, params)
        self._open.append(subscription)
        self.chain.listeners.append(subscription.look)
        try:
            yield subscription
        finally:
            self._open.remove(subscription)
            self.chain.listeners.remove(subscription.look)

    # --- what it serves ---------------------------------------------------------------------------

    @property
    def view(self) -> list[Block]:
        """The blocks it has."""
        blocks = self.chain.blocks
        return blocks[: max(len(blocks) - self.faults.lag, 1)]

    def _delay(self) -> float:
        return (self.faults.latency + self._random.random() * self.faults.jitter) / 2

    def _outcome(self, method: str, params: tuple[Any, ...]) -> Any:
        serve = getattr(self, f"_{method}", self._unknown)
        try:
            return serve(*params)
        except Refused as refused:
            error = decode_error(method, refused.error)
            if isinstance(error, Refusal):
                return error
            raise error from refused

    def _unknown(self, *_params: Any) -> Any:
        raise Refused("the method does not exist/is not available", -32601)

    def _block(self, tag: Any) -> Block | None:
        if tag in ("latest", "pending"):
            return self.view[-1]
        number = 0 if tag == "earliest" else int(tag, 16)
        return self.view[number] if number < len(self.view) else None

    def _known(self, tag: Any) -> Block:
        block = self._block(tag)
        if block is None:
            raise Refused("header not found")
        return block

    def _eth_chainId(self) -> str:  # noqa: N802 - JSON-RPC's own name, found by it
        return hex(self.chain.chain_id)

    def _eth_blockNumber(self) -> str:  # noqa: N802
        return hex(self.view[-1].number)

    def _eth_getBlockByNumber(self, tag: Any, full: bool = False) -> Any:  # noqa: N802
        block = self._block(tag)
        if block is None:
            return None
        return head_json(block) | ({"transactions": transactions_json(block)} if full else {})

    def _eth_getBlockByHash(self, block_hash: str, _full: bool = False) -> Any:  # noqa: N802
        return next((head_json(block) for block in self.view if _hex(block.hash) == block_hash), None)

    def _eth_getLogs(self, where: dict[str, Any]) -> Any:  # noqa: N802
        if "blockHash" in where:
            blocks = [block for block in self.view if _hex(block.hash) == where["blockHash"]]
            if not blocks:
                raise Refused("unknown block")
        else:
            low, high = self._known(where["fromBlock"]).number, self._known(where["toBlock"]).number
            if self.faults.max_range is not None and high - low + 1 > self.faults.max_range:
                raise Refused(f"block range is limited to {self.faults.max_range}", -32005)
            blocks = self.view[low : high + 1]
        if self.faults.hide_logs:
            return []
        return [log for block in blocks for log in logs_json(block, where)]

    def _eth_getTransactionCount(self, address: str, tag: Any) -> str:  # noqa: N802
        nonce = self._known(tag).state.nonces.get(checksum(address), 0)
        if tag == "pending":
            mine = {tx.nonce for tx in self.chain.mempool.values() if tx.sender == checksum(address)}
            while nonce in mine:
                nonce += 1
        return hex(nonce)

    def _eth_getBalance(self, address: str, tag: Any) -> str:  # noqa: N802
        return hex(self._known(tag).state.balances.get(checksum(address), 0))

    def _eth_gasPrice(self) -> str:  # noqa: N802
        return hex((self.chain.head.base_fee or 0) + 10**9)

    def _eth_feeHistory(self, count: str, _tag: Any, percentiles: list[float]) -> Any:  # noqa: N802
        if self.chain.base_fee is None:
            raise Refused("the method eth_feeHistory does not exist/is not available", -32601)
        return {"reward": [[hex(10**9) for _ in percentiles] for _ in range(int(count, 16))]}

    def _eth_sendRawTransaction(self, raw: str) -> str:  # noqa: N802
        if self.faults.swallow:
            return _hex(bytes(32))
        return _hex(self.chain.submit(bytes.fromhex(raw[2:])))

    def _eth_getTransactionReceipt(self, tx_hash: str) -> Any:  # noqa: N802
        found = self.chain.receipt(bytes.fromhex(tx_hash[2:]), self.view)
        if found is None:
            return None
        block, index = found
        receipt = block.receipts[index]
        return {
            "transactionHash": tx_hash,
            "blockNumber": hex(block.number),
            "blockHash": _hex(block.hash),
            "status": hex(int(receipt.succeeded)),
            "gasUsed": hex(receipt.gas_used),
            "effectiveGasPrice": hex(receipt.price),
            "from": receipt.tx.sender.lower(),
            "to": receipt.tx.to.lower() or None,
            "logs": [log for log in logs_json(block, {}) if log["transactionHash"] == tx_hash],
        }

    def _eth_getCode(self, address: str, _tag: Any) -> str:  # noqa: N802
        return "0xfe" if checksum(address) in self.chain.contracts else "0x"

    def _eth_call(self, tx: dict[str, Any], tag: Any = "latest") -> str:
        block = self._known(tag)
        if "to" not in tx:
            raise Refused("this node does not try out creations")
        sender, to = checksum(tx.get("from", "0x" + "00" * 20)), checksum(tx["to"])
        data = bytes.fromhex(tx.get("data", tx.get("input", "0x"))[2:])
        value = int(tx.get("value", "0x0"), 16)
        try:
            output, _ = execute(self.chain, block.state.fork(), block, Message(sender, to, value, data), [])
        except Revert as revert:
            raise Refused("execution reverted", 3, _hex(revert.data)) from revert
        return _hex(output)


class _Subscription:
    """Tells what changed in an endpoint's view; faults may drop, double, delay or silence it."""

    def __init__(self, endpoint: FakeEndpoint, params: tuple[tuple[Any, ...], ...]) -> None:
        self._endpoint = endpoint
        self._kinds = {one[0]: one[1] if len(one) > 1 else {} for one in params}
        self._told = list(endpoint.view)
        self._queue: asyncio.Queue[Notice | EndpointTrouble] = asyncio.Queue()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Notice:
        notice = await self._queue.get()
        if isinstance(notice, EndpointTrouble):
            self._queue.put_nowait(notice)
            raise notice
        return notice

    def break_off(self) -> None:
        """The connection is lost."""
        self._queue.put_nowait(Unreachable(f"{self._endpoint.name}: connection lost"))

    def look(self) -> None:
        """The chain changed: tell what is new in the view."""
        now, before = self._endpoint.view, self._told
        same = 0
        while same < min(len(now), len(before)) and now[same] is before[same]:
            same += 1
        if same == len(now):
            return  # nothing new, or the endpoint fell behind: it tells nothing then
        self._told = list(now)
        for block in reversed(before[same:]):
            self._tell_logs(block, removed=True)
        for block in now[same:]:
            if "newHeads" in self._kinds:
                told = head_json(block)
                if not self._endpoint.faults.blooms:
                    del told["logsBloom"]
                self._tell("newHeads", told)
            self._tell_logs(block, removed=False)

    def _tell_logs(self, block: Block, *, removed: bool) -> None:
        if "logs" not in self._kinds or self._endpoint.faults.mute_logs:
            return
        for log in logs_json(block, self._kinds["logs"]):
            self._tell("logs", {**log, "removed": removed})

    def _tell(self, kind: str, payload: Any) -> None:
        endpoint, faults = self._endpoint, self._endpoint.faults
        draw = endpoint._random.random
        if faults.mute or draw() < faults.drop:
            return
        for _ in range(2 if draw() < faults.duplicate else 1):
            delay = faults.latency + draw() * faults.jitter
            asyncio.get_running_loop().call_later(delay, self._queue.put_nowait, (kind, payload))


def head_json(block: Block) -> dict[str, Any]:
    """A block header as nodes give it."""
    head = {
        "number": hex(block.number),
        "hash": _hex(block.hash),
        "parentHash": _hex(block.parent_hash),
        "timestamp": hex(block.timestamp),
        "gasUsed": hex(block.gas_used),
        "logsBloom": f"0x{_bloom(block):0512x}",
    }
    return head if block.base_fee is None else {**head, "baseFeePerGas": hex(block.base_fee)}


def _bloom(block: Block) -> int:
    """The filter of its logs, as the Yellow Paper has it."""
    filled = 0
    for log in (log for one in block.receipts for log in one.logs):
        for item in (bytes.fromhex(log.address[2:]), *log.topics):
            digest = keccak(item)
            for first, second in zip(digest[0:6:2], digest[1:6:2], strict=True):
                filled |= 1 << ((first & 7) * 256 + second)
    return filled


def transactions_json(block: Block) -> list[dict[str, Any]]:
    """The transactions of a block as nodes give them with it."""
    return [
        {
            "hash": _hex(one.tx.hash),
            "from": one.tx.sender.lower(),
            "to": one.tx.to.lower() or None,
            "nonce": hex(one.tx.nonce),
            "value": hex(one.tx.value),
            "input": _hex(one.tx.data),
            "gas": hex(one.tx.gas),
            "gasPrice": hex(one.price),
        }
        for one in block.receipts
    ]


def logs_json(block: Block, where: dict[str, Any]) -> list[dict[str, Any]]:
    """The logs of a block that pass a filter."""
    addresses = [checksum(address) for address in where.get("address", ())]
    topics = (where.get("topics") or [None])[0]
    found, index = [], -1
    for tx_index, receipt in enumerate(block.receipts):
        for log in receipt.logs:
            index += 1
            first = _hex(log.topics[0]) if log.topics else None
            if (addresses and log.address not in addresses) or (topics and first not in topics):
                continue
            found.append(
                {
                    "address": log.address.lower(),
                    "topics": [_hex(topic) for topic in log.topics],
                    "data": _hex(log.data),
                    "blockNumber": hex(block.number),
                    "blockHash": _hex(block.hash),
                    "transactionHash": _hex(receipt.tx.hash),
                    "transactionIndex": hex(tx_index),
                    "logIndex": hex(index),
                    "removed": False,
                }
            )
    return found


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
