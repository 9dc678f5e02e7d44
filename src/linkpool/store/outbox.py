"""Transactions of the control plane, stored before they are sent."""

from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.store.tables import OutboxRow


async def last_nonce(session: AsyncSession, sender: str) -> int | None:
    """The highest nonce ever signed with for that sender."""
    return await session.scalar(select(func.max(OutboxRow.nonce)).where(OutboxRow.sender == sender))


async def unsettled(session: AsyncSession, sender: str, since: int) -> Sequence[OutboxRow]:
    """All attempts that landed nowhere, or in a block from `since` on, by nonce and attempt."""
    open_or_young = (OutboxRow.block.is_(None)) | (OutboxRow.block >= since)
    query = select(OutboxRow).where(OutboxRow.sender == sender, open_or_young)
    return (await session.scalars(query.order_by(OutboxRow.nonce, OutboxRow.attempt))).all()


async def open_purposes(session: AsyncSession, sender: str) -> set[str]:
    """What is being done right now, by purpose."""
    query = select(OutboxRow.purpose).where(OutboxRow.sender == sender, OutboxRow.block.is_(None))
    return set(await session.scalars(query))


async def settle(
    session: AsyncSession,
    sender: str,
    nonce: int,
    *,
    block: int | None,
    failed: bool,
    gas_paid: int | None = None,
) -> None:
    """All attempts of a nonce are over, since one landed; open again when `block` is None (a re-org).

    gas_paid: wei.
    """
    rows = (OutboxRow.sender == sender) & (OutboxRow.nonce == nonce)
    paid = None if gas_paid is None else str(gas_paid)
    await session.execute(update(OutboxRow).where(rows).values(block=block, failed=failed, gas_paid=paid))


async def landed(session: AsyncSession, purpose: str) -> bool:
    """Whether something of that purpose was ever done."""
    done = select(OutboxRow.id).where(
        OutboxRow.purpose == purpose, OutboxRow.block.is_not(None), OutboxRow.failed.is_(False)
    )
    return await session.scalar(done.limit(1)) is not None
