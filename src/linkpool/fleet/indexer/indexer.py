"""Keeps the tables equal to the chain: one stretch of blocks, one transaction.

Each step reads what follows the last block the tables are complete up to, takes back what a re-org removed,
applies the events and writes all of it, with the blocks themselves, as the leader of its epoch. Nothing is
remembered between two steps, so a step can end anywhere and be done again by anybody who leads.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.contracts import oracle as o
from linkpool.contracts import pool_events as p
from linkpool.contracts.abi import Event
from linkpool.contracts.events import decode
from linkpool.fleet.indexer.blocks import BlockReader, Stretch
from linkpool.fleet.indexer.fold import At, Ledger, follow, hexed, record
from linkpool.fleet.office import Office
from linkpool.store import chain_rows as rows
from linkpool.store.chain_state import Block

log = structlog.get_logger(__name__)

MIN_PAUSE, MAX_PAUSE = 0.5, 6.0
"""Seconds between two looks at the head: half a block time, within these."""


@dataclass(frozen=True)
class Followed:
    """Whose logs are read: the pool, its PoolView, and a block at or before the pool's first."""

    pool: str
    view: str
    first_block: int


class Indexer:
    """Follows one pool as the leader of `epoch`."""

    def __init__(self, office: Office, reader: BlockReader) -> None:
        self._office = office
        self._reader = reader
        self._pause = MIN_PAUSE

    async def turn(self) -> None:
        """Read up to the head, then wait about half a block.

        Raises EndpointTrouble, LeaseLost, StoreUnreachable.
        """
        while await self.step():
            pass
        await asyncio.sleep(self._pause)

    async def step(self) -> bool:
        """One stretch of blocks; false when the tables are up to the head. Raises as `turn`."""
        async with self._office.read() as session:
            kept = await rows.kept_blocks(session)
            nodes = [one.node for one in await rows.registered(session)]
        stretch = await self._reader.next(kept, nodes)
        if stretch is None:
            return False
        self._pause = _half_a_block(kept, stretch)
        before = kept[0] if kept else None
        async with self._office.lead() as session:
            if await rows.tip(session) != before:
                return True
            if stretch.base != before:
                await rows.undo(session, stretch.base.number if stretch.base else -1)
                log.info("a re-org was undone", base=_number(stretch.base), was=_number(before))
            await write(session, stretch)
        return True


def _number(block: Block | None) -> int | None:
    return block.number if block else None


async def write(session: AsyncSession, stretch: Stretch) -> None:
    """Add a stretch to tables that end at its base."""
    events = [event for event in map(decode, stretch.logs) if event is not None]
    ledger = await load(session, events)
    added = rows.Rows(blocks=list(stretch.blocks))
    for at, group in groupby(events, key=_at):
        for event in group:
            follow(event, ledger, at)
            added.events.append(record(event, at.time))
            if isinstance(event, p.NodeRegistered):
                place = added.events[-1].position
                added.nodes.append(rows.Registered(event.node, event.wallet, place, at.block, at.time))
        _close_block(ledger, added, at)
    added.requests = ledger.touched_requests.values()
    added.tickets = ledger.touched_tickets.values()
    await rows.append(session, added)


def _at(event: Event) -> At:
    time = event.log.block_timestamp
    assert time is not None  # noqa: S101 - the reader gives every log its time
    return At(event.log.block_number, time)


def _close_block(ledger: Ledger, added: rows.Rows, at: At) -> None:
    """Keep what changed in a block as it is at its end."""
    when = {"block": at.block, "time": at.time}
    for node in ledger.changed_nodes:
        added.books.append({"node": node, **when, **rows.columns(ledger.books[node])})
    for account, node in ledger.changed_positions:
        held = rows.columns(ledger.positions[account, node])
        added.positions.append({"account": account, "node": node, "block": at.block, **held})
    if ledger.pool_changed:
        added.pool.append({**when, **rows.columns(ledger.pool)})
    ledger.changed_nodes.clear()
    ledger.changed_positions.clear()
    ledger.pool_changed = False


async def load(session: AsyncSession, events: Iterable[Event]) -> Ledger:
    """The states that these events go on from."""
    nodes, accounts, ids, tickets = set[str](), set[str](), set[str](), set[int]()
    for event in events:
        if isinstance(event, o.EVENTS):
            nodes.add(event.log.address)
        nodes.update(filter(None, (getattr(event, name, None) for name in ("node", "from_node", "to_node"))))
        if isinstance(event, p.Staked | p.UnstakeRequested | p.Withdrawn | p.Moved | p.Claimed):
            accounts.add(event.account)
        if isinstance(event, p.Withdrawn):
            tickets.add(event.ticket)
        request_id = getattr(event, "request_id", None)
        if request_id is not None:
            ids.add(hexed(request_id))
    ledger = Ledger(await rows.pool_now(session))
    if nodes:
        ledger.books = await rows.books_now(session, nodes)
    ledger.positions = await rows.positions_now(session, accounts)
    ledger.requests = {(one.node, one.id): one for one in await rows.open_requests(session, ids)}
    ledger.tickets = {one.id: one for one in await rows.tickets_of(session, tickets)}
    return ledger


def _half_a_block(kept: list[Block], stretch: Stretch) -> float:
    """How long to wait between two looks, from the pace of the last blocks."""
    blocks = [*kept[::-1], *stretch.blocks]
    first, last = blocks[max(len(blocks) - 20, 0)], blocks[-1]
    pace = (last.time - first.time) / max(last.number - first.number, 1)
    return min(max(pace / 2, MIN_PAUSE), MAX_PAUSE)
