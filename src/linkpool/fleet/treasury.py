"""Gas for the senders that need it: those of held slots, and the first ones of a node about to start."""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from linkpool.chain.rpc import Refusal, Rpc
from linkpool.chain.types import quantity
from linkpool.fleet.outbox import Outbox
from linkpool.units import Wei, show

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Marks:
    """Wei between which a sender's balance is kept; the low one should pay three answers at the fee cap."""

    low: Wei
    high: Wei


class Treasury:
    """Tops up through the outbox; `balances` is what was seen last, in wei."""

    def __init__(self, rpc: Rpc, outbox: Outbox, marks: Marks) -> None:
        self._rpc = rpc
        self._outbox = outbox
        self._marks = marks
        self.balances: dict[str, Wei] = {}

    async def top_up(self, senders: Sequence[str]) -> bool:
        """Send gas to those below the low mark; true when all of them had enough.

        Raises EndpointTrouble, TooDear, StoreUnreachable, LeaseLost.
        """
        results = await self._rpc.batch([("eth_getBalance", (sender, "latest")) for sender in senders])
        enough = True
        for sender, result in zip(senders, results, strict=True):
            if isinstance(result, Refusal):
                raise result
            balance = self.balances[sender] = Wei(quantity(result))
            if balance >= self._marks.low:
                continue
            enough = False
            amount = self._marks.high - balance
            if await self._outbox.send(f"gas:{sender}", sender, value=amount):
                log.info("gas sent", sender=sender, amount=show(amount))
        return enough
