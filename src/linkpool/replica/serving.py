"""From the chain's log to cases: every open request has exactly one task here, and one row in the ledger."""

import asyncio
from collections.abc import Iterable, Set

import structlog

from linkpool.chain.follow import Follower, HeadSeen, LogsGone, LogsSeen
from linkpool.chain.stream import TxStream
from linkpool.chain.types import Head, Log
from linkpool.contracts.oracle import OracleResponse
from linkpool.replica.answered import KEEP, LastAnswers
from linkpool.replica.answers import LATE_SECONDS
from linkpool.replica.case import Tools, work
from linkpool.replica.ledger import FORGET_BLOCKS, Ledger
from linkpool.replica.requests import Change, Closed, End, Opened, Refused, Request, RequestBook

log = structlog.get_logger(__name__)

RETRY_SECONDS = 15.0
"""Pause before a case that failed by a fault of ours begins again."""


class Serving:
    """Feeds the book from the follower and keeps one case per open request."""

    def __init__(self, follower: Follower, stream: TxStream, book: RequestBook, tools: Tools) -> None:
        self._follower, self._stream, self._book, self._tools = follower, stream, book, tools
        self._cases: dict[bytes, asyncio.Task[None]] = {}
        self.ledger = Ledger(tools.metrics)
        self.answers = LastAnswers()
        self._waiting: list[Request] = []
        self._tasks: asyncio.TaskGroup | None = None
        self._begun = False
        self.synced = asyncio.Event()
        """Set by the first head: everything up to it is known."""
        self.answered = 0
        """Requests that this replica's own transactions answered."""

    @property
    def open(self) -> int:
        """Requests that want an answer."""
        return self._book.count

    def begin(self) -> None:
        """Start answering; until now requests were only read."""
        self._begun = True
        self._start()

    async def run(self) -> None:
        """Follow and serve until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            async for event in self._follower.events():
                match event:
                    case LogsSeen(logs):
                        self._seen(logs)
                    case LogsGone(logs):
                        self._gone(logs)
                    case HeadSeen(head):
                        self._head(head)
                self._start()

    def _seen(self, logs: Iterable[Log]) -> None:
        logs = tuple(logs)
        ours = {entry.tx_hash for entry in logs if self._stream.confirmed(entry.tx_hash, entry.block_number)}
        changes = self._book.seen(logs)
        self._apply(changes, ours)
        self._note_answers(logs, changes)

    def _note_answers(self, logs: Iterable[Log], changes: Iterable[Change]) -> None:
        """Keep the newest answers; at a start most were given before their requests were ever open here."""
        closed = {change.log: change.request for change in changes if isinstance(change, Closed)}
        for entry in [log for log in logs if log.topics[:1] == (OracleResponse.topic(),)][-KEEP:]:
            if request := closed.get(entry) or self._book.ended_by(entry):
                self.answers.closed(request, entry.block_number)

    def _gone(self, logs: Iterable[Log]) -> None:
        logs = tuple(logs)
        for entry in logs:
            self._stream.unconfirmed(entry.tx_hash)
        self._apply(self._book.gone(logs), frozenset())

    def _head(self, head: Head) -> None:
        self._tools.heads.saw(head)
        self._stream.on_head(head)
        self.ledger.tick(head)
        for request in self._book.forget(head.number - FORGET_BLOCKS, head.timestamp - LATE_SECONDS):
            self._stop(request)
        self.synced.set()

    def _apply(self, changes: Iterable[Change], ours: Set[bytes]) -> None:
        for change in changes:
            match change:
                case Opened(request):
                    self.ledger.opened(request)
                    self.answers.opened(request)
                    self._waiting.append(request)
                case Refused(request, stands):
                    self.ledger.refused(request, stands=stands)
                case Closed(request, how, ended_by):
                    self.ledger.closed(request, how, ended_by)
                    self._stop(request)
                    if how is End.ANSWERED and ended_by and ended_by.tx_hash in ours:
                        self.answered += 1
                        self._tools.metrics.answered.inc()
                        self._tools.caution.lift()

    def _start(self) -> None:
        """Give every new request its case, the first in caution's line first."""
        if not self._begun or self._tasks is None:
            return
        for request in sorted(self._waiting, key=self._tools.caution.place):
            if self._book.is_open(request) and request.identity not in self._cases:
                name = f"case {request.run_id}"
                self._cases[request.identity] = self._tasks.create_task(self._guarded(request), name=name)
        self._waiting.clear()

    async def _guarded(self, request: Request) -> None:
        while True:
            try:
                return await work(request, self._tools)
            except asyncio.CancelledError as ended:
                # The task holds the error, whose traceback holds the group, which holds the task: without the
                # traceback the case ends here, and not when rings are collected.
                raise ended.with_traceback(None) from None
            except Exception:
                # One request's trouble must not end the others'; it is begun again, should it be passing.
                log.exception("case failed", run=request.run_id)
            await asyncio.sleep(RETRY_SECONDS)

    def _stop(self, request: Request) -> None:
        if case := self._cases.pop(request.identity, None):
            case.cancel()
