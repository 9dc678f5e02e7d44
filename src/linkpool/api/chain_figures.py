"""Figures of nodes and their history, worked out from what was read. Pure: 1,000 nodes take a core for a
while, so a thread of its own does it.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from linkpool.contracts.pool import Status
from linkpool.fleet.indexer.figures import Totals, median, together, uptime, yearly
from linkpool.store.chain_history import Delays
from linkpool.store.chain_state import Block, Books
from linkpool.wire import history as wire
from linkpool.wire.api import moment


@dataclass(frozen=True)
class Seen:
    """What the figures of all nodes are made of. since: the second that rates look back to."""

    at: Block
    since: int
    began: Mapping[str, int]
    now: Mapping[str, Books]
    before: Mapping[str, Books]
    ever: Counter[str]
    missed: Counter[str]
    windows: Counter[str]
    delays: Mapping[str, Counter[int]]

    def each(self) -> dict[str, wire.NodeFigures]:
        """By node."""
        return {
            node: wire.NodeFigures(
                status=Status(self.now[node].status).name.lower(),
                capacity=str(self.now[node].capacity),
                fee_bps=self.now[node].fee_bps,
                registered_at=moment(time),
                **dict(self.of([node])),
            )
            for node, time in self.began.items()
        }

    def of(self, nodes: Collection[str]) -> wire.Figures:
        """Some nodes together; one at least."""
        at, begin = self.at, max(self.since, min(self.began[node] for node in nodes))
        totals = together([self.now[node] for node in nodes], at.time)
        earlier = [self.before[node] for node in nodes if node in self.before]
        rates = yearly(totals - together(earlier, self.since), at.time - begin)
        missed = sum(self.missed[node] for node in nodes)
        waits: Counter[int] = Counter()
        for node in nodes:
            waits.update(self.delays.get(node, {}))
        return wire.Figures(
            stock=_stock(totals),
            ever=_flow(totals, sum(self.ever[node] for node in nodes)),
            rates=wire.Rates(
                since=moment(begin),
                seconds=at.time - begin,
                uptime=uptime(sum(self.windows[node] for node in nodes), missed),
                delay_blocks=median(waits),
                income_apr=rates.income,
                penalty_apr=rates.penalty,
                apr=rates.apr,
            ),
        )


@dataclass(frozen=True)
class Past:
    """What buckets of `size` seconds from `start` to `end` are made of: who was what before, who changed."""

    start: int
    size: int
    end: int
    before: Mapping[str, Books]
    changed: Mapping[int, Mapping[str, Books]]
    missed: Counter[int]
    windows: Counter[int]
    delays: Delays

    def buckets(self) -> list[wire.Bucket]:
        """One after the other: a node that nothing happened to is as it was before."""
        books, time = dict(self.before), self.start
        before = together(books.values(), time)
        found = []
        for begin in range(self.start, self.end + 1, self.size):
            end = min(begin + self.size, max(self.end, begin))
            new = self.changed.get(begin, {})
            old = [books[one] for one in new if one in books]
            after = before.later(end - time) - together(old, end) + together(new.values(), end)
            found.append(
                wire.Bucket(
                    start=moment(begin),
                    stock=_stock(after),
                    flow=_flow(after - before, self.missed[begin]),
                    delay_blocks=median(self.delays.get(begin, Counter())),
                    uptime=uptime(self.windows[begin], self.missed[begin]),
                )
            )
            books |= new
            before, time = after, end
        return found


def _stock(totals: Totals) -> wire.Stock:
    return wire.Stock(**{name: str(getattr(totals, name)) for name in wire.Stock.model_fields})


def _flow(totals: Totals, missed: int) -> wire.Flow:
    amounts = {name: str(getattr(totals, name)) for name in ("earned", "net", "fees", "penalties")}
    counts = {name: getattr(totals, name) for name in ("requests", "answered", "rejected", "cancelled")}
    return wire.Flow(**amounts, **counts, missed=missed)
