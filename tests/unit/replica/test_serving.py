"""Serving: every open request has one case, from when it is seen until the log ends it or nobody can."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from linkpool.chain.follow import Event, HeadSeen, LogsGone, LogsSeen
from linkpool.contracts.oracle import OracleRequest
from linkpool.replica import serving
from linkpool.replica.answered import KEEP
from linkpool.replica.answers import LATE_SECONDS
from linkpool.replica.caution import Caution
from linkpool.replica.heads import Heads
from linkpool.replica.metrics import Metrics
from linkpool.replica.requests import Request, RequestBook
from linkpool.replica.serving import RETRY_SECONDS, Serving
from tests.support import virtual_time
from tests.support.oracle_logs import end_log, head, request_log

pytestmark = pytest.mark.unit

IDS = [number.to_bytes(32) for number in range(1, 5)]


class Scene:
    """A follower that says what it is told, a stream that sent nothing, and cases that note themselves."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self.metrics, self.running, self.begun = Metrics(), set[str](), list[int]()
        self.fault: Exception | None = None
        self.ours: set[bytes] = set()
        self.caution = Caution(lifted=False)
        tools: Any = SimpleNamespace(metrics=self.metrics, heads=Heads(), caution=self.caution)
        stream: Any = SimpleNamespace(
            confirmed=lambda tx_hash, _block: tx_hash in self.ours,
            unconfirmed=lambda _hash: None,
            on_head=lambda _head: None,
        )
        follower: Any = SimpleNamespace(events=self._say)
        self.book = RequestBook()
        self.serving = Serving(follower, stream, self.book, tools)

    async def _say(self) -> AsyncIterator[Event]:
        while True:
            yield await self._events.get()

    async def work(self, request: Request, _tools: Any) -> None:
        """Stands for a case."""
        assert request.run_id not in self.running
        self.begun.append(request.log.block_number)
        if self.fault:
            error, self.fault = self.fault, None
            raise error
        self.running.add(request.run_id)
        try:
            await asyncio.Event().wait()
        finally:
            self.running.discard(request.run_id)

    async def hear(self, *events: Event) -> None:
        for event in events:
            self._events.put_nowait(event)
        await asyncio.sleep(0.01)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Scene], Awaitable[None]]], None]:
    """Runs a test beside a serving replica."""

    def run(test: Callable[[Scene], Awaitable[None]]) -> None:
        async def main() -> None:
            scene = Scene()
            monkeypatch.setattr(serving, "work", scene.work)
            task = asyncio.create_task(scene.serving.run())
            await test(scene)
            assert not task.done()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        virtual_time.run(main())

    return run


def test_until_told_to_begin_requests_are_only_read_and_then_begin_in_cautions_order(serve):
    async def test(it: Scene) -> None:
        await it.hear(
            LogsSeen(tuple(request_log(one, block) for block, one in enumerate(IDS, 1))), HeadSeen(head(9))
        )
        assert (it.begun, it.serving.open, it.serving.synced.is_set()) == ([], 4, True)
        it.serving.begin()
        await asyncio.sleep(0.01)
        places = {r.log.block_number: it.caution.place(r) for r in it.book.open}
        assert it.begun == sorted((1, 2, 3, 4), key=places.__getitem__)

    serve(test)


def test_a_log_told_twice_makes_one_case_and_its_answer_ends_it(serve):
    async def test(it: Scene) -> None:
        it.serving.begin()
        log, answer = request_log(IDS[0], 5), end_log("OracleResponse", IDS[0], 6)
        await it.hear(LogsSeen((log,)), LogsSeen((log,)))
        assert len(it.running) == 1
        await it.hear(LogsSeen((answer,)), LogsSeen((answer,)))
        assert (it.begun, it.running, it.serving.open, it.serving.answered) == ([5], set(), 0, 0)

    serve(test)


def test_a_case_that_its_log_ended_leaves_nothing_for_the_collector(serve, monkeypatch):
    left: list[weakref.ref[Any]] = []

    class Case:
        async def wait(self) -> None:
            await asyncio.Event().wait()

    async def work(_request: Request, _tools: Any) -> None:
        case = Case()
        left.append(weakref.ref(case))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(case.wait())

    async def test(it: Scene) -> None:
        monkeypatch.setattr(serving, "work", work)
        it.serving.begin()
        await it.hear(LogsSeen((request_log(IDS[0], 5),)))
        assert left[0]() is not None
        await it.hear(LogsSeen((end_log("OracleResponse", IDS[0], 6),)))
        assert left[0]() is None

    gc.disable()
    try:
        serve(test)
    finally:
        gc.enable()


