"""What became of every request this replica saw: each is counted once, under the one way it ended.

An answer or a cancel counts at once. A request that a re-org took out counts only when its window is over,
because it mostly comes back; one that its window left behind counts as rejected or as expired, and as missed
when there was no rejection, whatever a re-org had said of it before. What can change no more is forgotten.
"""

from collections import defaultdict
from collections.abc import Iterator
from enum import Flag, auto

from linkpool.chain.types import Head, Log
from linkpool.replica.answers import LATE_SECONDS
from linkpool.replica.metrics import Metrics
from linkpool.replica.requests import End, Request

FORGET_BLOCKS = 128
"""Ended requests are kept this deep, below any re-org that is followed."""


class _Row(Flag):
    """What is known of one request; rows that say the same are one object."""

    OPEN = auto()
    REFUSED = auto()
    COUNTED = auto()
    """Its end is in the metrics."""
    DUE = auto()
    """Its window is not over."""


_ENDS = _Row.OPEN | _Row.COUNTED

_Groups = defaultdict[int, list[bytes]]
"""Identities by a time or block that they share: there are many more of them than of those."""


class Ledger:
    """One row per request, from when it was first seen until nothing can change for it."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._rows: dict[bytes, _Row] = {}
        self._windows: _Groups = defaultdict(list)  # by expiration
        self._old: _Groups = defaultdict(list)  # by expiration, when it was over
        self._deep: _Groups = defaultdict(list)  # by the tip when they ended
        self._tip = 0

    @property
    def open(self) -> int:
        """Requests whose end is not counted, and that are in the chain."""
        return sum(1 for row in self._rows.values() if row & _ENDS == _Row.OPEN)

    @property
    def lost(self) -> int:
        """Requests whose end is not counted, and that a re-org took out of the chain."""
        return sum(1 for row in self._rows.values() if not row & _ENDS)

    def __len__(self) -> int:
        return len(self._rows)

    def opened(self, request: Request) -> None:
        """It wants an answer; perhaps again, after a re-org."""
        row = self._rows.get(request.identity)
        if row is not None:
            self._rows[request.identity] = (row | _Row.OPEN) & ~_Row.REFUSED
            return
        self._rows[request.identity] = _Row.OPEN | _Row.DUE
        self._windows[request.event.expiration].append(request.identity)
        self._metrics.seen.inc()

    def refused(self, request: Request, *, stands: bool) -> None:
        """It was rejected on chain, or a re-org undid that."""
        if (row := self._rows.get(request.identity)) is not None:
            self._rows[request.identity] = row | _Row.REFUSED if stands else row & ~_Row.REFUSED

    def closed(self, request: Request, how: End, ended_by: Log | None) -> None:
        """It wants no answer any more."""
        row = self._rows.get(request.identity)
        if row is None:
            return
        self._rows[request.identity] = row & ~_Row.OPEN
        if how is End.REORGED and _Row.DUE in row:
            return
        self._deep[self._tip].append(request.identity)
        if how is End.ANSWERED and ended_by and _Row.COUNTED not in row:
            self._metrics.delay.observe(max(ended_by.block_number - request.log.block_number, 0))
        self._count(request.identity, how)

    def tick(self, head: Head) -> None:
        """A new head: close the windows that are over, and forget what is old."""
        self._tip = head.number
        for expiration, identity in _taken(self._windows, head.timestamp + 1):
            if identity in self._rows:
                self._expire(identity)
                self._old[expiration].append(identity)
        for _, identity in _taken(self._old, head.timestamp - LATE_SECONDS):
            self._rows.pop(identity, None)
        for _, identity in _taken(self._deep, head.number - FORGET_BLOCKS):
            if self._rows.get(identity, _Row.OPEN) & _ENDS == _Row.COUNTED:
                del self._rows[identity]

    def _expire(self, identity: bytes) -> None:
        row = self._rows[identity] = self._rows[identity] & ~_Row.DUE
        if _Row.OPEN not in row:
            self._count(identity, End.REORGED)
        elif _Row.REFUSED in row:
            self._count(identity, End.REJECTED)
        else:
            self._metrics.late.inc()
            self._count(identity, End.EXPIRED)

    def _count(self, identity: bytes, how: End) -> None:
        if _Row.COUNTED not in self._rows[identity]:
            self._rows[identity] |= _Row.COUNTED
            self._metrics.ended.labels(how).inc()


def _taken(groups: _Groups, below: float) -> Iterator[tuple[int, bytes]]:
    """Take out all groups below that; their identities, each with its group."""
    for group in sorted(one for one in groups if one < below):
        for identity in groups.pop(group):
            yield group, identity
