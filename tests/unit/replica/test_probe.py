"""A probe: a value for each of the last answers, or of the jobs' own probes; nothing sent, nobody held up."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from linkpool.chain.rpc import Behind, Reverted
from linkpool.chain.types import hexed
from linkpool.contracts.oracle import Answer as Row
from linkpool.contracts.oracle import Oracle
from linkpool.jobs.bridges import Bridges
from linkpool.jobs.callbacks import Inbox
from linkpool.jobs.services import EthTx, HttpReply, HttpRequest
from linkpool.jobs.spec import JobSpec
from linkpool.replica.answered import KEEP, LastAnswers
from linkpool.replica.catalog import CatalogBook
from linkpool.replica.probe import PROBE_SECONDS, RUN_SECONDS, Prober
from linkpool.replica.requests import Request
from linkpool.replica.runner import Outside, Runner
from linkpool.wire.agent import Probed
from tests.support import virtual_time
from tests.support.jobs import Sources, after, job_of
from tests.support.oracle_logs import ORACLE, calldata, request, sends

pytestmark = pytest.mark.unit

SENDER = "0x" + "05" * 20
SOURCE = "http://a.example"
PRICE = HttpReply(200, b"7")


def one(number: int) -> Request:
    """A request of a job of its own."""
    return request(number, job=number.to_bytes(32))


def job(number: int = 1, **fields: str) -> JobSpec:
    """Fetches something, and answers the request of that number whatever it is asked."""
    graph = f'fetch [type=http url="{SOURCE}"]\n{sends(calldata(one(number)))}\nfetch -> send'
    return job_of(graph, **fields)


def probing(job: JobSpec) -> JobSpec:
    """The same with a probe of its own."""
    return replace(job, probe={"get": "x"})


class Scene:
    """A replica's prober and what it works with; `calls` are those of the chain."""

    def __init__(self, *jobs: JobSpec, source: Any = PRICE, chain: Any = "0x01") -> None:
        self.sources = Sources({SOURCE: source})
        self.sent: list[EthTx] = []
        self.calls: list[tuple[Any, ...]] = []
        self.told: list[Probed] = []
        self._chain = chain
        bridges = Bridges(self.sources)
        outside = Outside(self.sources, bridges, Inbox("https://pool.example"))
        nothing: Any = type("Calls", (), {"call": None, "estimate": None})
        self.runner = Runner(outside, nothing, 1, self._job, self._send)
        self.served = jobs
        self.catalog, self.answers, self.synced = CatalogBook(bridges), LastAnswers(), asyncio.Event()
        self.catalog.put(jobs, [], 1)
        self.synced.set()
        rpc: Any = self
        self.prober = Prober(
            rpc, self.runner, self.catalog, self.answers, sender=SENDER, target=ORACLE, synced=self.synced
        )

    def _job(self, spec_id: bytes) -> JobSpec | None:
        number = int.from_bytes(spec_id)
        return self.served[min(number, len(self.served)) - 1] if self.served else None

    async def call(self, *call: Any) -> Any:
        """As Rpc."""
        self.calls.append(call)
        if isinstance(self._chain, Exception):
            raise self._chain
        return self._chain

    async def _send(self, transaction: EthTx) -> str:
        self.sent.append(transaction)
        return ""

    async def _tell(self, probed: Probed) -> None:
        self.told.append(probed)

    async def probe(self, *ids: str) -> list[Probed]:
        """Ask for these, and wait for all."""
        running = asyncio.create_task(self.prober.run())
        for each in ids or ("p",):
            self.prober.ask(each, self._tell)
        while len(self.told) < len(ids or ("p",)):
            await asyncio.sleep(0.1)
        running.cancel()
        assert self.sent == []
        return self.told


def probed(
    scene: Callable[[], Scene], prepare: Callable[[Scene], None] = lambda _: None
) -> tuple[Scene, Probed]:
    """One probe in virtual time."""

    async def main() -> tuple[Scene, Probed]:
        it = scene()
        prepare(it)
        return it, (await it.probe())[0]

    return virtual_time.run(main())


def answered(*blocks: int) -> Callable[[Scene], None]:
    """Request 1 was answered in the first of these blocks, request 2 in the second."""

    def prepare(scene: Scene) -> None:
        for number, block in enumerate(blocks, 1):
            scene.answers.closed(one(number), block)

    return prepare


def test_the_last_three_answers_are_recomputed_and_simulated_a_block_before_their_own() -> None:
    it, found = probed(lambda: Scene(*map(job, range(1, 5))), answered(20, 40, 30, 50))
    assert (found.ok, found.checked) == (True, 3)
    assert "3 simulated" in found.detail
    assert len(it.sources.asked) == 3
    for number, block in ((2, 39), (3, 29), (4, 49)):
        row = Row(one(number).terms, one(number).event.request_id + (7).to_bytes(32))
        call = {"from": SENDER, "to": ORACLE, "data": hexed(Oracle(ORACLE).fulfill(row).data)}
        assert ("eth_call", {**call, "gas": hex(500_000)}, hex(block)) in it.calls


def test_a_state_that_no_endpoint_has_is_said_and_is_no_failure() -> None:
    _, found = probed(lambda: Scene(job(), chain=Behind("missing trie node")), answered(20))
    assert (found.ok, found.checked) == (True, 1)
    assert "0 simulated" in found.detail
    assert "not simulated: no state of block 19: missing trie node" in found.detail


