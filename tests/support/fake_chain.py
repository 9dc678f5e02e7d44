"""A chain in memory: blocks, mempool, re-orgs, and contracts written as Python functions.

`FakeEndpoint` (tests/support/fake_endpoint.py) serves it as JSON-RPC, and it is the chain of the simulator.
Nothing here waits or reads a clock by itself: `mine` adds a block, `reorg` replaces some, `run` mines by the
loop's clock. Every block keeps the state after it, so any past block can be read and any re-org undone. The
same calls in the same order give the same hashes.

A contract is `def handler(call: Call) -> bytes` (its return data). It reads `call.sender`, `call.data` and
`call.block`, keeps its state in `call.storage` (a dict of plain immutable values), logs with `call.emit`,
calls others with `call.call`, and fails with `raise Revert(data)`.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import rlp
from eth_abi import encode
from eth_account import Account
from eth_hash.auto import keccak

from linkpool.chain.types import checksum

GENESIS_TIME = 1_700_000_000
BASE_COST = 21_000
CALL_COST = 50_000
BUMP_PERCENT = 10
SENDER_LIMIT = 64


class Revert(Exception):
    """A contract refuses. `Revert("words")` carries Error(string), `Revert(b"...")` raw data."""

    def __init__(self, reason: str | bytes = b"") -> None:
        super().__init__(reason)
        packed = (
            reason if isinstance(reason, bytes) else bytes.fromhex("08c379a0") + encode(["string"], [reason])
        )
        self.data = packed


class Refused(Exception):
    """The node says no: a JSON-RPC error with this code and text."""

    def __init__(self, message: str, code: int = -32000, data: str | None = None) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message, **({"data": data} if data else {})}


@dataclass(frozen=True)
class Tx:
    """A signed transaction. `tip` equals `max_fee` on a legacy one; `to` is empty for a creation."""

    raw: bytes
    hash: bytes
    sender: str
    nonce: int
    to: str
    value: int
    data: bytes
    gas: int
    max_fee: int
    tip: int

    def price(self, base_fee: int | None) -> int:
        """What it pays per gas at that base fee."""
        return self.max_fee if base_fee is None else min(self.max_fee, base_fee + self.tip)


@dataclass(frozen=True)
class FakeLog:
    """One log as a contract emitted it."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True)
class Receipt:
    """What became of a transaction."""

    tx: Tx
    succeeded: bool
    gas_used: int
    price: int
    logs: tuple[FakeLog, ...]
    output: bytes


@dataclass
class State:
    """Balances, nonces and contract storage; forking copies it."""

    balances: dict[str, int] = field(default_factory=dict)
    nonces: dict[str, int] = field(default_factory=dict)
    storage: dict[str, dict[Any, Any]] = field(default_factory=dict)

    def fork(self) -> "State":
        """An independent copy."""
        storage = {address: dict(values) for address, values in self.storage.items()}
        return State(dict(self.balances), dict(self.nonces), storage)

    def adopt(self, other: "State") -> None:
        """Become `other`."""
        self.balances, self.nonces, self.storage = other.balances, other.nonces, other.storage


@dataclass(eq=False)
class Block:
    """One block and the state after it."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int
    base_fee: int | None
    receipts: tuple[Receipt, ...]
    state: State

    @property
    def gas_used(self) -> int:
        """Gas of all its transactions."""
        return sum(receipt.gas_used for receipt in self.receipts)


Handler = Callable[["Call"], bytes]


@dataclass(eq=False)
class Call:
    """One call of a contract, as its handler sees it."""

    chain: "FakeChain"
    state: State
    block: Block
    sender: str
    to: str
    value: int
    data: bytes
    logs: list[FakeLog]
    gas_used: int = CALL_COST

    @property
    def storage(self) -> dict[Any, Any]:
        """The contract's own state: plain immutable keys and values."""
        return self.state.storage.setdefault(self.to, {})

    def emit(self, topics: Sequence[bytes], data: bytes = b"") -> None:
        """Log something; lost if the call reverts."""
        self.logs.append(FakeLog(self.to, tuple(topics), data))

    def call(self, to: str, data: bytes, value: int = 0) -> bytes:
        """Call another contract as this one. Raises its Revert, with its effects undone."""
        return execute(self.chain, self.state, self.block, Message(self.to, to, value, data), self.logs)[0]


@dataclass(frozen=True)
class Message:
    """What a call brings."""

    sender: str
    to: str
    value: int
    data: bytes


