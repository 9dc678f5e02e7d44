"""The indexer's tables as the API shows them: figures, history, accounts, events. Reads; changes nothing."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.api.account_past import account_past
from linkpool.api.chain_figures import Past, Seen
from linkpool.fleet.indexer.figures import WINDOW
from linkpool.store import chain_history as history
from linkpool.store import chain_rows as rows
from linkpool.store.chain_state import Block, Books, PoolBooks, Position, Ticket
from linkpool.store.database import Database
from linkpool.wire import history as wire
from linkpool.wire.api import moment

SIZES = {"hour": 3_600, "day": 86_400}
"""Seconds of a bucket."""


@dataclass(frozen=True)
class Known:
    """All figures at one block; after another comparison with the contracts they are worked out anew."""

    at: Block | None
    checks: int
    pool: PoolBooks
    nodes: Mapping[str, wire.NodeFigures]
    together: wire.Figures | None


class ChainView:
    """Answers from the tables alone. Figures are worked out once per block."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: Known | None = None
        self._working = asyncio.Lock()
        self._counting = asyncio.Lock()
        """Buckets of 1,000 nodes take a core for a while: those of one history at a time."""

    async def known(self) -> Known:
        """Every node's figures, and those of all together. Raises StoreUnreachable."""
        async with self._working:
            async with self._snapshot() as session:
                at, checked = await rows.tip(session), await rows.checked(session)
                checks = checked.checks if checked else 0
                if self._known is not None and (self._known.at, self._known.checks) == (at, checks):
                    return self._known
                pool = await rows.pool_now(session)
                seen = None if at is None else await _seen(session, at)
            self._known = await asyncio.to_thread(_known, seen, checks, pool)
            return self._known

    async def pool(self) -> wire.PoolFigures:
        """The pool's totals. Raises StoreUnreachable."""
        known = await self.known()
        async with self._database.read() as session:
            checked = await rows.checked(session) or rows.Checked(-1, "", 0, 0, 0)
        pool = known.pool
        agreed = wire.AsOf(block=checked.block, time=moment(checked.time)) if checked.block >= 0 else None
        return wire.PoolFigures(
            as_of=as_of(known.at),
            checked=wire.Checked(agreed=agreed, checks=checked.checks, differences=checked.differences),
            nodes=len(known.nodes),
            fee_bps=pool.fee_bps,
            announced_fee_bps=pool.announced_fee_bps,
            fee_effective_at=moment(pool.fee_effective_at) if pool.fee_effective_at else None,
            fees_payable=str(pool.fees),
            fees_paid=str(pool.fees_paid),
            paused_until=moment(pool.paused_until) if pool.paused_until else None,
            figures=known.together,
        )

    async def history(self, bucket: str, count: int, node: str | None = None) -> wire.History | None:
        """The last `count` buckets of one node or of the pool; none of a node that is not registered."""
        async with self._snapshot() as session:
            at = await rows.tip(session)
            every = {one.node: one for one in await rows.registered(session)}
            if node is not None and node not in every:
                return None
            began = [one.time for one in every.values() if node in (None, one.node)]
            if at is None or not began:
                return wire.History(as_of=as_of(at), bucket=bucket, buckets=[])
            size = SIZES[bucket]
            last = at.time - at.time % size
            start = max(last - (count - 1) * size, min(began) - min(began) % size)
            past = await _past(session, start, size, at.time, node)
        async with self._counting:
            buckets = await asyncio.to_thread(past.buckets)
        return wire.History(as_of=as_of(at), bucket=bucket, buckets=buckets)

    async def account(self, address: str) -> wire.Account:
        """What an account has and had. address: checksummed. Raises StoreUnreachable."""
        async with self._snapshot() as session:
            at = await rows.tip(session)
            books, pool = await rows.books_now(session), await rows.pool_now(session)
            positions = await rows.positions_now(session, [address])
            tickets = await rows.unpaid_tickets(session, address)
        holdings = [
            _holding(node, held, books[node], pool, [one for one in tickets if one.node == node])
            for (_, node), held in sorted(positions.items())
        ]
        return wire.Account(
            as_of=as_of(at),
            address=address,
            value=_sum(one.value for one in holdings),
            earned=str(sum(int(one.claimed) + int(one.claimable) for one in holdings)),
            claimable=_sum(one.claimable for one in holdings),
            lost=_sum(one.lost for one in holdings),
            holdings=holdings,
            tickets=[_ticket(one, books[one.node]) for one in tickets],
        )

    async def account_history(self, address: str, bucket: str, count: int) -> wire.AccountHistory:
        """The last `count` buckets of an account. address: checksummed. Raises StoreUnreachable."""
        async with self._snapshot() as session:
            at = await rows.tip(session)
            past = None if at is None else await account_past(session, at, address, SIZES[bucket], count)
        async with self._counting:
            found = [] if past is None else await asyncio.to_thread(past.buckets)
        return wire.AccountHistory(as_of=as_of(at), bucket=bucket, buckets=found)

    async def events(
        self, before: int | None, limit: int, node: str | None, account: str | None, kind: str | None
    ) -> wire.ChainEvents:
        """A page of events, newest first. Raises StoreUnreachable."""
        async with self._snapshot() as session:
            at = await rows.tip(session)
            found = await history.page(
                session, before=before, limit=limit, node=node, account=account, kind=kind
            )
        shown = [wire.ChainEvent(**{**rows.columns(one), "time": moment(one.time)}) for one in found]
        following = found[-1].position if len(found) == limit else None
        return wire.ChainEvents(as_of=as_of(at), events=shown, next=following)

    @asynccontextmanager
    async def _snapshot(self) -> AsyncIterator[AsyncSession]:
        """A transaction that sees one state of the tables in all its questions."""
        async with self._database.read() as session:
            if not self._database.one_host:
                await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            yield session


