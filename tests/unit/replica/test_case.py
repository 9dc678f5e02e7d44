"""One request's case: tried again where that helps, given up where not, rejected in time and by its turn."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from linkpool.contracts.oracle import Reason
from linkpool.replica.answers import Answer, NotSent
from linkpool.replica.case import SETTLE_BLOCKS, Tools, work
from linkpool.replica.duty import order
from linkpool.replica.metrics import Metrics
from linkpool.replica.requests import Request
from linkpool.replica.roster import RosterBook
from linkpool.replica.runner import Failure
from linkpool.replica.trials import Trials
from linkpool.replica.turn import Turn
from linkpool.replica.worth import Purse
from linkpool.units import Juels, Wei
from linkpool.wire.agent import Member, Roster
from tests.support.oracle_logs import START, request
from tests.support.replica_desk import Chain, on_chain

pytestmark = pytest.mark.unit

ME = Member(task="me", sender="0xa", primary=True)
OTHER = Member(task="other", sender="0xb", primary=True)
LOST = Failure(Reason.SOURCE_FAILED, "no reply", temporary=True, ours=False)
REFUSED = Failure(Reason.SOURCE_REFUSED, "404", temporary=False, ours=False)
OURS = Failure(Reason.SOURCE_FAILED, "no ethtx", temporary=False, ours=True)
UNKNOWN = Failure(Reason.UNKNOWN_JOB, "not in the catalog", temporary=True, ours=True)


@dataclass
class Scene:
    """A case's surroundings: `outcomes` of runs in order (the last one repeats), `landings` of answers."""

    chain: Chain
    one: Request
    outcomes: list[Any] = field(default_factory=list)
    landings: list[Exception | None] = field(default_factory=list)
    rejections: list[Exception | None] = field(default_factory=list)
    confirmations: int = 1
    purse: Purse = field(default_factory=lambda: Purse(Wei(10**12), None))
    runs: list[float] = field(default_factory=list)
    delivered: list[float] = field(default_factory=list)
    rejected: list[tuple[float, Reason]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.current = self.one
        self.roster = RosterBook(ME)
        self.metrics = Metrics()
        self.task: asyncio.Task[None] | None = None

    @property
    def now(self) -> float:
        """Seconds since the request was made."""
        return round(self.chain.clock.now() - self.one.made_at, 1)

    async def answer(self, one: Request, seconds: float) -> Any:
        self.runs.append(self.now)
        assert one.run_id in self.tools.in_hand
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        return Answer(one, b"", 1) if outcome == "answer" else outcome

    async def deliver(self, answer: Answer) -> None:
        self.delivered.append(self.now)
        assert answer.request.run_id in self.tools.in_hand
        await asyncio.sleep(1)
        if self.landings and (error := self.landings.pop(0)):
            raise error

    async def reject(self, one: Request, reason: Reason) -> None:
        self.rejected.append((self.now, reason))
        await asyncio.sleep(1)
        if self.rejections and (error := self.rejections.pop(0)):
            raise error
        self.current = replace(self.current, penalty=Juels(0))

    def rejectable(self, _one: Request) -> bool:
        return self.current.covered and self.now < 150

    def play(
        self, seconds: float, *members: Member, avoid: tuple[str, ...] = (), suspects: tuple[str, ...] = ()
    ) -> Awaitable[None]:
        """Work on the case for so long."""
        self.roster.take(Roster(epoch=0, version=1, members=members or (ME,), avoid=avoid, suspects=suspects))

        async def landing(_member: Member) -> None:
            return

        runner: Any = SimpleNamespace(
            answer=self.answer,
            p95=lambda _: 0.0,
            job=lambda _: SimpleNamespace(min_confirmations=self.confirmations),
        )
        answers: Any = SimpleNamespace(
            deliver=self.deliver,
            reject=self.reject,
            rejectable=self.rejectable,
            sendable=lambda _: self.now < 285 or not self.current.covered,
        )
        self.tools = Tools(
            clock=self.chain.clock,
            heads=self.chain.heads,
            roster=self.roster,
            turn=Turn(self.roster, self.chain.clock, landing),
            trials=Trials(self.roster),
            runner=runner,
            answers=answers,
            metrics=self.metrics,
            purse=lambda: self.purse,
            current=lambda _: self.current,
        )
        return self._run(seconds)

    async def _run(self, seconds: float) -> None:
        self.task = asyncio.create_task(work(self.one, self.tools))
        await asyncio.sleep(seconds)
        done = self.task.done()
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        assert not self.tools.in_hand
        if done:
            self.task.result()


def play(test: Callable[[Scene], Awaitable[Any]], *outcomes: Any, **options: Any) -> Any:
    """Run a test with a request of block 10; the chain is at block 10."""
    one = request(1, penalty=options.pop("penalty", 0), made=START + 10)
    return on_chain(lambda chain: test(Scene(chain, one, list(outcomes), **options)))


def test_an_answer_is_delivered_at_once_and_only_once_while_its_log_is_awaited():
    async def test(it: Scene) -> None:
        await it.play(SETTLE_BLOCKS)
        assert (it.runs, it.delivered) == ([0], [0])

    play(test, "answer")


def test_a_mined_answer_whose_log_does_not_show_is_made_anew():
    async def test(it: Scene) -> None:
        await it.play(SETTLE_BLOCKS + 3)
        assert len(it.delivered) == 2

    play(test, "answer")


def test_an_answer_that_did_not_land_is_made_anew_at_the_next_block():
    async def test(it: Scene) -> None:
        await it.play(2.5)
        assert it.delivered == [0, 2]

    play(test, "answer", landings=[NotSent("reverted")])


def test_temporary_failures_are_tried_again_ever_more_slowly_up_to_half_a_minute():
    async def test(it: Scene) -> None:
        await it.play(200)
        gaps = [round(after - before) for before, after in zip(it.runs, it.runs[1:], strict=False)]
        assert gaps == [1, 2, 4, 8, 16, 30, 30, 30, 30, 30]

    play(test, LOST)


@pytest.mark.parametrize("failure", [UNKNOWN, OURS], ids=["a catalog that comes late", "a fault of ours"])
def test_what_is_ours_to_mend_is_tried_again_and_not_rejected_at_once(failure):
    async def test(it: Scene) -> None:
        await it.play(20)
        assert it.delivered
        assert it.rejected == []

    play(test, failure, failure, "answer", penalty=5)


def test_a_failure_for_good_is_rejected_at_once_with_its_reason():
    async def test(it: Scene) -> None:
        await it.play(250)
        assert (it.runs, it.rejected) == ([0], [(0, Reason.SOURCE_REFUSED)])

    play(test, REFUSED, penalty=5)


def test_without_a_cover_there_is_nothing_to_reject():
    async def test(it: Scene) -> None:
        await it.play(250)
        assert it.rejected == []

    play(test, REFUSED)


def test_what_has_no_answer_at_two_fifths_of_its_window_is_rejected_and_still_tried():
    async def test(it: Scene) -> None:
        await it.play(200)
        assert it.rejected == [(120, Reason.SOURCE_FAILED)]
        assert it.runs[-1] > 150

    play(test, LOST, penalty=5)


def test_a_rejection_that_does_not_land_is_tried_again_but_not_in_the_second_half():
    async def test(it: Scene) -> None:
        await it.play(250)
        moments = [moment for moment, _ in it.rejected]
        assert len(moments) > 10
        assert max(moments) < 150

    play(test, LOST, penalty=5, rejections=[NotSent("no endpoint")] * 100)


def test_each_next_in_line_rejects_a_step_later():
    async def test(it: Scene) -> None:
        await it.play(200, ME, *[Member(task=f"t{n}", sender="0xb", primary=True) for n in range(3)])
        assert [moment for moment, _ in it.rejected] == [120 + 3 * it.tools.turn.rank(it.one)]

    play(test, LOST, penalty=5)


def test_who_comes_late_tries_before_it_rejects():
    async def test(it: Scene) -> None:
        await asyncio.sleep(130)
        await it.play(100)
        assert it.delivered[0] == 130
        assert [moment for moment, _ in it.rejected] == [133]

    play(test, "answer", penalty=5, landings=[NotSent("stuck")] * 200)


def test_who_comes_in_the_second_half_rejects_nothing():
    async def test(it: Scene) -> None:
        await asyncio.sleep(160)
        await it.play(100)
        assert it.rejected == []

    play(test, LOST, penalty=5)


def test_a_suspect_is_not_rejected_for_the_time_that_its_trial_takes():
    async def test(it: Scene) -> None:
        await asyncio.sleep(125)
        await it.play(20, ME, OTHER, suspects=(it.one.run_id,))
        assert it.rejected == []
        assert bool(it.runs) is (order(b"", (ME, OTHER))[0] == ME), "one of them tries"

    play(test, LOST, penalty=5)


def test_a_suspect_that_nobody_could_try_is_rejected_at_the_last_moment():
    async def test(it: Scene) -> None:
        await asyncio.sleep(125)
        await it.play(25, suspects=(it.one.run_id,))
        assert it.runs == []
        assert [reason for _, reason in it.rejected] == [Reason.SOURCE_FAILED]
        assert it.rejected[0][0] == pytest.approx(147, abs=1)

    play(test, "answer", penalty=5)


def test_poison_is_not_run_but_rejected():
    async def test(it: Scene) -> None:
        await it.play(20, avoid=(it.one.run_id,))
        assert it.runs == []
        assert it.rejected == [(0, Reason.POISONED)]

    play(test, "answer", penalty=5)


def test_an_answer_that_is_not_worth_its_gas_waits_is_counted_and_is_rejected_where_covered():
    async def test(it: Scene) -> None:
        await it.play(200)
        assert it.runs == []
        assert it.rejected == [(120, Reason.UNPROFITABLE)]
        assert it.metrics.registry.get_sample_value("linkpool_answers_unprofitable_total")

    play(test, "answer", penalty=5, purse=Purse(Wei(10**12), 1))


def test_it_is_answered_once_gas_is_cheap_again():
    async def test(it: Scene) -> None:
        asyncio.get_running_loop().call_later(30, setattr, it, "purse", Purse(Wei(10**12), None))
        await it.play(40)
        assert it.delivered[0] == pytest.approx(30, abs=1)

    play(test, "answer", purse=Purse(Wei(10**12), 1))


def test_a_jobs_confirmations_are_waited_for():
    async def test(it: Scene) -> None:
        await it.play(3.5)
        assert it.runs == [3]

    play(test, "answer", confirmations=4)
