"""What left each sender, and whether it was ours: a sender whose balance falls by itself is frozen.

An answer moves gas and nothing else, so a sender's balance may fall only by what its own transactions cost:

1. it fell and the nonce stands still: somebody moves the coin without a transaction (code was set for the
   address, EIP-7702);
2. it fell by more than so many transactions plausibly cost: then the blocks since the last look are read, and
   each of its transactions judged. One that moves value anywhere but to the treasury, or creates a contract,
   is no replica's; nor is a fall that all of them together do not explain.

False alarms are dear, so every judgement but the proof by transaction is made only if the chain still says of
the earlier block what it said then: a re-org takes balances back and is nobody's theft.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import structlog

from linkpool.chain.rpc import Refusal, Rpc
from linkpool.chain.types import Head, quantity
from linkpool.fleet.outbox import gas_paid
from linkpool.store.accounts import KnownAccount
from linkpool.store.tables import OutboxRow
from linkpool.units import show

log = structlog.get_logger(__name__)

PLAUSIBLE_GAS = 1_000_000
"""Of one transaction, at the base fee: twice an answer's limit. More is looked into: it costs calls only."""
MAX_BLOCKS = 256
"""Blocks that are read to judge one fall; after a longer absence a balance is taken as it is."""


@dataclass(frozen=True)
class Seen:
    """An account after a block. balance: wei; nonce: transactions it had sent."""

    block: int
    balance: int
    nonce: int


@dataclass(frozen=True)
class Fall:
    """What left an account between two looks. gas: wei, without what was swept; frozen: why, if not ours."""

    now: Seen
    gas: int = 0
    frozen: str | None = None


class Watch:
    """Remembers every account as it was at the last look of this term, or as the database says."""

    def __init__(self, rpc: Rpc, treasury: str) -> None:
        self._rpc = rpc
        self._treasury = treasury
        self._seen: dict[str, Seen] = {}

    def recall(self, rows: Mapping[str, KnownAccount]) -> None:
        """What a former term saw, of accounts that this one has not looked at."""
        for address, row in rows.items():
            self._seen.setdefault(address, Seen(row.block, int(row.balance), row.nonce))

    @property
    def oldest(self) -> int:
        """The block that the longest unseen account was seen at."""
        return min((seen.block for seen in self._seen.values()), default=0)

    async def look(
        self, head: Head, balances: Mapping[str, int], landed: Sequence[OutboxRow], busy: Set[str]
    ) -> dict[str, Fall]:
        """Those whose balance changed by `head`, or who are new. Raises EndpointTrouble, Refusal.

        landed: all of ours above `oldest`; busy: addresses with a transaction under way from or to them; they
        are judged when it has landed.
        """
        moved = []
        for address, balance in balances.items():
            before = self._seen.get(address)
            if address in busy or (before is not None and head.number <= before.block):
                continue
            if before is not None and before.balance == balance:
                self._seen[address] = Seen(head.number, balance, before.nonce)
            else:
                moved.append(address)
        changed, blocks, of = {}, _Blocks(self._rpc), _by_address(landed)
        for address, nonce in (await self._nonces(moved, head.number)).items():
            before, now = self._seen.get(address), Seen(head.number, balances[address], nonce)
            if before is None:
                changed[address] = Fall(now)
            else:
                changed[address] = await self._judge(address, before, now, of.get(address, ()), head, blocks)
            self._seen[address] = now
        return changed

    async def _judge(
        self,
        address: str,
        before: Seen,
        now: Seen,
        landed: Sequence[OutboxRow],
        head: Head,
        blocks: "_Blocks",
    ) -> Fall:
        since = [row for row in landed if row.block is not None and before.block < row.block <= now.block]
        came = sum(int(row.value) for row in since if row.target == address)
        swept = sum(int(row.value) for row in since if row.sender == address)
        gas = before.balance + came - swept - now.balance
        sent = now.nonce - before.nonce
        why = None
        if gas > 0 and sent <= 0:
            if await self._still(address, before):
                why = f"its balance fell by {show(gas, 6)} without a transaction of its own"
        elif gas > sent * PLAUSIBLE_GAS * (head.base_fee or 0):
            why = await self._foreign(address, before, now, gas, blocks)
        return Fall(now, max(gas, 0), why)

    async def _foreign(
        self, address: str, before: Seen, now: Seen, gas: int, blocks: "_Blocks"
    ) -> str | None:
        """Why this is not what replicas do; none when it is, or when it is too long ago to be looked into."""
        if now.block - before.block > MAX_BLOCKS:
            log.warning("a balance changed while nobody watched; it is taken as it is", sender=address)
            return None
        own = [tx for tx in await blocks.between(before.block, now.block) if _is(tx["from"], address)]
        for tx in own:
            value = quantity(tx["value"])
            if tx["to"] is None:
                return f"its transaction {tx['hash']} creates a contract"
            if value and not _is(tx["to"], self._treasury):
                return f"its transaction {tx['hash']} sends {show(value, 6)} to {tx['to']}"
        if sum(quantity(tx["gas"]) * quantity(tx["gasPrice"]) for tx in own) >= gas:
            return None
        cost = await self._cost(own)
        if cost < gas and await self._still(address, before):
            return f"{show(gas, 6)} left it, of which its {len(own)} transactions cost {show(cost, 6)}"
        return None

    async def _cost(self, transactions: Sequence[Mapping[str, Any]]) -> int:
        receipts = await self._rpc.batch(
            [("eth_getTransactionReceipt", (tx["hash"],)) for tx in transactions]
        )
        return sum(gas_paid(receipt) for receipt in receipts if isinstance(receipt, dict))

    async def _nonces(self, addresses: Sequence[str], block: int) -> dict[str, int]:
        """How many transactions each had sent by that block."""
        calls = [("eth_getTransactionCount", (address, hex(block))) for address in addresses]
        results = await self._rpc.batch(calls) if calls else []
        for result in results:
            if isinstance(result, Refusal):
                raise result
        return {address: quantity(count) for address, count in zip(addresses, results, strict=True)}

    async def _still(self, address: str, before: Seen) -> bool:
        """Whether the chain says of that block what it said when it was looked at."""
        tag = hex(before.block)
        results = await self._rpc.batch(
            [("eth_getBalance", (address, tag)), ("eth_getTransactionCount", (address, tag))]
        )
        if any(isinstance(result, Refusal) for result in results):
            log.warning("an old balance cannot be read again; a fall is taken as it is", sender=address)
            return False
        return [quantity(result) for result in results] == [before.balance, before.nonce]


def _by_address(landed: Sequence[OutboxRow]) -> Mapping[str, Sequence[OutboxRow]]:
    """What went from or to each: of a fleet that is being filled, thousands went to thousands."""
    found: defaultdict[str, list[OutboxRow]] = defaultdict(list)
    for row in landed:
        for address in {row.sender, row.target}:
            found[address].append(row)
    return found


class _Blocks:
    """Transactions of blocks, each read once for a look."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._read: dict[int, list[dict[str, Any]]] = {}

    async def between(self, after: int, last: int) -> list[dict[str, Any]]:
        """All of the blocks above `after` up to `last`, in order."""
        for number in range(after + 1, last + 1):
            if number not in self._read:
                block = await self._rpc.call("eth_getBlockByNumber", hex(number), True)
                self._read[number] = block["transactions"] if block else []
        return [tx for number in range(after + 1, last + 1) for tx in self._read[number]]


def _is(one: str | None, other: str) -> bool:
    return one is not None and one.lower() == other.lower()
