"""An account over time: at the end of each hour or day, what its stake was worth, what it earned and lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.store import chain_history as history
from linkpool.store.chain_state import Block, Books, Position, Ticket
from linkpool.wire.api import moment
from linkpool.wire.history import AccountBucket

States = Sequence[tuple[int, str, Position]]


@dataclass(frozen=True)
class Sums:
    """Juels at one moment."""

    value: int
    earned: int
    lost: int


@dataclass(frozen=True)
class AccountPast:
    """What an account's buckets of `size` seconds from `start` to `end` are made of. Pure."""

    start: int
    size: int
    end: int
    states: States
    tickets: Sequence[Ticket]
    before: Mapping[str, Books]
    changed: Mapping[int, Mapping[str, Books]]

    def buckets(self) -> list[AccountBucket]:
        """One after the other, by the books of its end."""
        books = dict(self.before)
        found = []
        for begin in range(self.start, self.end + 1, self.size):
            books |= self.changed.get(begin, {})
            sums = sums_before(begin + self.size, self.states, self.tickets, books)
            found.append(
                AccountBucket(
                    start=moment(begin), value=str(sums.value), earned=str(sums.earned), lost=str(sums.lost)
                )
            )
        return found


async def account_past(
    session: AsyncSession, at: Block, account: str, size: int, count: int
) -> AccountPast | None:
    """For the last `count` buckets of so many seconds; none of an account that never had anything."""
    states = await history.positions_of(session, account)
    if not states:
        return None
    last, first = at.time - at.time % size, states[0][0]
    start = max(last - (count - 1) * size, first - first % size)
    return AccountPast(
        start,
        size,
        at.time,
        states,
        tickets=await history.tickets_of(session, account),
        before=await history.books_before(session, start),
        changed=await history.books_by_bucket(session, start, size),
    )


def sums_before(end: int, states: States, tickets: Sequence[Ticket], books: Mapping[str, Books]) -> Sums:
    """What the states before `end` come to, by the books of that moment."""
    held = {node: position for time, node, position in states if time < end}
    value = earned = lost = 0
    for node, position in held.items():
        now = books[node]
        leaving = sum(
            now.value(one.shares)
            for one in tickets
            if one.node == node and one.time < end and (one.paid_time is None or one.paid_time >= end)
        )
        active = now.value(position.shares)
        value += active
        earned += position.claimed + position.claimable(now, now.fee_bps)
        lost += max(position.staked - position.withdrawn - active - leaving, 0)
    return Sums(value, earned, lost)
