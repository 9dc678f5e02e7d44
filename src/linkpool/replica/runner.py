"""From a request to the words for its callback: one job run, and whose fault it was when there are none.

The job's final `ethtx` is not sent as it stands. Its call of a fulfil function is read back into an answer,
so that the replica can batch it, price it, and send it again after a re-org.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from linkpool.contracts import oracle
from linkpool.contracts.abi import BadCalldata
from linkpool.contracts.oracle import Reason
from linkpool.errors import Temporary
from linkpool.jobs.bridges import Bridges
from linkpool.jobs.callbacks import Inbox
from linkpool.jobs.errors import Cause, TaskPermanent, TaskTemporary
from linkpool.jobs.once import made_up
from linkpool.jobs.run import RunResult, run
from linkpool.jobs.services import EthTx, Http, Services
from linkpool.jobs.spec import JobSpec
from linkpool.jobs.values import Value
from linkpool.jobs.variables import RequestLog, for_request
from linkpool.replica.answers import Answer
from linkpool.replica.calls import Calls
from linkpool.replica.requests import Request

SAMPLES = 100
Fulfilment = tuple[oracle.Answer, int | None]
"""What a job's `ethtx` would send, and the gas limit it gives."""

_NO_HASH = "0x" + "00" * 32
_REASONS = {
    Cause.OURS: Reason.SOURCE_FAILED,
    Cause.PARAMETERS: Reason.BAD_PARAMETERS,
    Cause.SOURCE_FAILED: Reason.SOURCE_FAILED,
    Cause.SOURCE_REFUSED: Reason.SOURCE_REFUSED,
}


@dataclass(frozen=True)
class Failure:
    """Why there is no answer. `ours`: a sibling may do better, so this replica does not reject at once."""

    reason: Reason
    text: str
    temporary: bool
    ours: bool


@dataclass(frozen=True)
class Outside:
    """What the process gives a runner: the ways to data sources."""

    http: Http
    bridges: Bridges
    callbacks: Inbox


