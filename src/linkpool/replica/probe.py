"""Whether this replica computes what its node is asked: the last answers once more, and nothing is sent.

Values are compared with nothing, because data sources move on; there has to be one, and the contract has to
take it: the answer is simulated on the state of the block before the real one, where an endpoint still has
it. A node without answers in the last hour runs the probes that its jobs bring (`[probe]` in their text).

What fails by a fault of ours fails the probe. What a source or a requester is to blame for does not, unless
nothing else succeeds: anybody may ask for what a source no longer gives, and that must not stop an upgrade.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog

from linkpool.chain.rpc import EndpointTrouble, Refusal, Reverted, Rpc
from linkpool.chain.simulate import simulate
from linkpool.contracts import oracle
from linkpool.jobs.spec import JobSpec
from linkpool.replica.answered import Answered, LastAnswers
from linkpool.replica.answers import Answer
from linkpool.replica.catalog import CatalogBook
from linkpool.replica.runner import Failure, Runner
from linkpool.wire.agent import Probed

log = structlog.get_logger(__name__)
T = TypeVar("T")

ANSWERS = 3
AT_ONCE = 3
"""Runs side by side: requests that come meanwhile are not held up."""

RUN_SECONDS = 20.0
"""For one run and its repetitions."""

PROBE_SECONDS = 60.0
"""For all of a probe, the wait for logs and catalog included."""

RETRY_SECONDS = 2.0
MAX_DETAIL = 500
KEEP = 16
"""Outcomes kept, to be told again to a leader that missed one."""

Tell = Callable[[Probed], Awaitable[None]]


@dataclass(frozen=True)
class Check:
    """One run. `trouble`: why it failed, and if that is ours; `unsimulated`: why only its value was seen."""

    what: str
    trouble: str | None = None
    ours: bool = False
    unsimulated: str | None = None


class Prober:
    """Probes when asked, one after the other. `sender`: the address that answers `target`."""

    def __init__(
        self,
        rpc: Rpc,
        runner: Runner,
        catalog: CatalogBook,
        answers: LastAnswers,
        *,
        sender: str,
        target: str,
        synced: asyncio.Event,
    ) -> None:
        self._rpc, self._runner, self._catalog, self._answers = rpc, runner, catalog, answers
        self._sender, self._contract, self._synced = sender, oracle.Oracle(target), synced
        self._asked: asyncio.Queue[tuple[str, Tell]] = asyncio.Queue()
        self._found: dict[str, Probed] = {}
        self._places = asyncio.Semaphore(AT_ONCE)

    def ask(self, probe_id: str, tell: Tell) -> None:
        """Probe when the ones before are done, and tell; one that was asked before is only told again."""
        self._asked.put_nowait((probe_id, tell))

    async def run(self) -> None:
        """Probe until cancelled."""
        while True:
            probe_id, tell = await self._asked.get()
            if probe_id not in self._found:
                self._found[probe_id] = found = await self._probe(probe_id)
                log.info("probed", ok=found.ok, checked=found.checked, detail=found.detail)
            while len(self._found) > KEEP:
                del self._found[next(iter(self._found))]
            await tell(self._found[probe_id])

    async def _probe(self, probe_id: str) -> Probed:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await self._synced.wait()
                await self._catalog.known.wait()
                return _report(probe_id, await self._checks())
        except TimeoutError:
            detail = f"not done within {PROBE_SECONDS:.0f} s"
        except Exception as error:
            # Whatever this release cannot do ends its probe, not the process, which may well be serving.
            log.exception("probe failed")
            detail = f"{type(error).__name__}: {error}"
        return Probed(id=probe_id, ok=False, detail=detail[:MAX_DETAIL])

    async def _checks(self) -> list[Check]:
        known = [one for one in self._answers.newest_first if self._runner.job(one.request)]
        if known:
            return await asyncio.gather(*map(self._recompute, known[:ANSWERS]))
        jobs = [job for job in self._catalog.jobs if job.probe is not None]
        return await asyncio.gather(*map(self._try_out, jobs))

    async def _recompute(self, answered: Answered) -> Check:
        request = answered.request
        what = f"request 0x{request.event.request_id.hex()[:8]}"
        outcome = await self._run(lambda seconds: self._runner.answer(request, seconds, again=True))
        if isinstance(outcome, Failure):
            return Check(what, trouble=outcome.text, ours=outcome.ours)
        return await self._simulate(what, outcome, answered.block - 1)

    async def _try_out(self, job: JobSpec) -> Check:
        what = f"job {job.name!r}"
        failure = await self._run(lambda seconds: self._runner.try_out(job, seconds))
        if failure:
            return Check(what, trouble=failure.text, ours=failure.ours)
        return Check(what, unsimulated="nobody asked for it on chain")

    async def _run(self, run: Callable[[float], Awaitable[T | Failure]]) -> T | Failure:
        """Run until it succeeds, fails for good, or its time is over."""
        async with self._places:
            loop = asyncio.get_running_loop()
            end = loop.time() + RUN_SECONDS
            while True:
                outcome = await run(end - loop.time())
                again = isinstance(outcome, Failure) and outcome.temporary
                if not again or loop.time() + RETRY_SECONDS >= end:
                    return outcome
                await asyncio.sleep(RETRY_SECONDS)

    async def _simulate(self, what: str, answer: Answer, block: int) -> Check:
        """Hand the answer to the contract as it was in `block`, where the request was still open."""
        row = oracle.Answer(answer.request.terms, answer.data)
        call = {
            "from": self._sender,
            "to": self._contract.address,
            "data": "0x" + self._contract.fulfill(row).data.hex(),
            "gas": hex(answer.gas_limit),
        }
        try:
            await simulate(self._rpc, call, block=hex(block))
        except Reverted as revert:
            return Check(what, trouble=f"would revert in block {block}: {revert.reason}", ours=True)
        except (Refusal, EndpointTrouble) as error:
            return Check(what, unsimulated=f"no state of block {block}: {error}")
        return Check(what)


def _report(probe_id: str, checks: Sequence[Check]) -> Probed:
    """What was found, in one line."""
    failed = sorted((check for check in checks if check.trouble is not None), key=lambda one: not one.ours)
    passed = [check for check in checks if check.trouble is None]
    unsimulated = [check for check in passed if check.unsimulated]
    said = [f"{check.what}: {check.trouble}" for check in failed]
    if passed:
        names = ", ".join(check.what for check in passed)
        said.append(f"recomputed {names}, {len(passed) - len(unsimulated)} simulated")
    said += [f"{check.what} not simulated: {check.unsimulated}" for check in unsimulated[:1]]
    detail = "; ".join(said) or "nothing to recompute: no answer in the last hour, and no job brings a probe"
    ok = not any(check.ours for check in failed) and bool(passed or not failed)
    return Probed(id=probe_id, ok=ok, detail=detail[:MAX_DETAIL], checked=len(passed))
