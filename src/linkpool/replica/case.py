"""One request's way from open to ended, as this replica walks it.

    confirmed -> my turn -> worth its gas -> run the job -> answer on its way -> ended by the log

A case is one task. It ends by being cancelled when the log ends its request; until then whatever fails is
tried again inside the window. Beside it runs the insurance: a covered request that has no answer by 40 % of
its window is rejected, which costs the pool a reputation and not a penalty.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import structlog

from linkpool.chain.clock import ChainClock
from linkpool.chain.fees import FIRST_SHARE
from linkpool.contracts.oracle import Reason
from linkpool.replica.answers import Answer, Answers, NotSent
from linkpool.replica.caution import Caution
from linkpool.replica.duty import WINDOW, Pace, overdue_at, reject_at, reject_latest
from linkpool.replica.heads import Heads
from linkpool.replica.metrics import Metrics
from linkpool.replica.requests import Request
from linkpool.replica.roster import RosterBook
from linkpool.replica.runner import Failure, Runner
from linkpool.replica.trials import Trials
from linkpool.replica.turn import LOOK_AGAIN, Turn
from linkpool.replica.worth import Purse

log = structlog.get_logger(__name__)

SETTLE_BLOCKS = 3
"""Blocks after a mined answer in which its log must show; else the request wants a new answer."""

FIRST_BACKOFF = 1.0
MAX_BACKOFF = 30.0
POISONED = Failure(Reason.POISONED, "it killed who ran it: not run again", temporary=False, ours=False)


async def _nobody() -> None:
    """There is nobody to tell."""


@dataclass
class Tools:
    """What every case works with; one per replica."""

    clock: ChainClock
    heads: Heads
    roster: RosterBook
    turn: Turn
    trials: Trials
    runner: Runner
    answers: Answers
    metrics: Metrics
    purse: Callable[[], Purse]
    current: Callable[[Request], Request]
    in_hand: set[str] = field(default_factory=set)
    """Run ids being worked on now; heartbeats name them."""
    caution: Caution = field(default_factory=lambda: Caution(lifted=True))
    """Lets one run at a time through while this replica does not know whether one of them kills it."""
    told: Callable[[], Awaitable[None]] = _nobody
    """Returns when the control plane was told what is in hand, or cannot be."""

    @asynccontextmanager
    async def holding(self, run_id: str) -> AsyncIterator[None]:
        """Inside, the run is in hand."""
        held = run_id in self.in_hand
        self.in_hand.add(run_id)
        try:
            yield
        finally:
            if not held:
                self.in_hand.discard(run_id)

    @asynccontextmanager
    async def running(self, run_id: str) -> AsyncIterator[None]:
        """Inside, the run may go, and the control plane knows: should it kill this process, that shows."""
        async with self.trials.room(run_id) as tried, self.holding(run_id):
            await self.told()
            yield
        if tried:
            await self.told()


async def work(request: Request, tools: Tools) -> None:
    """Answer `request`, or reject it; returns when there is nothing left to do but wait for its end."""
    case = _Case(request, tools)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(case.answer())
        tasks.create_task(case.insure())


class _Case:
    def __init__(self, request: Request, tools: Tools) -> None:
        self._request, self._tools = request, tools
        self._failure: Failure | None = None
        self._hopeless = asyncio.Event()
        """No answer can be."""
        self._log = log.bind(run=request.run_id, request="0x" + request.event.request_id.hex())

    async def answer(self) -> None:
        """Try until the log ends the request, the window is too old, or no answer can be."""
        backoff = FIRST_BACKOFF
        while self._tools.answers.sendable(self._request):
            await self._tools.turn.mine(self._request, await self._confirmed(), self._pace())
            if not await self._affordable() or not await self._above_suspicion():
                continue
            async with self._tools.caution.alone(self._request):
                outcome = await self._run()
                if isinstance(outcome, Answer):
                    self._tools.metrics.runs.labels("answered").inc()
                    await self._deliver(outcome)
                    continue
            self._failure = outcome
            self._tools.metrics.runs.labels("temporary" if outcome.temporary else "permanent").inc()
            self._log.warning("no answer", reason=outcome.text, temporary=outcome.temporary)
            if not outcome.temporary and not outcome.ours:
                self._hopeless.set()
                return
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, MAX_BACKOFF)

    async def insure(self) -> None:
        """Reject a covered request at once when no answer can be, or in time when nobody answered it."""
        await self._confirmed()
        clock, expiration = self._tools.clock, self._request.event.expiration
        usual = reject_at(expiration, self._tools.turn.rank(self._request), self._pace(), clock.now())
        while not self._hopeless.is_set():
            waits = self._request.run_id in self._tools.roster.suspects  # for its trial, as long as can be
            moment = reject_latest(expiration, self._pace()) if waits else usual
            if (wait := moment - clock.now()) <= 0:
                break
            with suppress(TimeoutError):
                async with asyncio.timeout(min(wait, LOOK_AGAIN)):
                    await self._hopeless.wait()
        await self._reject()

    async def _confirmed(self) -> float:
        """Wait for the job's confirmations; returns the chain time at which they were due."""
        job = self._tools.runner.job(self._request)
        extra = max(job.min_confirmations - 1, 0) if job else 0
        await self._tools.heads.reach(self._request.log.block_number + extra)
        return self._request.made_at + extra * self._tools.clock.block_time

    def _pace(self) -> Pace:
        return Pace(self._tools.clock.block_time, self._tools.runner.p95(self._request))

    async def _affordable(self) -> bool:
        """Whether the stream would send at the next block's base fee; else waits for that block.

        A first send takes at most a share of what the answer is worth, at any time: what does not fit into
        that is unprofitable.
        """
        head, request = self._tools.heads.latest, self._tools.current(self._request)
        most = self._tools.purse().worth([request]) * FIRST_SHARE
        if head is None or head.base_fee is None or head.base_fee < most:
            return True
        self._tools.metrics.unprofitable.inc()
        self._failure = Failure(
            Reason.UNPROFITABLE, "gas costs more than the answer is worth", temporary=True, ours=False
        )
        await self._tools.heads.next()
        return False

    async def _above_suspicion(self) -> bool:
        """Whether it may be run; else, it may have killed this process so often that it is rejected first."""
        overdue = self._tools.clock.now() >= overdue_at(self._request.event.expiration)
        if self._tools.caution.lifted or not overdue or not self._tools.answers.rejectable(self._request):
            return True
        self._failure = POISONED
        self._hopeless.set()
        await self._tools.heads.next()
        return False

    async def _run(self) -> Answer | Failure:
        async with self._tools.running(self._request.run_id):
            if self._request.run_id in self._tools.roster.avoid:
                return POISONED
            left = self._request.event.expiration - self._tools.clock.now()
            return await self._tools.runner.answer(self._request, max(left, WINDOW / 10))

    async def _deliver(self, answer: Answer) -> None:
        try:
            async with self._tools.holding(self._request.run_id):
                await self._tools.answers.deliver(answer)
                mined = self._tools.heads.latest
                await self._tools.heads.reach((mined.number if mined else 0) + SETTLE_BLOCKS)
        except NotSent as error:
            self._log.info("answer did not land", reason=str(error))
            await self._tools.heads.next()

    async def _reject(self) -> None:
        """Reject, again and again until it landed, somebody else did, or it is too late to."""
        reason = self._failure.reason if self._failure else Reason.SOURCE_FAILED
        while self._tools.answers.rejectable(self._request):
            try:
                await self._tools.answers.reject(self._request, reason)
            except NotSent as error:
                self._log.warning("not rejected", reason=reason.name, error=str(error))
                await self._tools.heads.next()
            else:
                self._tools.metrics.rejections.labels(reason.name.lower()).inc()
                self._log.info("rejected", reason=reason.name)
                return
