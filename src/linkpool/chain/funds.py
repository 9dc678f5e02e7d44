"""Whether a sender can pay: its balance, read rarely, and what a node refused for want of money."""

import asyncio

from linkpool.chain.rpc import Rpc
from linkpool.chain.types import quantity
from linkpool.units import Wei

BALANCE_SECONDS = 60.0
SHORT_SECONDS = 2.0


class Funds:
    """One sender's money. Read at the start, within a minute after spending, and often while it is short."""

    def __init__(self, rpc: Rpc, address: str) -> None:
        self._rpc, self._address = rpc, address
        self._read_at: float | None = None
        self._spent = True
        self._lacks = Wei(0)
        self.balance: Wei | None = None
        """wei, as last read."""

    @property
    def short(self) -> bool:
        """It has nothing, or a node said that it cannot pay, and nothing has shown otherwise since."""
        return self._lacks > 0

    def spent(self) -> None:
        """Something was mined."""
        self._spent = True

    def refused(self, cost: Wei) -> None:
        """A node did not take a transaction that may cost so much in all."""
        self._lacks, self._read_at = cost, None

    def taken(self) -> None:
        """A node took a transaction, so there is money."""
        self._lacks = Wei(0)

    async def watch(self) -> None:
        """Read the balance if it is time to. Raises EndpointTrouble, Refusal."""
        now = asyncio.get_running_loop().time()
        pause = SHORT_SECONDS if self.short else BALANCE_SECONDS
        if not (self._spent or self.short) or (self._read_at is not None and now - self._read_at < pause):
            return
        self.balance = Wei(quantity(await self._rpc.call("eth_getBalance", self._address, "latest")))
        self._read_at, self._spent = now, False
        if self.balance == 0:
            self._lacks = self._lacks or Wei(1)
        elif self.balance >= self._lacks:
            self._lacks = Wei(0)
