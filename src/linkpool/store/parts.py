"""Many rows in parts: between two the event loop's other tasks have their turn, no statement is too long."""

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, TypeVar

from sqlalchemy import Row, Select
from sqlalchemy.ext.asyncio import AsyncSession

V = TypeVar("V")

AT_ONCE = 500
"""Values that one statement names: both databases bound how many parameters it may have."""
PART = 500
"""Rows that are made into objects in one go: some milliseconds' work for the widest of them."""


async def in_parts(
    session: AsyncSession, query: Select[*tuple[Any, ...]]
) -> AsyncIterator[Row[*tuple[Any, ...]]]:
    """Every row of the answer, in its order."""
    answer = await session.stream(query.execution_options(yield_per=PART))
    async for part in answer.partitions():
        for row in part:
            yield row


def to_name(values: Iterable[V]) -> Iterator[list[V]]:
    """The values, as many at a time as one statement may name."""
    every = list(values)
    for start in range(0, len(every), AT_ONCE):
        yield every[start : start + AT_ONCE]
