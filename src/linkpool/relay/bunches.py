"""What came while one was busy, taken all at once: a slow reader catches up instead of falling behind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from linkpool.errors import LinkPoolError

T = TypeVar("T")


@asynccontextmanager
async def in_bunches(items: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[list[T]]]:
    """Everything `items` gave since the last bunch, never nothing; it is read on while a bunch is worked on.

    An error of `items` comes in its place among the bunches.
    """
    line: asyncio.Queue[T | LinkPoolError] = asyncio.Queue()
    reading = asyncio.create_task(_read(items, line), name="read ahead")
    try:
        yield _taken(line)
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading


async def _read(items: AsyncIterator[T], line: "asyncio.Queue[T | LinkPoolError]") -> None:
    try:
        async for item in items:
            line.put_nowait(item)
    except LinkPoolError as error:
        line.put_nowait(error)


async def _taken(line: "asyncio.Queue[T | LinkPoolError]") -> AsyncIterator[list[T]]:
    while True:
        bunch: list[T] = []
        item = await line.get()
        while not isinstance(item, LinkPoolError):
            bunch.append(item)
            if line.empty():
                break
            item = line.get_nowait()
        if bunch:
            yield bunch
        if isinstance(item, LinkPoolError):
            raise item
