"""What a transaction should offer per gas: enough for the next blocks, never above its cap.

The base fee comes with every head, for nothing; the tip (or, on a legacy chain, the gas price) is asked for
at most every half minute, and only while something is being sent. All figures are wei per gas.
"""

import asyncio
from dataclasses import dataclass
from typing import NamedTuple

from linkpool.chain.rpc import EndpointTrouble, Garbage, Refusal, Rpc
from linkpool.chain.types import Head, quantity
from linkpool.units import Wei

FIRST_SHARE = 0.7
"""A first send uses at most this share of what it is worth, so that there is room to replace it."""

BASE_FEE_ROOM = 2
"""The base fee may double (six full blocks) before a transaction falls out of the market."""

REFRESH_SECONDS = 30.0
TIP_PERCENTILE = 60
MIN_TIP = 1


class Cap(NamedTuple):
    """What a transaction may cost per gas: the most now, and what it is worth, which that may rise to."""

    most: Wei
    worth: Wei


@dataclass(frozen=True)
class Offer:
    """What a transaction offers: `max_fee` in all, of which `tip` goes to the block's maker.

    `tip` is none on a legacy chain, where `max_fee` is the gas price.
    """

    max_fee: Wei
    tip: Wei | None

    def fields(self) -> dict[str, int]:
        """The transaction's fields for it."""
        if self.tip is None:
            return {"gasPrice": self.max_fee}
        return {"type": 2, "maxFeePerGas": self.max_fee, "maxPriorityFeePerGas": self.tip}


@dataclass(frozen=True)
class Market:
    """What the next block costs. `base_fee` is none on a legacy chain, where `tip` is the whole gas price."""

    base_fee: Wei | None
    tip: Wei

    @property
    def floor(self) -> Wei:
        """Below this no transaction is mined now."""
        return self.tip if self.base_fee is None else Wei(self.base_fee + MIN_TIP)

    def first(self, worth: Wei) -> Offer | None:
        """The offer of a first send, or none while its share of the worth cannot pay for the next block."""
        return self._offer(Wei(int(worth * FIRST_SHARE)))

    def raised(self, old: Offer, cap: Wei) -> Offer | None:
        """An offer that replaces `old` in any mempool (an eighth more, rounded up) and can be mined.

        None where `cap` does not allow it.
        """
        wanted = self._offer(cap)
        if wanted is None:
            return None
        max_fee = max(bumped(old.max_fee), wanted.max_fee)
        if max_fee > cap:
            return None
        if old.tip is None or self.base_fee is None:
            return Offer(Wei(max_fee), old.tip)
        tip = max(bumped(old.tip), wanted.tip or 0)
        return Offer(Wei(max(max_fee, tip)), Wei(tip)) if tip <= cap else None

    def most(self, old: Offer, cap: Wei) -> Offer | None:
        """All that `cap` allows: `old` is not known to be pending still, so this may do though it is less."""
        if cap < self.floor:
            return None
        return Offer(cap, None if old.tip is None else min(cap, Wei(bumped(old.tip))))

    def _offer(self, cap: Wei) -> Offer | None:
        if cap < self.floor:
            return None
        if self.base_fee is None:
            return Offer(self.tip, None)
        max_fee = min(cap, self.base_fee * BASE_FEE_ROOM + self.tip)
        return Offer(Wei(max_fee), Wei(min(self.tip, max_fee - self.base_fee)))


def bumped(fee: int) -> int:
    """An eighth more, rounded up: nodes ask for 10 % or 12.5 % to replace a transaction."""
    return fee + max(-(-fee // 8), 1)


class FeeSource:
    """The market as far as it can be known without a call per block."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._tip = Wei(0)
        self._legacy = False
        self._read_at: float | None = None

    async def market(self, head: Head) -> Market:
        """The market after `head`; at most one call in REFRESH_SECONDS. Raises EndpointTrouble."""
        now = asyncio.get_running_loop().time()
        base_fee = head.base_fee
        legacy = base_fee is None
        if self._read_at is None or now - self._read_at >= REFRESH_SECONDS or legacy != self._legacy:
            self._tip = await (self._gas_price() if base_fee is None else self._usual_tip(base_fee))
            self._read_at, self._legacy = now, legacy
        return Market(None if base_fee is None else Wei(base_fee), self._tip)

    def stale(self) -> None:
        """Ask again at the next use: a node found our offer too low."""
        self._read_at = None

    async def _gas_price(self) -> Wei:
        return Wei(max(quantity(await self._rpc.call("eth_gasPrice")), MIN_TIP))

    async def _usual_tip(self, base_fee: int) -> Wei:
        """What others tip; from the gas price where nothing better is offered. Raises EndpointTrouble."""
        for ask in (self._recent_tip, self._suggested_tip):
            try:
                return Wei(max(await ask(), MIN_TIP))
            except (EndpointTrouble, Refusal):
                continue
        return Wei(max(await self._gas_price() - base_fee, MIN_TIP))

    async def _recent_tip(self) -> int:
        history = await self._rpc.call("eth_feeHistory", "0x5", "latest", [TIP_PERCENTILE])
        try:
            tips = sorted(int(block[0], 16) for block in history.get("reward") or [])
        except (AttributeError, IndexError, TypeError, ValueError) as problem:
            raise Garbage(f"eth_feeHistory: not a fee history: {str(history)[:200]}") from problem
        return tips[len(tips) // 2] if tips else 0

    async def _suggested_tip(self) -> int:
        return quantity(await self._rpc.call("eth_maxPriorityFeePerGas"))
