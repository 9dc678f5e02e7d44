"""Jobs without a network: a fake source per URL, a chain that remembers, and runs in virtual time."""

import asyncio
import textwrap
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from linkpool.jobs.bridges import Bridge, Bridges
from linkpool.jobs.callbacks import Inbox
from linkpool.jobs.errors import TaskError
from linkpool.jobs.run import RunResult, run
from linkpool.jobs.services import (
    EthCall,
    EthTx,
    HttpReply,
    HttpRequest,
    Reverted,
    Services,
    Unreachable,
)
from linkpool.jobs.spec import JobSpec, parse_job
from tests.support import virtual_time

Answer = str | bytes | HttpReply | Exception | Callable[[HttpRequest], Awaitable[HttpReply]]
JOB_ID = "0eec7e1d-d0d2-476c-a1a8-72dfb6633f46"


@dataclass
class Sources:
    """Answers by URL: a text, a whole reply, an error to raise, or a coroutine function; `asked` in order."""

    answers: Mapping[str, Answer] = field(default_factory=dict)
    asked: list[HttpRequest] = field(default_factory=list)

    async def send(self, request: HttpRequest) -> HttpReply:
        self.asked.append(request)
        answer = self.answers.get(request.url)
        if answer is None:
            raise Unreachable(f"{request.url} cannot be reached")
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, str | bytes):
            return HttpReply(200, answer.encode() if isinstance(answer, str) else answer)
        return answer if isinstance(answer, HttpReply) else await _in_time(answer(request), request)


async def _in_time(answer: Awaitable[HttpReply], request: HttpRequest) -> HttpReply:
    try:
        async with asyncio.timeout(request.timeout):
            return await answer
    except TimeoutError:
        raise Unreachable(f"{request.url} gave no reply within {request.timeout:g} s") from None


def after(seconds: float, text: str, status: int = 200) -> Callable[[HttpRequest], Awaitable[HttpReply]]:
    """An answer that takes its time."""

    async def answer(_: HttpRequest) -> HttpReply:
        await asyncio.sleep(seconds)
        return HttpReply(status, text.encode())

    return answer


@dataclass
class Chain:
    """`calls` and `sent` in order; `returns` is what a call gives, or the error it raises."""

    returns: bytes | Exception = b""
    gas: int | Exception = 100_000
    calls: list[EthCall] = field(default_factory=list)
    sent: list[EthTx] = field(default_factory=list)

    async def call(self, call: EthCall) -> bytes:
        self.calls.append(call)
        if isinstance(self.returns, Exception):
            raise self.returns
        return self.returns

    async def estimate(self, call: EthCall) -> int:
        self.calls.append(call)
        if isinstance(self.gas, Exception):
            raise self.gas
        return self.gas

    async def transact(self, transaction: EthTx) -> str:
        self.sent.append(transaction)
        return "sent"


@dataclass
class World:
    """Everything a job can touch, all of it fake."""

    sources: Sources = field(default_factory=Sources)
    chain: Chain = field(default_factory=Chain)
    bridges: tuple[Bridge, ...] = ()
    inbox: Inbox = field(default_factory=lambda: Inbox("https://pool.example/callbacks"))

    def services(self) -> Services:
        return Services(
            http=self.sources,
            bridges=Bridges(self.sources, self.bridges),
            callbacks=self.inbox,
            call=self.chain.call,
            estimate=self.chain.estimate,
            transact=self.chain.transact,
        )


def job_of(graph: str, **fields: str) -> JobSpec:
    """A direct-request job around a graph; `fields` are TOML values by name."""
    head = {"type": '"directrequest"', "schemaVersion": "1", "externalJobID": f'"{JOB_ID}"', **fields}
    lines = [f"{name} = {value}" for name, value in head.items()]
    body = textwrap.dedent(graph).strip("\n")
    return parse_job("\n".join(lines) + f"\nobservationSource = '''\n{body}\n'''\n")


def run_job(
    job: JobSpec, world: World | None = None, *, seconds: float = 300.0, run_id: str = "run-1", **request: Any
) -> RunResult:
    """One run in virtual time; `request` becomes `jobRun`."""
    services = (world or World()).services()

    async def main() -> RunResult:
        deadline = asyncio.get_running_loop().time() + seconds
        return await run(job, {"jobSpec": {}, "jobRun": request}, services, run_id=run_id, deadline=deadline)

    return virtual_time.run(main())


def value_of(graph: str, world: World | None = None, **request: Any) -> Any:
    """The value of a graph's last task. Raises the TaskError that ended the run."""
    result = run_job(job_of(graph), world, **request)
    if result.error:
        raise result.error
    return result.value


def failure_of(graph: str, world: World | None = None, **request: Any) -> TaskError:
    """The error of a graph that must fail."""
    error = run_job(job_of(graph), world, **request).error
    assert error is not None, "the run succeeded"
    return error


def reverted(reason: str) -> Reverted:
    """What a contract's `require(false, reason)` looks like."""
    from eth_abi.abi import encode

    return Reverted("execution reverted", bytes.fromhex("08c379a0") + encode(["string"], [reason]))
