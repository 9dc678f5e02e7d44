"""Nodes that shall go: asked for once, remembered until they are gone or the owner takes them back."""

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.store.chain_state import Request
from linkpool.store.chain_tables import requests
from linkpool.store.scaling_tables import RetirementRow


async def begin(session: AsyncSession, node: int, now: float) -> None:
    """A node shall go. Doing it again begins anew. now: Unix seconds."""
    await session.merge(RetirementRow(node=node, asked_at=now, closed_at=None))


async def get(session: AsyncSession, node: int) -> RetirementRow | None:
    """How far the going of a node is."""
    return await session.get(RetirementRow, node)


async def closed(session: AsyncSession, node: int, at: int) -> None:
    """The chain showed it closed. at: the chain's time."""
    row = RetirementRow.node == node
    await session.execute(
        update(RetirementRow).where(row, RetirementRow.closed_at.is_(None)).values(closed_at=at)
    )


async def forget(session: AsyncSession, node: int) -> None:
    """It does not go any more."""
    await session.execute(delete(RetirementRow).where(RetirementRow.node == node))


async def reserves_before(session: AsyncSession, node: str, time: int) -> list[Request]:
    """Open requests of a node whose windows ended before that time, and that still hold a reserve."""
    open_ = (requests.c.ended_block, requests.c.rejected_block, requests.c.lapsed_block)
    query = select(requests).where(
        requests.c.node == node, requests.c.expiration < time, *(column.is_(None) for column in open_)
    )
    return [one for one in (Request(*row) for row in await session.execute(query)) if one.cover]
