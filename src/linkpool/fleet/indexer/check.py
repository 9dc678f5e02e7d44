"""Are the tables right? The contracts' own views say so, again and again.

At the block the tables go up to, every figure that PoolView shows is compared. A difference is logged and
counted, and everything since the last block at which both agreed is read again, once: a log that an endpoint
kept back comes in that way. A difference that stays is a fault of ours, and stays on view.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import structlog

from linkpool.chain.history import read_head
from linkpool.chain.rpc import Rpc
from linkpool.chain.types import hexed
from linkpool.contracts.view import Account, NodeRow, Summary, View
from linkpool.fleet.indexer.indexer import Followed
from linkpool.fleet.office import Office
from linkpool.store import chain_rows as rows
from linkpool.store.chain_state import Block, Books, PoolBooks, Position, Ticket

log = structlog.get_logger(__name__)

CHECK_SECONDS = 60.0
"""Between two comparisons."""

REJECTIONS_COUNTED = 2**23 - 1
"""The contract counts no further."""

_PAGE = 100


@dataclass(frozen=True)
class Difference:
    """A figure that the tables (`ours`) and a view (`theirs`) do not agree on. who: a node, or the pool."""

    who: str
    figure: str
    ours: object
    theirs: object


class Checker:
    """Compares one pool's tables with its contracts, as the leader of `epoch`."""

    def __init__(self, office: Office, rpc: Rpc, followed: Followed) -> None:
        self._office = office
        self._rpc = rpc
        self._pool = followed.pool
        self._view = View(followed.view)
        self._gone_back_to: Block | None = None

    async def step(self) -> None:
        """Compare once, unless a re-org comes between.

        Raises EndpointTrouble, LeaseLost, StoreUnreachable.
        """
        async with self._office.read() as session:
            at = await rows.tip(session)
            pool, books = await rows.pool_now(session), await rows.books_now(session)
        if at is None:
            return
        tag = hex(at.number)
        summary = await self._view.summary(self._pool).ask(self._rpc, tag)
        nodes = await self._nodes(tag)
        if hexed((await read_head(self._rpc, at.number)).hash) != at.hash:
            return
        await self._note(at, differences(pool, books, summary, nodes))

    async def _nodes(self, tag: str) -> list[NodeRow]:
        found: list[NodeRow] = []
        while True:
            page = await self._view.nodes(self._pool, len(found), _PAGE).ask(self._rpc, tag)
            found += page
            if len(page) < _PAGE:
                return found

    async def _note(self, at: Block, found: Sequence[Difference]) -> None:
        for one in found:
            log.error("tables and contracts differ", block=at.number, **rows.columns(one))
        async with self._office.lead() as session:
            before = await rows.checked(session) or rows.Checked(-1, "", 0, 0, 0)
            after = replace(before, checks=before.checks + 1, differences=before.differences + len(found))
            if not found:
                after = replace(after, block=at.number, hash=at.hash, time=at.time)
            await rows.note_check(session, after)
            agreed = Block(before.block, before.hash, before.time)
            if found and agreed != self._gone_back_to:
                log.warning("reading again from where both agreed", block=agreed.number)
                self._gone_back_to = agreed
                await rows.go_back(session, agreed)


def differences(
    pool: PoolBooks, books: dict[str, Books], summary: Summary, nodes: Iterable[NodeRow]
) -> list[Difference]:
    """Every figure on which tables and views disagree."""
    seen = {row.node: row for row in nodes}
    found = [
        Difference("pool", figure, ours, theirs)
        for figure, ours, theirs in (
            ("nodes", sorted(books), sorted(seen)),
            ("fee_bps", pool.fee_bps, summary.fee_bps),
            ("announced_fee_bps", pool.announced_fee_bps, summary.announced_fee_bps),
            ("fee_effective_at", pool.fee_effective_at, summary.fee_effective_at),
            ("fees", pool.fees, summary.fees),
            ("paused_until", pool.paused_until, summary.paused_until),
        )
        if ours != theirs
    ]
    for node in books.keys() & seen.keys():
        ours, theirs = _shown(books[node]), seen[node]
        found += [
            Difference(node, figure, value, getattr(theirs, figure))
            for figure, value in ours.items()
            if value != getattr(theirs, figure)
        ]
    return found


def _shown(books: Books) -> dict[str, int]:
    """A node as PoolView shows it."""
    return {
        "status": books.status,
        "capacity": books.capacity,
        "active": books.value(books.active),
        "unbonding": books.value(books.unbonding),
        "active_shares": books.active,
        "fee_bps": books.fee_bps,
        "earned": books.earned,
        "undivided": books.undivided,
        "harvested": books.harvested,
        "escrow": books.escrow,
        "reserves": books.reserves,
        "rejections": min(books.rejected, REJECTIONS_COUNTED),
    }


def account_differences(
    owner: str,
    fee_bps: int,
    positions: dict[str, Position],
    tickets: Iterable[Ticket],
    books: dict[str, Books],
    seen: Account,
) -> list[Difference]:
    """The same for one account: its positions by node, and its unpaid tickets. fee_bps: the pool's."""
    holdings = {
        node: (held.shares, books[node].value(held.shares), held.claimable(books[node], fee_bps))
        for node, held in positions.items()
        if held.shares or held.claimable(books[node], fee_bps)
    }
    theirs = {row.node: (row.shares, row.value, row.claimable) for row in seen.holdings}
    unpaid = {
        one.id: (one.node, one.shares, books[one.node].value(one.shares), one.ready_at) for one in tickets
    }
    paid_out = {row.ticket: (row.node, row.shares, row.value, row.ready_at) for row in seen.tickets}
    shown = {number: unpaid.get(number) for number in paid_out}
    return [
        Difference(owner, figure, ours, views)
        for figure, ours, views in (("holdings", holdings, theirs), ("tickets", shown, paid_out))
        if ours != views
    ]