def execute(
    chain: "FakeChain", state: State, block: Block, message: Message, logs: list[FakeLog]
) -> tuple[bytes, int]:
    """Run one call on `state`: its output and gas. Raises Revert with nothing changed."""
    sender, to, value = message.sender, message.to, message.value
    trial, kept = state.fork(), len(logs)
    if trial.balances.get(sender, 0) < value:
        raise Revert("value exceeds balance")
    trial.balances[sender] = trial.balances.get(sender, 0) - value
    trial.balances[to] = trial.balances.get(to, 0) + value
    handler = chain.contracts.get(to)
    if handler is None:
        state.adopt(trial)
        return b"", 0
    call = Call(chain, trial, block, sender, to, value, message.data, logs)
    try:
        output = handler(call)
    except Revert:
        del logs[kept:]
        raise
    state.adopt(trial)
    return output, call.gas_used


class FakeChain:
    """The chain itself: what is canonical, what is pending, and who wants to know."""

    def __init__(
        self,
        *,
        chain_id: int = 31337,
        base_fee: int | None = 10**9,
        pinned: bool = True,
        gas_limit: int = 30_000_000,
        genesis_time: int = GENESIS_TIME,
    ) -> None:
        """`base_fee` none: a legacy chain. `pinned`: it is `self.base_fee`; else EIP-1559 moves it."""
        self.chain_id = chain_id
        self.gas_limit = gas_limit
        self.base_fee = base_fee
        self.pinned = pinned
        self.contracts: dict[str, Handler] = {}
        self.mempool: dict[bytes, Tx] = {}
        self.listeners: list[Callable[[], None]] = []
        self.decode: Callable[[bytes], Tx] = decode_tx
        """How a raw transaction is read; a simulation may put something cheaper than signatures here."""
        self._salt = 0
        genesis_hash = hashlib.sha256(f"genesis {chain_id} {genesis_time}".encode()).digest()
        self.blocks = [Block(0, genesis_hash, bytes(32), genesis_time, base_fee, (), State())]

    # --- reading ----------------------------------------------------------------------------------

    @property
    def head(self) -> Block:
        """The last block."""
        return self.blocks[-1]

    @property
    def state(self) -> State:
        """The state after the last block."""
        return self.head.state

    def receipt(self, tx_hash: bytes, blocks: Sequence[Block] | None = None) -> tuple[Block, int] | None:
        """The block of a transaction and its index there."""
        for block in reversed(self.blocks if blocks is None else blocks):
            for index, receipt in enumerate(block.receipts):
                if receipt.tx.hash == tx_hash:
                    return block, index
        return None

    def executed(self) -> list[Receipt]:
        """Receipts of the canonical chain, in order."""
        return [receipt for block in self.blocks for receipt in block.receipts]

    # --- changing ---------------------------------------------------------------------------------

    def fund(self, address: str, amount: int) -> None:
        """Add to a balance, in the state after the last block."""
        self.state.balances[address] = self.state.balances.get(address, 0) + amount

    def submit(self, raw: bytes) -> bytes:
        """Take a signed transaction into the mempool, by geth's rules and words. Raises Refused."""
        tx = self.decode(raw)
        if tx.hash in self.mempool:
            raise Refused("already known")
        mined = self.state.nonces.get(tx.sender, 0)
        if tx.nonce < mined:
            raise Refused(f"nonce too low: next nonce {mined}, tx nonce {tx.nonce}")
        if tx.gas < BASE_COST:
            raise Refused(f"intrinsic gas too low: have {tx.gas}, want {BASE_COST}")
        if tx.gas > self.gas_limit:
            raise Refused("exceeds block gas limit")
        pending = [one for one in self.mempool.values() if one.sender == tx.sender]
        old = next((one for one in pending if one.nonce == tx.nonce), None)
        if old is None and len(pending) >= SENDER_LIMIT:
            raise Refused("txpool is full")
        if self.state.balances.get(tx.sender, 0) < tx.gas * tx.max_fee + tx.value:
            raise Refused("insufficient funds for gas * price + value")
        if old is not None:
            enough = 100 + BUMP_PERCENT
            if tx.max_fee * 100 < old.max_fee * enough or tx.tip * 100 < old.tip * enough:
                raise Refused("replacement transaction underpriced")
            del self.mempool[old.hash]
        self.mempool[tx.hash] = tx
        return tx.hash

    def evict(self, tx_hash: bytes) -> None:
        """Drop a pending transaction."""
        self.mempool.pop(tx_hash, None)

    def mine(
        self, blocks: int = 1, *, timestamp: int | None = None, include: Callable[[Tx], bool] | None = None
    ) -> Block:
        """Add blocks. `include` says which pending transactions may go into them."""
        for _ in range(blocks):
            self._append(timestamp, include)
            self._changed()
        return self.head

    def reorg(
        self, depth: int, length: int | None = None, *, keep: Callable[[Tx], bool] | None = None
    ) -> None:
        """Replace the last `depth` blocks by `length` others (one more by default).

        Transactions of the old blocks go back to the mempool if `keep` says so (all by default), and the new
        blocks take what is pending there. Listeners hear once, at the end.
        """
        if not 0 < depth < len(self.blocks):
            raise ValueError(f"cannot replace {depth} of {len(self.blocks)} blocks")
        old, self.blocks = self.blocks[-depth:], self.blocks[:-depth]
        self._salt += 1
        waiting = [receipt.tx for block in old for receipt in block.receipts]
        pending = {(tx.sender, tx.nonce) for tx in self.mempool.values()}
        back = [tx for tx in waiting if (keep is None or keep(tx)) and (tx.sender, tx.nonce) not in pending]
        self.mempool = {tx.hash: tx for tx in [*back, *self.mempool.values()]}
        length = depth + 1 if length is None else length
        for index in range(length):
            self._append(old[index].timestamp if index < depth else None, None)
        self._changed()

    async def run(self, block_time: float) -> None:
        """Mine a block every `block_time` seconds of the loop's clock, for ever."""
        loop = asyncio.get_running_loop()
        start, first = loop.time(), self.head.timestamp
        while True:
            await asyncio.sleep(block_time)
            self.mine(timestamp=first + round(loop.time() - start))

    # --- inside -----------------------------------------------------------------------------------

    def _append(self, timestamp: int | None, include: Callable[[Tx], bool] | None) -> None:
        parent = self.head
        number, stamp = parent.number + 1, max(timestamp or parent.timestamp + 1, parent.timestamp)
        fee = self._next_base_fee(parent)
        name = parent.hash + number.to_bytes(8) + stamp.to_bytes(8) + self._salt.to_bytes(8)
        block = Block(number, hashlib.sha256(name).digest(), parent.hash, stamp, fee, (), parent.state.fork())
        receipts: list[Receipt] = []
        room = self.gas_limit
        for tx in self._eligible(block.state, fee, include):
            if tx.gas <= room and tx.nonce == block.state.nonces.get(tx.sender, 0):
                receipt = self._apply(tx, block)
                receipts.append(receipt)
                room -= receipt.gas_used
                del self.mempool[tx.hash]
        block.receipts = tuple(receipts)
        self.blocks.append(block)
        nonces = block.state.nonces
        self.mempool = {h: tx for h, tx in self.mempool.items() if tx.nonce >= nonces.get(tx.sender, 0)}

    def _eligible(self, state: State, fee: int | None, include: Callable[[Tx], bool] | None) -> Iterable[Tx]:
        """What a block may take: each sender's by nonce, the senders by what their first pays."""
        allowed = [tx for tx in self.mempool.values() if include is None or include(tx)]
        paying = [tx for tx in allowed if fee is None or tx.max_fee >= fee]
        queues: dict[str, list[Tx]] = {}
        for tx in sorted(paying, key=lambda one: one.nonce):
            queue = queues.setdefault(tx.sender, [])
            if tx.nonce == state.nonces.get(tx.sender, 0) + len(queue):
                queue.append(tx)
        ordered = sorted((queue for queue in queues.values() if queue), key=lambda q: -q[0].price(fee))
        return [tx for queue in ordered for tx in queue]

    def _apply(self, tx: Tx, block: Block) -> Receipt:
        state, price = block.state, tx.price(block.base_fee)
        state.nonces[tx.sender] = tx.nonce + 1
        logs: list[FakeLog] = []
        succeeded, output, gas = True, b"", 0
        try:
            message = Message(tx.sender, tx.to, tx.value, tx.data)
            output, gas = execute(self, state, block, message, logs)
        except Revert as revert:
            succeeded, output, gas = False, revert.data, CALL_COST
        gas_used = min(BASE_COST + gas, tx.gas)
        if BASE_COST + gas > tx.gas:
            succeeded, logs = False, []
        state.balances[tx.sender] = state.balances.get(tx.sender, 0) - gas_used * price
        return Receipt(tx, succeeded, gas_used, price, tuple(logs), output)

    def _next_base_fee(self, parent: Block) -> int | None:
        if self.pinned or parent.base_fee is None:
            return self.base_fee
        target = self.gas_limit // 2
        change = parent.base_fee * (parent.gas_used - target) // target // 8
        return max(parent.base_fee + change, 7)

    def _changed(self) -> None:
        for listener in list(self.listeners):
            listener()


@lru_cache(maxsize=10_000)
def decode_tx(raw: bytes) -> Tx:
    """A signed transaction, legacy or EIP-1559. Raises Refused for anything else."""
    try:
        sender = checksum(Account.recover_transaction(raw))
        if raw[0] == 2:
            _, nonce, tip, fee, gas, to, value, data = rlp.decode(raw[1:])[:8]
        else:
            nonce, fee, gas, to, value, data = rlp.decode(raw)[:6]
            tip = fee
    except Exception as problem:
        raise Refused(f"rlp: {problem}") from problem
    numbers = [int.from_bytes(part) for part in (nonce, value, gas, fee, tip)]
    target = checksum("0x" + to.hex()) if to else ""
    return Tx(raw, keccak(raw), sender, numbers[0], target, numbers[1], data, *numbers[2:])
