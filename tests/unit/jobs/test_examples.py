"""Every job of examples/jobs, run with its sources faked, and its answer decoded as a contract would."""

import asyncio
import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import decode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from linkpool.jobs.bridges import Bridge
from linkpool.jobs.once import made_up_log
from linkpool.jobs.run import RunResult, run
from linkpool.jobs.services import HttpReply, HttpRequest
from linkpool.jobs.spec import JobSpec, parse_job
from linkpool.jobs.variables import RequestLog, for_request, for_tick, for_webhook
from tests.support import virtual_time
from tests.support.jobs import Answer, Sources, World, after

EXAMPLES = Path(__file__).parents[3] / "examples" / "jobs"
ADAPTER = "http://adapter.internal/"


@dataclass
class Example:
    """What the sources say, what the requester sends, and the words that the callback gets."""

    answers: Mapping[str, Answer]
    request: dict[str, Any] = field(default_factory=dict)
    types: tuple[str, ...] = ("uint256",)
    words: tuple[Any, ...] = ()


ANSWERED = {
    "single-word": Example(
        {"https://api.example/price": '{"data": {"USD": 1234.56789}}'},
        {"get": "https://api.example/price", "path": "data,USD", "times": 100},
        words=(123456,),
    ),
    "bytes": Example(
        {"https://api.example/hash": '{"data": {"hash": "0xdeadbeef"}}'},
        {"get": "https://api.example/hash", "path": ["data", "hash"]},
        ("bytes",),
        (b"\xde\xad\xbe\xef",),
    ),
    "string": Example(
        {"https://api.example/team": '{"winner": "ÉQUIPE"}'},
        {"get": "https://api.example/team", "path": "winner"},
        ("string",),
        ("équipe",),
    ),
    "several-words": Example(
        {"https://prices.example/eth": '{"USD": 1, "EUR": 0.905, "JPY": 1.5e2}'},
        types=("uint256", "uint256", "uint256"),
        words=(100, 90, 15000),
    ),
    "bridge": Example(
        {ADAPTER: '{"jobRunID": "x", "data": {"result": -0.5}, "result": -0.5, "statusCode": 200}'},
        {"coin": "ETH"},
        ("int256",),
        (-50_000_000,),
    ),
    "median": Example(
        {
            "https://one.example/eth-usd": '{"price": "2000.5"}',
            "https://two.example/v1?pair=ETHUSD": after(60, ""),
            "https://three.example/query": '{"data": [{"value": 0}, {"value": 2001}]}',
        },
        words=(200_075_000_000,),
    ),
}


def read(name: str) -> JobSpec:
    job = parse_job((EXAMPLES / f"{name}.toml").read_text())
    assert job.notes == ()
    return job


def running(job: JobSpec, world: World, variables: dict[str, Any]) -> RunResult:
    async def main() -> RunResult:
        deadline = asyncio.get_running_loop().time() + 300
        return await run(job, variables, world.services(), run_id="run", deadline=deadline)

    return virtual_time.run(main())


def callback(world: World, log: RequestLog, types: tuple[str, ...]) -> tuple[Any, ...]:
    """The values that the transaction of a direct request hands to the requester's callback."""
    (transaction,) = world.chain.sent
    assert transaction.to == log.address
    signature = b"fulfillOracleRequest2(bytes32,uint256,address,bytes4,uint256,bytes)"
    assert transaction.data[:4] == keccak(signature)[:4] == bytes.fromhex("6ae0bc76")
    shape = ["bytes32", "uint256", "address", "bytes4", "uint256", "bytes"]
    asked = decode(["address", "bytes32", "uint256", "address", "bytes4", "uint256"], log.data)
    *echo, data = decode(shape, transaction.data[4:])
    assert tuple(echo) == asked[1:]
    request_id, *words = decode(["bytes32", *types], data)
    assert request_id == asked[1]
    return tuple(words)


def bridges() -> tuple[Bridge, ...]:
    return tuple(Bridge(name, (ADAPTER,)) for name in ("prices", "lab", "archive"))


@pytest.mark.parametrize("name", ANSWERED)
def test_a_direct_request_is_answered(name: str) -> None:
    example, job = ANSWERED[name], read(name)
    world = World(Sources(example.answers), bridges=bridges())
    log = made_up_log(job, example.request)
    result = running(job, world, for_request(job, log, chain_id=1))
    assert result.error is None
    assert callback(world, log, example.types) == example.words


