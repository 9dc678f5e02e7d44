"""The lease row: taken and renewed by comparing what was seen, so that no clock is ever trusted."""

from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import CursorResult, Update, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.store.tables import LeaseRow


@dataclass(frozen=True)
class Lease:
    """Who leads. As long as somebody does, `beat` moves."""

    holder: str | None
    epoch: int
    beat: int


async def seen(session: AsyncSession) -> Lease:
    """The lease as it stands."""
    row = (await session.execute(select(LeaseRow).where(LeaseRow.id == 1))).scalar_one()
    return Lease(row.holder, row.epoch, row.beat)


async def renew(session: AsyncSession, holder: str, epoch: int) -> bool:
    """Move the beat; false when the lease is another's."""
    mine = (LeaseRow.holder == holder) & (LeaseRow.epoch == epoch)
    return await _changed(session, update(LeaseRow).where(mine).values(beat=LeaseRow.beat + 1))


async def take(session: AsyncSession, holder: str, unmoved: Lease) -> int | None:
    """Lead under the next epoch, if the lease is still exactly `unmoved`; the new epoch, or None."""
    await session.execute(select(LeaseRow.id).with_for_update())  # waits for a leader's open transactions
    same = (LeaseRow.epoch == unmoved.epoch) & (LeaseRow.beat == unmoved.beat)
    epoch = unmoved.epoch + 1
    taken = await _changed(session, update(LeaseRow).where(same).values(holder=holder, epoch=epoch, beat=0))
    return epoch if taken else None


async def release(session: AsyncSession, holder: str, epoch: int) -> None:
    """Give the lease up, so that another may take it at once."""
    mine = (LeaseRow.holder == holder) & (LeaseRow.epoch == epoch)
    await session.execute(update(LeaseRow).where(mine).values(holder=None, beat=LeaseRow.beat + 1))


async def _changed(session: AsyncSession, statement: Update) -> bool:
    result = cast("CursorResult[Any]", await session.execute(statement))
    return result.rowcount == 1
