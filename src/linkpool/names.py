"""Host names, looked up anew: whoever restarts elsewhere under the same name is found within seconds.

The resolver below (c-ares) keeps an answer for as long as the name server allows. Docker's allows ten minutes
for a container's address, which is another one after every restart; so does many a name server at home.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import AsyncResolver

FRESH = 5.0
"""Seconds for which an answer is believed; a connector keeps it as long again."""


class FreshNames(AbstractResolver):
    """aiohttp's resolver without a thread, in place of which a new one steps in every `FRESH` seconds."""

    def __init__(self, **options: Any) -> None:
        """options: c-ares's, where not the machine's own name servers are asked; `timeout` is in seconds."""
        self._options = {"tries": 3, **options}  # with an option of its own, it shares no cache with others
        self._now: AsyncResolver | None = None
        self._since = 0.0
        self._asking: dict[AsyncResolver, int] = {}
        """Lookups under way."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Its addresses. Raises OSError."""
        before, names = self._now, self._fresh()
        self._asking[names] += 1
        try:
            if before is not None and before is not names:
                await self._retire(before)
            return await names.resolve(host, port, family)
        finally:
            if names in self._asking:  # else all was given up
                self._asking[names] -= 1
                if names is not self._now:
                    await self._retire(names)

    def _fresh(self) -> AsyncResolver:
        now = asyncio.get_running_loop().time()
        if self._now is None or now - self._since >= FRESH:
            self._now, self._since = AsyncResolver(**self._options), now
            self._asking[self._now] = 0
        return self._now

    async def _retire(self, names: AsyncResolver) -> None:
        """Close it when nobody waits for it any more."""
        if self._asking.get(names) == 0:
            del self._asking[names]
            await names.close()

    async def close(self) -> None:
        """Give up what is being looked up."""
        asking, self._asking, self._now = self._asking, {}, None
        for names in asking:
            await names.close()


def connector(names: AbstractResolver, **more: Any) -> aiohttp.TCPConnector:
    """One that believes names no longer than `FRESH`. Whoever made the resolver closes it."""
    return aiohttp.TCPConnector(resolver=names, ttl_dns_cache=int(FRESH), **more)


@asynccontextmanager
async def lasting_session() -> AsyncIterator[aiohttp.ClientSession]:
    """The session of a process that runs for months, while those it calls move."""
    names = FreshNames()
    try:
        async with aiohttp.ClientSession(connector=connector(names)) as session:
            yield session
    finally:
        await names.close()
