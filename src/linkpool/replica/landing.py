"""What a dead sibling sent may still land: then its work is taken over one block later, else at once."""

import asyncio
from contextlib import suppress

from linkpool.chain.clock import ChainClock
from linkpool.chain.rpc import EndpointTrouble, Refusal, Rpc
from linkpool.chain.types import quantity
from linkpool.replica.heads import Heads
from linkpool.wire.agent import Member


class Landings:
    """Asks once per departed sibling, however many requests it leaves behind."""

    def __init__(self, rpc: Rpc, heads: Heads, clock: ChainClock) -> None:
        self._rpc, self._heads, self._clock = rpc, heads, clock
        self._checks: dict[str, asyncio.Task[None]] = {}

    async def settle(self, departed: Member) -> None:
        """Return when the departed sibling's pending transactions had one block to land."""
        check = self._checks.get(departed.task)
        if check is None:
            check = self._checks[departed.task] = asyncio.create_task(self._check(departed.sender))
            check.add_done_callback(lambda _: self._checks.pop(departed.task, None))
        await asyncio.shield(check)

    async def _check(self, sender: str) -> None:
        with suppress(EndpointTrouble, TimeoutError):  # not knowing never prevents a takeover
            async with asyncio.timeout(self._clock.block_time):
                if await self._is_pending(sender):
                    await self._heads.next()

    async def _is_pending(self, sender: str) -> bool:
        latest, pending = await self._rpc.batch(
            [
                ("eth_getTransactionCount", (sender, "latest")),
                ("eth_getTransactionCount", (sender, "pending")),
            ]
        )
        return not isinstance(pending, Refusal) and quantity(pending) > quantity(latest)
