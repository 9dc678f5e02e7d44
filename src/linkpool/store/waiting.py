"""The waiting list: the last statement of each wallet."""

from collections.abc import Iterable, Sequence

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.store.chain_tables import events as chain_events
from linkpool.store.scaling_tables import WaitingRow


async def get(session: AsyncSession, wallet: str, *, for_update: bool = False) -> WaitingRow | None:
    """What a wallet said last; amount 0 when it left."""
    return await session.get(WaitingRow, wallet, with_for_update=for_update)


async def waiting(session: AsyncSession) -> Sequence[WaitingRow]:
    """All that are on the list, who came first first."""
    query = select(WaitingRow).where(WaitingRow.amount != 0)
    return (await session.scalars(query.order_by(WaitingRow.made_at, WaitingRow.wallet))).all()


async def count(session: AsyncSession) -> int:
    """Rows, those of wallets that left included."""
    return await session.scalar(select(func.count()).select_from(WaitingRow)) or 0


async def put(session: AsyncSession, row: WaitingRow) -> None:
    """What a wallet says now, in place of what it said before."""
    await session.merge(row)


async def recount(session: AsyncSession, wallet: str, counted: int, now: float) -> None:
    """It has so many juels now."""
    await session.execute(
        update(WaitingRow).where(WaitingRow.wallet == wallet).values(counted=counted, checked_at=now)
    )


async def give_room(session: AsyncSession, wallet: str, since: float | None) -> None:
    """There is room for it since then, or none any more."""
    await session.execute(update(WaitingRow).where(WaitingRow.wallet == wallet).values(room_since=since))


async def leave(session: AsyncSession, wallets: Iterable[str]) -> None:
    """Off the list; their nonces stay known."""
    gone = WaitingRow.wallet.in_(list(wallets))
    await session.execute(update(WaitingRow).where(gone).values(amount=0, counted=0, room_since=None))


async def forget(session: AsyncSession, now: float) -> None:
    """Rows whose statements can not come back any more: all that were made before have expired."""
    await session.execute(delete(WaitingRow).where(WaitingRow.amount == 0, WaitingRow.kept_until <= now))


async def staked_since(session: AsyncSession, row: WaitingRow) -> bool:
    """Whether the wallet staked after it said that it would."""
    staked = select(chain_events.c.position).where(
        chain_events.c.account == row.wallet,
        chain_events.c.kind == "Staked",
        chain_events.c.time >= row.made_at,
    )
    return await session.scalar(staked.limit(1)) is not None
