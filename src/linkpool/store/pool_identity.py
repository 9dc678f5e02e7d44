"""Which pool a database is about: remembered at the first start, so that two are never mixed."""

from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.store.database import StoreRefused
from linkpool.store.tables import PoolRow


async def check(session: AsyncSession, chain_id: int, address: str) -> None:
    """Remember the pool, or compare. Raises StoreRefused when the database is about another."""
    row = await session.get(PoolRow, 1)
    if row is None:
        session.add(PoolRow(id=1, chain_id=chain_id, address=address))
    elif (row.chain_id, row.address) != (chain_id, address):
        raise StoreRefused(
            f"this database is about pool {row.address} on chain {row.chain_id}, "
            f"not {address} on {chain_id}; use another database"
        )