def as_of(at: Block | None) -> wire.AsOf | None:
    """The block as it is shown."""
    return wire.AsOf(block=at.number, time=moment(at.time)) if at else None


def _known(seen: Seen | None, checks: int, pool: PoolBooks) -> Known:
    if seen is None:
        return Known(None, checks, pool, {}, None)
    return Known(seen.at, checks, pool, seen.each(), seen.of(seen.began) if seen.began else None)


async def _seen(session: AsyncSession, at: Block) -> Seen:
    since = max(at.time - WINDOW, 0)
    return Seen(
        at,
        since,
        began={one.node: one.time for one in await rows.registered(session)},
        now=await rows.books_now(session),
        before=await history.books_before(session, since),
        ever=await history.missed(session, 0, at.time),
        missed=await history.missed(session, since, at.time),
        windows=await history.windows(session, since, at.time),
        delays=await history.delays(session, since),
    )


async def _past(session: AsyncSession, start: int, size: int, end: int, node: str | None) -> Past:
    return Past(
        start,
        size,
        end,
        before=await history.books_before(session, start, node),
        changed=await history.books_by_bucket(session, start, size, node),
        missed=await history.missed_by_bucket(session, start, end, size, node),
        windows=await history.windows_by_bucket(session, start, end, size, node),
        delays=await history.delays_by_bucket(session, start, size, node),
    )


def _holding(node: str, held: Position, books: Books, pool: PoolBooks, tickets: list[Ticket]) -> wire.Holding:
    value = books.value(held.shares)
    left = value + sum(books.value(one.shares) for one in tickets)
    return wire.Holding(
        node=node,
        value=str(value),
        claimable=str(held.claimable(books, pool.fee_bps)),
        claimed=str(held.claimed),
        staked=str(held.staked),
        withdrawn=str(held.withdrawn),
        lost=str(max(held.staked - held.withdrawn - left, 0)),
    )


def _ticket(one: Ticket, books: Books) -> wire.UnpaidTicket:
    return wire.UnpaidTicket(
        ticket=str(one.id),
        node=one.node,
        value=str(books.value(one.shares)),
        value_at_request=str(one.value),
        requested_at=moment(one.time),
        ready_at=moment(one.ready_at),
    )


def _sum(amounts: Iterable[str]) -> str:
    return str(sum(map(int, amounts)))
