"""A run's end as an answer or a failure with its culprit; a job's ethtx is read, never sent as it stands."""

from typing import Any

import pytest

from linkpool.contracts import oracle
from linkpool.contracts.oracle import Reason
from linkpool.jobs.bridges import Bridges
from linkpool.jobs.services import EthTx, HttpReply
from linkpool.jobs.spec import JobSpec
from linkpool.replica.answers import Answer
from linkpool.replica.requests import Request
from linkpool.replica.runner import Failure, Outside, Runner
from tests.support import virtual_time
from tests.support.jobs import Inbox, Sources, job_of
from tests.support.oracle_logs import REQUESTER, calldata, request, sends

pytestmark = pytest.mark.unit

NOBODY = "0x" + "77" * 20
SOURCE = 'ask [type=http url="http://a.example"]'


def ran(job: JobSpec | None, one: Request, answers: dict[str, Any] | None = None) -> Answer | Failure:
    """One run in virtual time; what the job sends goes nowhere."""
    sources, sent = Sources(answers or {}), []

    async def send(transaction: EthTx) -> str:
        sent.append(transaction)
        return ""

    calls: Any = type("Calls", (), {"call": None, "estimate": None})
    outside = Outside(sources, Bridges(sources), Inbox("https://pool.example"))
    runner = Runner(outside, calls, 1, lambda _: job, send)
    outcome = virtual_time.run(runner.answer(one, 60.0))
    assert sent == []
    return outcome


@pytest.mark.parametrize("function", ["fulfillOracleRequest", "fulfillOracleRequest2"])
def test_either_fulfil_function_is_read_into_the_same_answer(function):
    one = request(5)
    outcome = ran(job_of(sends(calldata(one, function))), one)
    assert outcome == Answer(one, one.event.request_id + (7).to_bytes(32), oracle.SINGLE_GAS)


def test_a_jobs_larger_gas_limit_is_kept():
    one = request(5)
    outcome = ran(job_of(sends(calldata(one)), gasLimit="900000"), one)
    assert isinstance(outcome, Answer)
    assert outcome.gas_limit == 900_000


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        (sends(calldata(request(5), payment=1)), "other terms"),
        (sends(calldata(request(6))), "other terms"),
        ('nothing [type=lowercase input="a"]', "without an ethtx"),
        (sends("0x12345678"), "12345678 is no fulfillOracleRequest"),
        (sends(calldata(request(5), word=bytes(32))), "first word"),
    ],
    ids=["terms", "another request", "no ethtx", "selector", "first word"],
)
def test_a_job_that_does_not_answer_its_request_is_our_fault_and_no_rejection(graph, said):
    outcome = ran(job_of(graph), request(5))
    assert isinstance(outcome, Failure)
    assert said in outcome.text
    assert outcome.ours


def test_an_unknown_job_may_come_with_the_next_catalog():
    assert ran(None, request(5)) == Failure(
        Reason.UNKNOWN_JOB,
        f"no job has the id 0x{(b'j' * 32).hex()} in this replica's catalog",
        temporary=True,
        ours=True,
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"requesters": f'["{NOBODY}"]'}, f"does not serve requester {REQUESTER}"),
        ({"minContractPaymentLinkJuels": '"100000000000000001"'}, "asks for 100000000000000001 juels"),
        ({"contractAddress": f'"{NOBODY}"'}, "only"),
    ],
    ids=["requester", "payment", "contract"],
)
def test_what_a_job_does_not_serve_is_refused_before_it_runs(fields, said):
    outcome = ran(job_of(SOURCE, **fields), request(5))
    assert isinstance(outcome, Failure)
    assert (outcome.reason, outcome.temporary, outcome.ours) == (Reason.BAD_PARAMETERS, False, False)
    assert said in outcome.text


@pytest.mark.parametrize(
    ("reply", "reason", "temporary"),
    [
        (HttpReply(503, b""), Reason.SOURCE_FAILED, True),
        (HttpReply(404, b""), Reason.SOURCE_REFUSED, False),
    ],
)
def test_a_sources_failure_has_its_reason(reply, reason, temporary):
    outcome = ran(job_of(SOURCE), request(5), {"http://a.example": reply})
    assert isinstance(outcome, Failure)
    assert (outcome.reason, outcome.temporary, outcome.ours) == (reason, temporary, False)
