"""Which requests are open: derived from the node's logs alone, in whatever order they come and go.

A request is known by (request id, expiration, log position). An id can be used again once its request has
ended, and a re-org can give the same id a new expiration: both are new work. Only an answer or a cancel at
a later position ends a request (DESIGN section 5). The book is a pure function of the set of logs it holds,
so a log found late, twice, or taken back by a re-org leaves it right.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from hashlib import sha256

import structlog

from linkpool.chain.types import Log
from linkpool.contracts import events, oracle
from linkpool.contracts.abi import BadReturn
from linkpool.replica.duty import WINDOW
from linkpool.units import Juels

_log = structlog.get_logger(__name__)

Event = (
    oracle.OracleRequest
    | oracle.OracleResponse
    | oracle.CancelOracleRequest
    | oracle.Covered
    | oracle.Rejected
)
FOLLOWED = (
    oracle.OracleRequest,
    oracle.OracleResponse,
    oracle.CancelOracleRequest,
    oracle.Covered,
    oracle.Rejected,
)
"""The events of an oracle contract that say which requests are open."""

NO_COVER = Juels(0)

Position = tuple[int, int]
"""Block number and log index."""


@dataclass(frozen=True)
class Request:
    """One OracleRequest as it stands in the chain's log; `penalty` is its cover."""

    event: oracle.OracleRequest
    penalty: Juels = NO_COVER

    @property
    def log(self) -> Log:
        """The log that made it."""
        return self.event.log

    @property
    def position(self) -> Position:
        """Where in the chain it was made."""
        return (self.log.block_number, self.log.log_index)

    @property
    def terms(self) -> oracle.RequestTerms:
        """What the contract needs to know it again."""
        return oracle.RequestTerms.of(self.event)

    @cached_property
    def identity(self) -> bytes:
        """32 bytes, the same on every replica that sees the same chain.

        Everything that the log says is in it: a re-org may put another question into the same place, with
        the same id and expiration, and an answer to the old one would be wrong.
        """
        place = self.log.block_number.to_bytes(8) + self.log.log_index.to_bytes(8)
        return sha256(place + b"".join(self.log.topics) + self.log.data).digest()

    @cached_property
    def run_id(self) -> str:
        """The id of the run that answers it, given to adapters and named in heartbeats."""
        return self.identity[:16].hex()

    @property
    def made_at(self) -> int:
        """Timestamp of the block that made it, in chain seconds."""
        return self.event.expiration - int(WINDOW)

    @property
    def covered(self) -> bool:
        """A penalty is owed if it expires without an answer or a rejection."""
        return self.penalty > 0


class End(StrEnum):
    """How a request ended, the label of `linkpool_requests_ended_total`."""

    ANSWERED = "answered"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    REORGED = "reorged"


@dataclass(frozen=True)
class Opened:
    """A request wants an answer."""

    request: Request


@dataclass(frozen=True)
class Closed:
    """A request wants none any more; `log` is the one that ended it, none after a re-org."""

    request: Request
    how: End
    log: Log | None


@dataclass(frozen=True)
class Refused:
    """A request was rejected on chain: still open, its cover is gone. Not `stands`: a re-org undid that."""

    request: Request
    stands: bool = True


Change = Opened | Closed | Refused