class Runner:
    """Runs jobs for requests. Knows how long each job usually takes."""

    def __init__(
        self,
        outside: Outside,
        calls: Calls,
        chain_id: int,
        job: Callable[[bytes], JobSpec | None],
        send: Callable[[EthTx], Awaitable[str]],
    ) -> None:
        self._send = send
        self._services = Services(
            outside.http,
            outside.bridges,
            outside.callbacks,
            calls.call,
            calls.estimate,
            self._transact,
        )
        self._chain_id, self._job = chain_id, job
        self._seconds: dict[bytes, deque[float]] = defaultdict(lambda: deque(maxlen=SAMPLES))
        self._fulfilments: dict[str, Fulfilment] = {}

    def job(self, request: Request) -> JobSpec | None:
        """The job that a request asks for, if this replica's catalog has it."""
        return self._job(request.event.job)

    def p95(self, request: Request) -> float:
        """Seconds within which 95 of 100 runs of the request's job were done; 0 before the first."""
        seconds = sorted(self._seconds.get(request.event.job, ()))
        return seconds[int(len(seconds) * 0.95)] if seconds else 0.0

    async def answer(self, request: Request, seconds: float, *, again: bool = False) -> Answer | Failure:
        """Run the request's job once, for at most that long.

        `again`: it has its answer. This run has an id of its own, tells nothing of the job's usual time, and
        does not ask whether the job would serve the request today.
        """
        job = self.job(request)
        if job is None:
            known = f"no job has the id 0x{request.event.job.hex()} in this replica's catalog"
            return Failure(Reason.UNKNOWN_JOB, known, temporary=True, ours=True)
        if not again and (refusal := _refusal(job, request)):
            return Failure(Reason.BAD_PARAMETERS, refusal, temporary=False, ours=False)
        variables = for_request(job, _log(request), chain_id=self._chain_id)
        run_id = trial_id(request.identity) if again else request.run_id
        result, found = await self._run(job, variables, run_id, seconds)
        if not again:
            self._seconds[request.event.job].append(result.seconds)
        return _failure(result.error) if result.error else _read(job, request, found)

    async def try_out(self, job: JobSpec, seconds: float) -> Failure | None:
        """Run a job's own probe, for at most that long, and send nothing; why it failed, if it did."""
        variables, run_id = made_up(job, job.probe or {}, chain_id=self._chain_id), trial_id(job.spec_ids[0])
        result, found = await self._run(job, variables, run_id, seconds)
        if result.error:
            return _failure(result.error)
        return _unanswered(job) if found is None and job.type == "directrequest" else None

    async def _run(
        self, job: JobSpec, variables: Mapping[str, Value], run_id: str, seconds: float
    ) -> tuple[RunResult, Fulfilment | None]:
        """One run that sends nothing, and the answer that it would have sent."""
        deadline = asyncio.get_running_loop().time() + seconds
        services = self._services
        if job.type != "directrequest":
            services = replace(services, transact=_dropped)
        try:
            result = await run(job, variables, services, run_id=run_id, deadline=deadline)
            return result, self._fulfilments.get(run_id)
        finally:
            self._fulfilments.pop(run_id, None)

    async def perform(
        self, job: JobSpec, variables: Mapping[str, Value], run_id: str, seconds: float
    ) -> TaskTemporary | TaskPermanent | None:
        """Run a job that no request asked for, for at most that long; what it sends goes out as it stands."""
        deadline = asyncio.get_running_loop().time() + seconds
        services = replace(self._services, transact=self._send)
        return (await run(job, variables, services, run_id=run_id, deadline=deadline)).error

    async def _transact(self, transaction: EthTx) -> None:
        try:
            found = oracle.decode_fulfilment(transaction.data)
        except BadCalldata as error:
            raise TaskPermanent(str(error), Cause.OURS, transaction.task) from error
        self._fulfilments[transaction.run_id] = (found, transaction.gas_limit)


def trial_id(of: bytes) -> str:
    """The id of a run that answers nothing, of the shape that every run id has."""
    return sha256(b"trial " + of).hexdigest()[:32]


def _failure(error: TaskTemporary | TaskPermanent) -> Failure:
    ours = error.cause is Cause.OURS
    return Failure(_REASONS[error.cause], str(error), isinstance(error, Temporary), ours)


def _unanswered(job: JobSpec) -> Failure:
    text = f"job {job.name!r} ended without an ethtx that answers its request"
    return Failure(Reason.SOURCE_FAILED, text, temporary=False, ours=True)


def _read(job: JobSpec, request: Request, found: Fulfilment | None) -> Answer | Failure:
    if found is None:
        return _unanswered(job)
    fulfilment, gas = found
    if fulfilment.terms != request.terms:
        text = f"job {job.name!r} answers other terms than those of its request"
        return Failure(Reason.SOURCE_FAILED, text, temporary=False, ours=True)
    return Answer(request, fulfilment.data, max(gas or 0, job.gas_limit or 0, oracle.SINGLE_GAS))


async def _dropped(_: EthTx) -> str:
    return _NO_HASH


def _refusal(job: JobSpec, request: Request) -> str | None:
    """Why the job does not serve this request, before anything is run for it."""
    if job.requesters and request.event.requester not in job.requesters:
        return f"job {job.name!r} does not serve requester {request.event.requester}"
    if job.min_payment is not None and request.event.payment < job.min_payment:
        return f"job {job.name!r} asks for {job.min_payment} juels, {request.event.payment} were paid"
    if job.contract_address and job.contract_address != request.log.address:
        return f"job {job.name!r} serves {job.contract_address} only"
    return None


def _log(request: Request) -> RequestLog:
    log = request.log
    return RequestLog(log.address, log.topics, log.data, log.block_number, log.block_hash, log.tx_hash)