def test_an_asynchronous_adapter_calls_back() -> None:
    async def measure(request: HttpRequest) -> HttpReply:
        body = json.loads(request.body or b"")
        assert body["meta"]["oracleRequest"]["payment"] == "1000000000000000000"
        assert body["responseURL"].endswith("/lab/run/measure")
        asyncio.get_running_loop().call_later(
            100, world.inbox.deliver, "run", "measure", b'{"value": {"reading": 1.25}}'
        )
        return HttpReply(200, b'{"pending": true}')

    job = read("async-bridge")
    world = World(Sources({ADAPTER: measure}), bridges=bridges())
    log = made_up_log(job, {"sample": "a"})
    result = running(job, world, for_request(job, log, chain_id=1))
    assert result.error is None
    assert result.seconds == pytest.approx(100)
    assert callback(world, log, ("uint256",)) == (1250,)


def test_the_median_bears_one_failing_source_and_no_more() -> None:
    job, example = read("median"), ANSWERED["median"]
    down = dict.fromkeys(
        ["https://one.example/eth-usd", "https://two.example/v1?pair=ETHUSD"], HttpReply(500, b"")
    )
    world = World(Sources({**example.answers, **down}))
    result = running(job, world, for_request(job, made_up_log(job, {}), chain_id=1))
    assert result.error is not None
    assert world.chain.sent == []


def test_an_empty_text_stands_in_where_the_path_leads_nowhere() -> None:
    job = read("string")
    world = World(Sources({"https://api.example/team": "{}"}))
    log = made_up_log(job, {"get": "https://api.example/team", "path": "winner"})
    assert running(job, world, for_request(job, log, chain_id=1)).error is None
    assert callback(world, log, ("string",)) == ("",)


def test_the_cron_job_sends_its_transaction() -> None:
    job = read("cron")
    assert job.schedule is not None
    world = World(Sources({"https://markets.example/close": '{"day": 20260105, "close": "187.25"}'}))
    assert running(job, world, for_tick(job, chain_id=1)).error is None
    (transaction,) = world.chain.sent
    assert transaction.data[:4] == keccak(b"setClose(uint256,uint256)")[:4]
    assert decode(["uint256", "uint256"], transaction.data[4:]) == (20260105, 18725)
    assert transaction.min_confirmations == 2


@pytest.mark.parametrize(("celsius", "reported"), [("21.5", True), ("61", False), ("-50", False)])
def test_the_webhook_reports_what_is_plausible(celsius: str, reported: bool) -> None:
    job = read("webhook")
    world = World(Sources({ADAPTER: "{}"}), bridges=bridges())
    body = f'{{"sensor": "roof", "celsius": {celsius}}}'.encode()
    result = running(job, world, for_webhook(job, body, chain_id=1))
    assert (result.error is None) == reported
    bodies = [json.loads(request.body or b"", parse_float=Decimal)["data"] for request in world.sources.asked]
    assert bodies == ([{"sensor": "roof", "celsius": Decimal(celsius)}] if reported else [])


def test_no_example_is_left_out() -> None:
    names = {path.stem for path in EXAMPLES.glob("*.toml")}
    assert names == {*ANSWERED, "async-bridge", "cron", "webhook"}


@given(st.binary(max_size=200))
def test_no_log_data_crashes_a_job(data: bytes) -> None:
    job = read("single-word")
    log = made_up_log(job, {"get": "https://api.example/price"})
    hostile = dataclasses.replace(log, data=data)
    assert running(job, World(), for_request(job, hostile, chain_id=1)).error is not None


_wild = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**300) | st.text(max_size=20) | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.fixed_dictionaries({}, optional={"get": _wild, "path": _wild, "times": _wild}), st.binary(max_size=60)
)
def test_no_parameters_and_no_reply_crash_a_job(request: dict[str, Any], reply: bytes) -> None:
    job = read("single-word")
    world = World(Sources({"https://api.example/price": reply}))
    log = made_up_log(job, {"get": "https://api.example/price", **request})
    result = running(job, world, for_request(job, log, chain_id=1))
    assert (result.error is None) == (len(world.chain.sent) == 1)