class _Entry:
    """All logs of one request id; everything else is read off them.

    What has ended is kept as its logs alone, without their decoded events: there is much more of it than of
    what is open, and it is read again only after a re-org.
    """

    __slots__ = ("current", "logs", "refused")

    def __init__(self) -> None:
        self.logs: tuple[Log, ...] = ()
        self.current: Request | None = None
        self.refused = False

    def put(self, log: Log) -> None:
        others = [one for one in self.logs if _place(one) != _place(log)]
        self.logs = tuple(sorted([*others, log], key=_place))

    def drop(self, log: Log) -> None:
        # The branch that replaced this log's block may already have put its own log in the same place.
        gone = (_place(log), log.block_hash)
        self.logs = tuple(one for one in self.logs if (_place(one), one.block_hash) != gone)

    def settle(self, fresh: Mapping[Position, Event]) -> Iterator[Change]:
        """Yield what changed since the last call. `fresh`: events that are decoded already, by position."""
        before, (now, refused, endings) = self.current, self._read(fresh)
        if before and (now is None or now.identity != before.identity):
            ending = endings.get(before.identity, Closed(before, End.REORGED, None))
            yield replace(ending, request=before)
        if now and (before is None or now.identity != before.identity):
            yield Opened(now)
        was_refused = (
            self.refused and before is not None and now is not None and now.identity == before.identity
        )
        if now and refused is not was_refused:
            yield Refused(now, refused)
        self.current, self.refused = now, refused

    def _event(self, log: Log, fresh: Mapping[Position, Event]) -> Event | None:
        if self.current and self.current.log is log:
            return self.current.event
        event = fresh.get(_place(log))
        return event if event and event.log is log else _event(log)

    def _read(self, fresh: Mapping[Position, Event]) -> tuple[Request | None, bool, dict[bytes, Closed]]:
        """The open request, whether it was rejected, and how every earlier one ended, by identity."""
        request: Request | None = None
        endings: dict[bytes, Closed] = {}
        penalty, refused = 0, False
        for log in self.logs:
            match event := self._event(log, fresh):
                case oracle.OracleRequest():
                    request, penalty, refused = Request(event), 0, False
                case oracle.Covered():
                    penalty = event.penalty
                case oracle.Rejected():
                    refused = True
                case oracle.OracleResponse() if request:
                    endings[request.identity] = Closed(request, End.ANSWERED, event.log)
                case oracle.CancelOracleRequest() if request:
                    endings[request.identity] = Closed(request, End.CANCELLED, event.log)
        if request is None or request.identity in endings:
            return None, False, endings
        return replace(request, penalty=Juels(0 if refused else penalty)), refused, endings

    def ended_by(self, log: Log) -> Request | None:
        """The request that this log ended."""
        _, _, endings = self._read({})
        return next((ending.request for ending in endings.values() if ending.log == log), None)

    def is_stale(self, below: int, expired: float) -> bool:
        """Nothing can be done for it any more."""
        if self.current:
            return self.current.event.expiration < expired
        return not self.logs or self.logs[-1].block_number < below


class RequestBook:
    """The open requests of one oracle contract."""

    def __init__(self) -> None:
        self._entries: dict[bytes, _Entry] = {}
        self.count = 0
        """How many are open."""

    def seen(self, logs: Iterable[Log]) -> list[Change]:
        """Take logs in; returns what they changed. Logs already held change nothing."""
        return self._apply(logs, gone=False)

    def gone(self, logs: Iterable[Log]) -> list[Change]:
        """Take logs back that a re-org removed; returns what that changed."""
        return self._apply(logs, gone=True)

    def _apply(self, logs: Iterable[Log], *, gone: bool) -> list[Change]:
        touched: dict[bytes, _Entry] = {}
        fresh: dict[Position, Event] = {}
        for log in logs:
            event = _event(log)
            if event is None:
                continue
            fresh[_place(log)] = event
            entry = touched[event.request_id] = self._entries.setdefault(event.request_id, _Entry())
            if gone:
                entry.drop(log)
            else:
                entry.put(log)
        changes = [change for entry in touched.values() for change in entry.settle(fresh)]
        self.count += sum(isinstance(change, Opened) - isinstance(change, Closed) for change in changes)
        return changes

    def current(self, request: Request) -> Request:
        """The request with its newest cover; the request itself when it is no longer open."""
        held = self._held(request)
        return held if held and held.identity == request.identity else request

    def is_open(self, request: Request) -> bool:
        """It still wants an answer."""
        held = self._held(request)
        return held is not None and held.identity == request.identity

    def _held(self, request: Request) -> Request | None:
        entry = self._entries.get(request.event.request_id)
        return entry.current if entry else None

    def ended_by(self, log: Log) -> Request | None:
        """The request that an answer or cancel ended, also one that had ended before it was first seen."""
        event = _event(log)
        entry = self._entries.get(event.request_id) if event else None
        return entry.ended_by(log) if entry else None

    @property
    def open(self) -> list[Request]:
        """All open requests, oldest first."""
        current = [entry.current for entry in self._entries.values() if entry.current]
        return sorted(current, key=lambda request: request.position)

    def forget(self, below: int, expired: float) -> list[Request]:
        """Drop what can need nothing more, so that the book stays as small as its work.

        That is what ended before block `below`, and what was never answered and expired before the time
        `expired` (chain seconds). Returns the latter.
        """
        stale = [k for k, entry in self._entries.items() if entry.is_stale(below, expired)]
        dropped = [request for k in stale if (request := self._entries.pop(k).current)]
        self.count -= len(dropped)
        return dropped


def _place(log: Log) -> Position:
    return log.block_number, log.log_index


def _event(log: Log) -> Event | None:
    """The event of a log; none for another's, or for one that only looks like ours."""
    try:
        event = events.decode(log)
    except BadReturn as error:
        _log.warning("a log that cannot be read, ignored", block=log.block_number, error=str(error))
        return None
    return event if isinstance(event, FOLLOWED) else None
