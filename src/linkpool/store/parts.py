"""Many rows, read in parts: between two of them the event loop's other tasks have their turn."""

from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import Row, Select
from sqlalchemy.ext.asyncio import AsyncSession

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
