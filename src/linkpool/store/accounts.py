"""The accounts that pay for gas: as last seen, what was sent to them, and which of them are frozen."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.store.money_tables import AccountRow
from linkpool.store.parts import in_parts, to_name
from linkpool.store.tables import OutboxRow

GAS = "gas:"
"""Begins the purpose of every transaction that brings gas money; the address follows."""


class KnownAccount(NamedTuple):
    """A row of `accounts` to look at: there are thousands, and mapped objects take several times as long."""

    address: str
    block: int
    balance: str
    nonce: int
    spent: str
    frozen_at: float | None
    frozen_why: str | None


async def every(session: AsyncSession) -> dict[str, KnownAccount]:
    """All of them by address."""
    query = select(*(getattr(AccountRow, name) for name in KnownAccount._fields))
    return {row.address: KnownAccount(*row) async for row in in_parts(session, query)}


async def these(session: AsyncSession, addresses: Iterable[str]) -> dict[str, AccountRow]:
    """Those of them that were ever seen, for a change."""
    found: dict[str, AccountRow] = {}
    for part in to_name(addresses):
        query = select(AccountRow).where(AccountRow.address.in_(part))
        found |= {row.address: row for row in await session.scalars(query)}
    return found


async def frozen(session: AsyncSession) -> dict[str, str]:
    """Why, by address."""
    query = select(AccountRow).where(AccountRow.frozen_at.is_not(None))
    return {row.address: row.frozen_why or "" for row in await session.scalars(query)}


async def freeze(session: AsyncSession, address: str, why: str, now: float) -> None:
    """Nothing is sent there from now on."""
    rows = update(AccountRow).where(AccountRow.address == address)
    await session.execute(rows.values(frozen_at=now, frozen_why=why))


async def unfreeze(session: AsyncSession, address: str) -> bool:
    """It may be sent to again; whether it was frozen."""
    row = await session.get(AccountRow, address)
    if row is None or row.frozen_at is None:
        return False
    row.frozen_at = row.frozen_why = None
    return True


async def sent_since(session: AsyncSession, treasury: str, since: int) -> dict[str, int]:
    """Wei of gas money by address: signed at or after that second of the chain, or still under way.

    Every nonce counts once, whatever became of it: better too much than too little.
    """
    query = select(OutboxRow.target, OutboxRow.value).where(
        OutboxRow.sender == treasury,
        OutboxRow.attempt == 0,
        OutboxRow.purpose.startswith(GAS),
        (OutboxRow.asked_at >= since) | OutboxRow.block.is_(None),
    )
    sums: dict[str, int] = {}
    for target, value in await session.execute(query):
        sums[target] = sums.get(target, 0) + int(value)
    return sums


async def under_way(session: AsyncSession) -> Sequence[OutboxRow]:
    """First attempts that landed nowhere yet, of all senders."""
    query = select(OutboxRow).where(OutboxRow.block.is_(None), OutboxRow.attempt == 0)
    return (await session.scalars(query)).all()


async def landed_after(session: AsyncSession, block: int) -> Sequence[OutboxRow]:
    """First attempts of what landed above a block and did what was meant."""
    query = select(OutboxRow).where(
        OutboxRow.block > block, OutboxRow.attempt == 0, OutboxRow.failed.is_(False)
    )
    return (await session.scalars(query)).all()


async def latest(session: AsyncSession, limit: int) -> Sequence[OutboxRow]:
    """The last transactions of all, newest first, each by its first attempt."""
    query = select(OutboxRow).where(OutboxRow.attempt == 0)
    return (await session.scalars(query.order_by(OutboxRow.id.desc()).limit(limit))).all()
