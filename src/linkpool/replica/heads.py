"""The newest head, and a way to wait for the next."""

import asyncio

from linkpool.chain.types import Head


class Heads:
    """Fed by the follower; everything that paces itself by blocks waits here."""

    def __init__(self) -> None:
        self.latest: Head | None = None
        self.at = 0.0
        """Loop time at which `latest` came."""
        self._changed = asyncio.Event()

    def saw(self, head: Head) -> None:
        """Take the newest head and wake who waits."""
        self.latest = head
        self.at = asyncio.get_running_loop().time()
        self._changed.set()
        self._changed = asyncio.Event()

    async def next(self) -> None:
        """Return at the next head."""
        await self._changed.wait()

    async def reach(self, number: int) -> None:
        """Return when the chain has reached block `number`."""
        while self.latest is None or self.latest.number < number:
            await self.next()
