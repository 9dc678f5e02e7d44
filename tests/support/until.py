"""Waiting for a condition in real time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
POLL_SECONDS = 0.05


async def until(probe: Callable[[], Awaitable[T | None]], what: str, within: float = 120.0) -> T:
    """What `probe` gives, once it gives something. Raises AssertionError naming `what`."""
    try:
        async with asyncio.timeout(within):
            while not (found := await probe()):
                await asyncio.sleep(POLL_SECONDS)
            return found
    except TimeoutError:
        raise AssertionError(f"not within {within:.0f} s: {what}") from None
