"""The waiting list as it moves: balances are read again, who staked or ran out of time leaves, who fits is
told.

Room is given to who came first. Who has room and does not use it counts as demand for three days more: so the
room that was made for him stays, and does not stay for ever.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.chain.rpc import Refusal, Rpc
from linkpool.chain.types import quantity
from linkpool.contracts.link import Link
from linkpool.contracts.pool import Status
from linkpool.fleet.office import Office
from linkpool.store import chain_rows, events, waiting
from linkpool.store.chain_state import Books
from linkpool.store.scaling_tables import WaitingRow

RECHECK = 600.0
"""Seconds for which a balance is believed."""
ROOM_HOLDS = 3 * 86_400.0
AT_ONCE = 100
"""Balances in one batch."""


def room_in(books: Sequence[Books]) -> int:
    """Juels that nodes with these books take now."""
    takes = (one for one in books if one.status == Status.ACTIVE)
    return sum(max(0, one.capacity - one.value(one.active)) for one in takes)


def wanted(rows: Sequence[WaitingRow], now: float) -> int:
    """Juels that the list asks for: those without room, and those who got it lately."""
    return sum(row.counted for row in rows if row.room_since is None or now - row.room_since < ROOM_HOLDS)


def fitting(rows: Sequence[WaitingRow], room: int) -> set[str]:
    """The wallets for whom there is room, by the order in which they came."""
    found = set()
    for row in rows:
        if row.counted and row.counted <= room:
            room -= row.counted
            found.add(row.wallet)
    return found


class WaitingList:
    """Keeps the list true, as the leader of `epoch`. link: the token's address."""

    def __init__(self, office: Office, *, rpc: Rpc, link: str) -> None:
        self._office = office
        self._rpc = rpc
        self._link = link

    async def step(self) -> None:
        """One look. Raises EndpointTrouble, StoreUnreachable, LeaseLost."""
        async with self._office.read() as session:
            rows = await waiting.waiting(session)
            gone = await self._gone(session, rows)
        if gone:
            await self._drop(gone)
        rows = [row for row in rows if row.wallet not in gone]
        await self._recount([row for row in rows if self._office.clock.now() - row.checked_at >= RECHECK])
        await self._tell()

    async def _gone(self, session: AsyncSession, rows: Sequence[WaitingRow]) -> dict[str, str]:
        """Why each of those leaves who does."""
        gone = {row.wallet: "expired" for row in rows if row.deadline <= self._office.clock.now()}
        for row in rows:
            if row.wallet not in gone and await waiting.staked_since(session, row):
                gone[row.wallet] = "staked"
        return gone

    async def _drop(self, gone: Mapping[str, str]) -> None:
        now = self._office.clock.now()
        async with self._office.lead() as session:
            await waiting.leave(session, gone)
            await waiting.forget(session, now)
            for wallet, why in gone.items():
                events.add(session, "waiting_left", None, {"wallet": wallet, "why": why}, now)
        await self._office.journal.wake()

    async def _recount(self, rows: Sequence[WaitingRow]) -> None:
        """Read the balances again, and count no more than there is."""
        for first in range(0, len(rows), AT_ONCE):
            part = rows[first : first + AT_ONCE]
            token = Link(self._link)
            calls = [("eth_call", (token.balance_of(row.wallet).request, "latest")) for row in part]
            replies = await self._rpc.batch(calls)
            async with self._office.lead() as session:
                for row, reply in zip(part, replies, strict=True):
                    if not isinstance(reply, Refusal):
                        counted = min(row.amount, quantity(reply))
                        await waiting.recount(session, row.wallet, counted, self._office.clock.now())

    async def _tell(self) -> None:
        """Say to those for whom there is room now that there is, and take it back where it went."""
        async with self._office.read() as session:
            rows = await waiting.waiting(session)
            room = room_in(list((await chain_rows.books_now(session)).values()))
        fits, now = fitting(rows, room), self._office.clock.now()
        changed = [row for row in rows if (row.wallet in fits) != (row.room_since is not None)]
        if not changed:
            return
        async with self._office.lead() as session:
            for row in changed:
                since = now if row.wallet in fits else None
                await waiting.give_room(session, row.wallet, since)
                kind = "waiting_waits" if since is None else "waiting_room"
                events.add(session, kind, None, {"wallet": row.wallet, "amount": str(row.counted)}, now)
        await self._office.journal.wake()
