"""What a dead sibling sent may still land: then its work is taken over one block later, else at once."""

import asyncio

from linkpool.chain.rpc import EndpointTrouble, Refusal, Rpc
from linkpool.chain.types import quantity
from linkpool.replica.heads import Heads
from linkpool.wire.agent import Member


class Landings:
    """Asks once per departed sibling, however many requests it leaves behind."""

    def __init__(self, rpc: Rpc, heads: Heads) -> None:
        self._rpc, self._heads = rpc, heads
        self._checks: dict[str, asyncio.Task[None]] = {}

    async def settle(self, departed: Member) -> None:
        """Return when the departed sibling's pending transactions had one block to land."""
        check = self._checks.get(departed.task)
        if check is None:
            check = self._checks[departed.task] = asyncio.create_task(self._check(departed.sender))
        await asyncio.shield(check)

    async def _check(self, sender: str) -> None:
        try:
            latest, pending = await self._rpc.batch(
                [
                    ("eth_getTransactionCount", (sender, "latest")),
                    ("eth_getTransactionCount", (sender, "pending")),
                ]
            )
            if not isinstance(pending, Refusal) and quantity(pending) > quantity(latest):
                await self._heads.next()
        except EndpointTrouble:
            return  # not knowing never prevents a takeover