def test_the_newest_answers_are_kept_also_those_that_were_there_at_the_start(serve):
    def kept(it: Scene) -> list[tuple[bytes, int]]:
        return [(one.request.event.request_id, one.block) for one in it.serving.answers.newest_first]

    async def test(it: Scene) -> None:
        past = [request_log(IDS[0], 5), end_log("OracleResponse", IDS[0], 6), request_log(IDS[1], 7)]
        past += [end_log("CancelOracleRequest", IDS[1], 8), request_log(IDS[2], 9)]
        await it.hear(LogsSeen(tuple(past)), HeadSeen(head(10)))
        assert kept(it) == [(IDS[0], 6)]
        answer = end_log("OracleResponse", IDS[2], 11)
        await it.hear(LogsSeen((answer,)), LogsSeen((answer,)))
        assert kept(it) == [(IDS[2], 11), (IDS[0], 6)]
        await it.hear(LogsGone((answer,)))
        assert kept(it) == [(IDS[0], 6)]
        await it.hear(HeadSeen(head(1000)))
        assert kept(it) == [(IDS[0], 6)], "long forgotten otherwise"

    serve(test)


def test_of_what_has_ended_only_the_logs_are_kept(serve):
    async def test(it: Scene) -> None:
        it.serving.begin()
        for number in range(100):
            request_id = (1000 + number).to_bytes(32)
            await it.hear(LogsSeen((request_log(request_id, 77_000 + number),)))
            await it.hear(LogsSeen((end_log("OracleResponse", request_id, 77_001 + number),)))
        gc.collect()
        decoded = [one for one in gc.get_objects() if isinstance(one, OracleRequest)]
        assert sum(77_000 <= one.log.block_number < 78_000 for one in decoded) <= KEEP
        assert it.serving.open == 0

    serve(test)


def test_an_answer_by_a_transaction_of_ours_counts_as_ours(serve):
    async def test(it: Scene) -> None:
        answer = end_log("OracleResponse", IDS[0], 6)
        it.ours.add(answer.tx_hash)
        await it.hear(LogsSeen((request_log(IDS[0], 5),)), LogsSeen((answer,)))
        assert it.serving.answered == 1

    serve(test)


def test_a_reorg_in_one_breath_leaves_one_case_of_the_new_request(serve):
    async def test(it: Scene) -> None:
        it.serving.begin()
        old, new = request_log(IDS[0], 5), request_log(IDS[0], 5, branch=1, made=9)
        await it.hear(LogsSeen((old,)), LogsGone((old,)), LogsSeen((new,)))
        assert len(it.running) == 1
        await it.hear(LogsGone((new,)), LogsSeen((new,)))
        assert len(it.running) == 1

    serve(test)


def test_a_case_that_fails_by_a_fault_of_ours_begins_again_and_ends_no_other(serve):
    async def test(it: Scene) -> None:
        it.serving.begin()
        it.fault = ZeroDivisionError("a bug")
        await it.hear(LogsSeen((request_log(IDS[0], 5), request_log(IDS[1], 6))))
        assert len(it.running) == 1
        await asyncio.sleep(RETRY_SECONDS)
        assert len(it.running) == 2

    serve(test)


def test_what_nobody_answered_is_dropped_when_nobody_may_any_more(serve):
    async def test(it: Scene) -> None:
        it.serving.begin()
        await it.hear(LogsSeen((request_log(IDS[0], 5),)))
        last = 5 + 300 + int(LATE_SECONDS)
        await it.hear(HeadSeen(head(last)))
        assert len(it.running) == 1
        for block in range(last + 1, last + 4):
            await it.hear(HeadSeen(head(block)))
        assert (it.running, it.serving.open, len(it.serving.ledger)) == (set(), 0, 0)
        read = it.metrics.registry.get_sample_value
        assert read("linkpool_requests_ended_total", {"how": "expired"}) == 1
        assert read("linkpool_requests_missed_total") == 1

    serve(test)
