"""What became of every request this replica saw: each is counted once, under the one way it ended.

An answer or a cancel counts at once. A request that a re-org took out counts only when its window is over,
because it mostly comes back; one that its window left behind counts as rejected or as expired, and as missed
when there was no rejection, whatever a re-org had said of it before. What can change no more is forgotten.
"""

from collections import deque
from dataclasses import dataclass
from heapq import heappop, heappush

from linkpool.chain.types import Head, Log
from linkpool.replica.answers import LATE_SECONDS
from linkpool.replica.metrics import Metrics
from linkpool.replica.requests import End, Request

FORGET_BLOCKS = 128
"""Ended requests are kept this deep, below any re-org that is followed."""


@dataclass(eq=False, slots=True)
class _Row:
    open: bool = True
    refused: bool = False
    counted: bool = False
    """Its end is in the metrics."""
    due: bool = True
    """Its window is not over."""


class Ledger:
    """One row per request, from when it was first seen until nothing can change for it."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._rows: dict[bytes, _Row] = {}
        self._windows: list[tuple[int, bytes]] = []
        self._old: deque[tuple[int, bytes]] = deque()
        self._deep: deque[tuple[int, bytes]] = deque()
        self._tip = 0

    @property
    def open(self) -> int:
        """Requests whose end is not counted, and that are in the chain."""
        return sum(1 for row in self._rows.values() if row.open and not row.counted)

    @property
    def lost(self) -> int:
        """Requests whose end is not counted, and that a re-org took out of the chain."""
        return sum(1 for row in self._rows.values() if not row.open and not row.counted)

    def __len__(self) -> int:
        return len(self._rows)

    def opened(self, request: Request) -> None:
        """It wants an answer; perhaps again, after a re-org."""
        row = self._rows.get(request.identity)
        if row is not None:
            row.open, row.refused = True, False
            return
        self._rows[request.identity] = _Row()
        heappush(self._windows, (request.event.expiration, request.identity))
        self._metrics.seen.inc()

    def refused(self, request: Request, *, stands: bool) -> None:
        """It was rejected on chain, or a re-org undid that."""
        if row := self._rows.get(request.identity):
            row.refused = stands

    def closed(self, request: Request, how: End, ended_by: Log | None) -> None:
        """It wants no answer any more."""
        row = self._rows.get(request.identity)
        if row is None:
            return
        row.open = False
        if how is End.REORGED and row.due:
            return
        self._deep.append((self._tip + FORGET_BLOCKS, request.identity))
        if how is End.ANSWERED and ended_by and not row.counted:
            self._metrics.delay.observe(max(ended_by.block_number - request.log.block_number, 0))
        self._count(row, how)

    def tick(self, head: Head) -> None:
        """A new head: close the windows that are over, and forget what is old."""
        self._tip = head.number
        while self._windows and self._windows[0][0] <= head.timestamp:
            expiration, identity = heappop(self._windows)
            if row := self._rows.get(identity):
                self._expire(row)
                self._old.append((expiration, identity))
        while self._old and self._old[0][0] + LATE_SECONDS < head.timestamp:
            self._rows.pop(self._old.popleft()[1], None)
        while self._deep and self._deep[0][0] < head.number:
            _, identity = self._deep.popleft()
            if (ended := self._rows.get(identity)) and not ended.open and ended.counted:
                del self._rows[identity]

    def _expire(self, row: _Row) -> None:
        row.due = False
        if row.open and not row.refused:
            self._metrics.late.inc()
        if not row.open:
            self._count(row, End.REORGED)
        else:
            self._count(row, End.REJECTED if row.refused else End.EXPIRED)

    def _count(self, row: _Row, how: End) -> None:
        if not row.counted:
            row.counted = True
            self._metrics.ended.labels(how).inc()
