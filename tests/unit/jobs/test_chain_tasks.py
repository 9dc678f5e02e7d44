"""ethcall, estimategaslimit, ethtx: what reaches the chain's services."""

from typing import Any

import pytest

from linkpool.errors import Temporary
from linkpool.jobs.errors import Cause, JobError, TaskPermanent, TaskTemporary
from linkpool.jobs.run import run
from linkpool.jobs.services import EthCall, EthTx, Reverted
from tests.support import virtual_time
from tests.support.jobs import Chain, World, failure_of, job_of, reverted, run_job, value_of

ERROR = bytes.fromhex("08c379a0")
TO = "0x" + "11" * 20
CALL = f'c [type=ethcall contract="{TO}" data="0x01" {{more}}]'


def test_a_call_gives_its_bytes() -> None:
    chain = Chain(returns=b"\x05")
    more = f'from="{TO}" gas=1000 gasPrice=1 gasTipCap=2 gasFeeCap=3 block="0x10"'
    assert value_of(CALL.format(more=more), World(chain=chain)) == b"\x05"
    expected = EthCall(TO, b"\x01", sender=TO, gas=1000, gas_price=1, tip_cap=2, fee_cap=3, block="0x10")
    assert chain.calls == [expected]


@pytest.mark.parametrize(
    ("block", "expected"),
    [("latest", "latest"), ("Pending", "pending"), ("7", "0x7"), ("0x0A", "0xa"), ("", "latest")],
)
def test_blocks(block: str, expected: str) -> None:
    chain = Chain()
    value_of(CALL.format(more=f'block="{block}"'), World(chain=chain))
    assert chain.calls[0].block == expected


@pytest.mark.parametrize("bad", ["0xzz", "tomorrow", "-1", "1.5"])
def test_bad_blocks(bad: str) -> None:
    with pytest.raises(JobError, match="block"):
        job_of(CALL.format(more=f'block="{bad}"'))


def test_unlimited_gas() -> None:
    chain = Chain()
    value_of(CALL.format(more="gas=5 gasUnlimited=true"), World(chain=chain))
    assert chain.calls[0].gas is None


@pytest.mark.parametrize(
    ("more", "failure", "kind", "cause", "reason"),
    [
        ("", reverted("paused"), TaskPermanent, Cause.SOURCE_REFUSED, "execution reverted"),
        ("extractRevertReason=true", reverted("paused"), TaskPermanent, Cause.SOURCE_REFUSED, "paused"),
        ("extractRevertReason=true", Reverted("odd", b"\x01"), TaskPermanent, Cause.SOURCE_REFUSED, "odd"),
        (
            "extractRevertReason=true",
            Reverted("odd", ERROR + b"\xff" * 32),
            TaskPermanent,
            Cause.SOURCE_REFUSED,
            "odd",
        ),
        ("", Temporary("no endpoint answers"), TaskTemporary, Cause.OURS, "no endpoint"),
    ],
)
def test_failures(more: str, failure: Exception, kind: type, cause: Cause, reason: str) -> None:
    error = failure_of(CALL.format(more=more), World(chain=Chain(returns=failure)))
    assert (type(error), error.cause) == (kind, cause)
    assert reason in str(error)


def test_a_call_without_data_is_refused() -> None:
    assert "empty" in str(failure_of(f'c [type=ethcall contract="{TO}" data="$(jobRun.x)"]', x=b""))


@pytest.mark.parametrize(
    ("gas", "multiplier", "limit", "expected"),
    [
        (100_000, "1", None, 100_000),
        (100_001, "1.5", None, 150_001),
        (400_000, "2", None, 500_000),
        (100_000, "3", "200000", 200_000),
        (reverted("no"), "1", "300000", 300_000),
    ],
)
def test_estimates(gas: Any, multiplier: str, limit: str | None, expected: int) -> None:
    fields = {"gasLimit": limit} if limit else {}
    graph = f'e [type=estimategaslimit to="{TO}" data="0x01" multiplier="{multiplier}"]'
    assert run_job(job_of(graph, **fields), World(chain=Chain(gas=gas))).value == expected


def test_a_transaction_is_handed_over_whole() -> None:
    chain = Chain()
    graph = f"""t [type=ethtx to="$(jobRun.to)" data="$(jobRun.data)" gasLimit=300000 from="[\\"{TO}\\"]"
        txMeta=<{{"jobID": $(jobSpec.databaseID)}}> minConfirmations=0 failOnRevert=true evmChainID=137]"""
    job = job_of(graph)

    async def main() -> Any:
        variables = {
            "jobSpec": {"databaseID": 9, "evmChainID": "137"},
            "jobRun": {"to": TO, "data": "0xabcd"},
        }
        return await run(job, variables, World(chain=chain).services(), run_id="r", deadline=5000)

    assert virtual_time.run(main()).value == "sent"
    assert chain.sent == [
        EthTx(
            run_id="r",
            task="t",
            to=TO,
            data=b"\xab\xcd",
            gas_limit=300_000,
            senders=(TO,),
            meta={"jobID": 9},
            min_confirmations=0,
            fail_on_revert=True,
        )
    ]


@pytest.mark.parametrize(
    "task",
    [
        CALL,
        CALL.replace("ethcall contract", "estimategaslimit to"),
        CALL.replace("ethcall contract", "ethtx to"),
    ],
)
def test_another_chain_is_not_served_here(task: str) -> None:
    job = job_of(task.format(more="evmChainID=10"))
    chain = Chain()

    async def main() -> Any:
        variables = {"jobSpec": {"evmChainID": "137"}, "jobRun": {}}
        return await run(job, variables, World(chain=chain).services(), run_id="r", deadline=5000)

    error = virtual_time.run(main()).error
    assert (type(error), error.cause) == (TaskPermanent, Cause.OURS)
    assert "serves chain 137" in str(error)
    assert (chain.calls, chain.sent) == ([], [])


def test_the_jobs_gas_limit_is_the_default() -> None:
    chain = Chain()
    run_job(
        job_of(f'd [type=ethtx to="{TO}" data="0x01" from="{TO}"]', gasLimit="450000"), World(chain=chain)
    )
    assert (chain.sent[0].gas_limit, chain.sent[0].min_confirmations) == (450_000, None)
    assert chain.sent[0].senders == (TO,)


@pytest.mark.parametrize(
    "attributes",
    [
        'to="0x12" data="0x"',
        f'to="{TO}"',
        f'to="{TO}" data="0x" gasLimit="-1"',
        f'to="{TO}" data="0x" from="[1]"',
        f'to="{TO}" data="0x" failOnRevert=maybe',
        f'to="{TO}" data="0x" evmChainID=main',
    ],
)
def test_bad_transactions_are_refused_when_the_job_is_read(attributes: str) -> None:
    with pytest.raises(JobError):
        job_of(f"t [type=ethtx {attributes}]")