def test_an_answer_that_the_contract_refuses_fails_the_probe() -> None:
    _, found = probed(lambda: Scene(job(), chain=Reverted("not a sender")), answered(20))
    assert (found.ok, found.checked) == (False, 0)
    assert "would revert in block 19: not a sender" in found.detail


def test_what_the_release_itself_cannot_do_fails_the_probe() -> None:
    it, found = probed(lambda: Scene(job(2)), answered(20))
    assert not found.ok
    assert "answers other terms" in found.detail
    assert it.calls == []


def test_what_a_source_refuses_fails_it_only_when_nothing_succeeds() -> None:
    replies = iter([HttpReply(404, b""), PRICE, PRICE])

    async def one_of_three(_: HttpRequest) -> HttpReply:
        return next(replies)

    _, found = probed(lambda: Scene(*map(job, range(1, 4)), source=one_of_three), answered(20, 30, 40))
    assert (found.ok, found.checked) == (True, 2)
    assert "404" in found.detail
    _, found = probed(lambda: Scene(*map(job, range(1, 4)), source=HttpReply(404, b"")), answered(20, 30, 40))
    assert (found.ok, found.checked) == (False, 0)


def test_a_source_that_fails_for_a_moment_is_asked_again() -> None:
    replies = iter([HttpReply(503, b""), HttpReply(503, b""), PRICE])

    async def at_last(_: HttpRequest) -> HttpReply:
        return next(replies)

    _, found = probed(lambda: Scene(job(), source=at_last), answered(20))
    assert found.ok


def test_a_probe_ends_in_time_whatever_sources_do() -> None:
    async def main() -> tuple[float, Probed]:
        scene = Scene(job(), source=after(10_000, "7"))
        answered(20, 30, 40)(scene)
        start = asyncio.get_running_loop().time()
        (found,) = await scene.probe()
        return asyncio.get_running_loop().time() - start, found

    seconds, found = virtual_time.run(main())
    assert seconds <= RUN_SECONDS + 1
    assert not found.ok


def test_without_logs_a_probe_waits_and_says_so() -> None:
    async def main() -> tuple[float, Probed]:
        scene = Scene(job())
        scene.synced.clear()
        start = asyncio.get_running_loop().time()
        (found,) = await scene.probe()
        return asyncio.get_running_loop().time() - start, found

    seconds, found = virtual_time.run(main())
    assert seconds == pytest.approx(PROBE_SECONDS, abs=1)
    assert (found.ok, found.detail) == (False, "not done within 60 s")


def test_without_answers_the_jobs_own_probes_are_run() -> None:
    it, found = probed(lambda: Scene(probing(job(name='"with"')), job(name='"without"')))
    assert (found.ok, found.checked) == (True, 1)
    assert "recomputed job 'with', 0 simulated" in found.detail
    assert it.calls == []


def test_a_jobs_own_probe_that_ends_without_an_answer_fails() -> None:
    _, found = probed(lambda: Scene(probing(job_of(f'fetch [type=http url="{SOURCE}"]'))))
    assert not found.ok
    assert "without an ethtx" in found.detail


@pytest.mark.parametrize("kind", ["cron", "webhook"])
def test_what_a_cron_or_webhook_probe_would_send_is_not_sent(kind: str) -> None:
    more = {"schedule": '"@every 1h"'} if kind == "cron" else {}
    graph = f'{sends("0x12345678")}\nafter [type=lowercase input="$(send)"]\nsend -> after'
    made = job_of(graph, type=f'"{kind}"', idempotent="true", **more)
    _, found = probed(lambda: Scene(probing(made)))
    assert (found.ok, found.checked) == (True, 1)


def test_with_neither_answers_nor_probes_there_is_nothing_to_recompute_and_that_is_well() -> None:
    _, found = probed(lambda: Scene(job()))
    assert (found.ok, found.checked) == (True, 0)
    assert found.detail.startswith("nothing to recompute")


def test_an_answer_whose_job_is_not_served_any_more_is_passed_over() -> None:
    _, found = probed(Scene, answered(20))
    assert (found.ok, found.checked) == (True, 0)


def test_a_probe_asked_twice_is_run_once_and_told_twice() -> None:
    async def main() -> tuple[list[Probed], int]:
        scene = Scene(job())
        answered(20)(scene)
        return await scene.probe("p", "p", "q"), len(scene.sources.asked)

    told, asked = virtual_time.run(main())
    assert [one.id for one in told] == ["p", "p", "q"]
    assert asked == 2


def test_a_probe_does_not_change_what_is_known_of_the_jobs_usual_time() -> None:
    it, _ = probed(lambda: Scene(job(), source=after(9, "7")), answered(20))
    assert it.runner.p95(one(1)) == 0.0


def test_last_answers_forget_the_oldest_and_what_a_reorg_opened_again() -> None:
    last = LastAnswers()
    for number in range(KEEP + 2):
        last.closed(request(number), 100 + number)
    last.opened(request(KEEP))
    kept = [one.request.event.request_id[-1] for one in last.newest_first]
    assert kept == [KEEP + 1, *range(KEEP - 1, 1, -1)]
