"""The bridge task: what the adapter is asked, what its answers mean, the cache, and callbacks."""

import asyncio
import json
from typing import Any

import pytest

from linkpool.jobs.bridges import Bridge
from linkpool.jobs.errors import BadValue, Cause, JobError, TaskPermanent, TaskTemporary
from linkpool.jobs.run import RunResult, run
from linkpool.jobs.services import Cache, HttpReply, HttpRequest, Oversized, Private
from tests.support import virtual_time
from tests.support.jobs import Answer, Sources, World, after, failure_of, job_of, run_job, value_of

URL = "http://adapter.internal:8080/"
GOOD = '{"jobRunID": "1", "data": {"result": 5}, "result": 5, "statusCode": 200}'


def world_with(answer: Answer, **settings: Any) -> World:
    return World(Sources({URL: answer}), bridges=(Bridge("prices", (URL,), **settings),))


def asked(graph: str, world: World | None = None, **request: Any) -> tuple[HttpRequest, Any]:
    """The one request that a graph makes, and its body."""
    world = world or world_with(GOOD)
    value_of(graph, world, **request)
    sent = world.sources.asked[0]
    assert sent.body is not None
    return sent, json.loads(sent.body)


def test_the_question() -> None:
    graph = """
    i [type=memo value=7]
    b [type=bridge name=prices requestData=<{"data": {"coin": $(jobRun.coin)}}> includeInputAtKey=extra]
    i -> b
    """
    meta = {"oracleRequest": {"payment": "1"}}
    sent, body = asked(graph, world_with(GOOD, token="s3cret-token"), coin="ETH", meta=meta)
    assert body == {"id": "run-1", "data": {"coin": "ETH"}, "extra": 7, "meta": meta}
    assert (sent.method, sent.redirects, sent.private) == ("POST", 0, Private.ALWAYS)
    assert dict(sent.headers) == {
        "Content-Type": "application/json",
        "Authorization": "Bearer s3cret-token",
    }


def test_a_question_may_have_its_own_id_and_no_data() -> None:
    assert asked("b [type=bridge name=prices]")[1] == {"id": "run-1"}
    assert asked('b [type=bridge name=prices requestData=<{"id": "mine"}>]')[1] == {"id": "mine"}


def test_the_answer_is_the_body_as_a_text() -> None:
    assert value_of("b [type=bridge name=prices]", world_with(GOOD)) == GOOD
    assert value_of("b [type=bridge name=prices]", world_with("plain")) == "plain"


@pytest.mark.parametrize(
    ("reply", "kind", "cause", "reason"),
    [
        (HttpReply(500, b"x"), TaskTemporary, Cause.SOURCE_FAILED, "500"),
        (HttpReply(302, b""), TaskTemporary, Cause.SOURCE_FAILED, "302"),
        (HttpReply(400, b'{"error": "bad coin"}'), TaskPermanent, Cause.SOURCE_REFUSED, "bad coin"),
        ('{"error": "upstream"}', TaskTemporary, Cause.SOURCE_FAILED, "upstream"),
        ('{"error": {"name": "AdapterError", "message": "m"}}', TaskTemporary, Cause.SOURCE_FAILED,
         "AdapterError: m"),
        ('{"error": {"odd": 1}, "statusCode": 200}', TaskTemporary, Cause.SOURCE_FAILED, "odd"),
        ('{"errorMessage": "em"}', TaskTemporary, Cause.SOURCE_FAILED, "em"),
        ('{"statusCode": 422, "error": "no such coin"}', TaskPermanent, Cause.SOURCE_REFUSED, "no such coin"),
        ('{"statusCode": 500}', TaskTemporary, Cause.SOURCE_FAILED, "500"),
        ('{"statusCode": 200, "providerStatusCode": 404}', TaskPermanent, Cause.SOURCE_REFUSED, "404"),
        ('{"providerStatusCode": 502}', TaskTemporary, Cause.SOURCE_FAILED, "502"),
        ('{"statusCode": 429}', TaskTemporary, Cause.SOURCE_FAILED, "429"),
    ],
)  # fmt: skip
def test_errors_that_adapters_report(reply: Answer, kind: type, cause: Cause, reason: str) -> None:
    error = failure_of("b [type=bridge name=prices]", world_with(reply))
    assert (type(error), error.cause) == (kind, cause)
    assert reason in str(error)


@pytest.mark.parametrize(
    "body",
    [
        '{"statusCode": 200, "error": null}',
        '{"statusCode": 200, "error": ""}',
        '{"statusCode": "500"}',
        "[1]",
        "null",
        '{"providerStatusCode": null}',
    ],
)
def test_what_looks_like_an_error_and_is_none(body: str) -> None:
    assert value_of("b [type=bridge name=prices]", world_with(body)) == body


def test_an_oversized_answer_will_not_shrink() -> None:
    error = failure_of("b [type=bridge name=prices]", world_with(Oversized("too much")))
    assert (type(error), error.cause) == (TaskPermanent, Cause.SOURCE_FAILED)


def test_an_unknown_bridge_is_ours_and_may_come() -> None:
    error = failure_of("b [type=bridge name=other]", world_with(GOOD))
    assert (type(error), error.cause) == (TaskTemporary, Cause.OURS)
    assert "prices" in str(error)


def test_the_name_is_not_the_requesters_to_choose() -> None:
    with pytest.raises(JobError, match="fixed"):
        job_of('b [type=bridge name="$(jobRun.x)"]')


def test_the_bridges_own_timeout_counts_unless_the_task_says_otherwise() -> None:
    slow = world_with(after(3, GOOD), timeout=2.0)
    assert isinstance(failure_of("b [type=bridge name=prices]", slow), TaskTemporary)
    assert value_of('b [type=bridge name=prices timeout="4s"]', slow) == GOOD


def run_twice(graph: str, answers: list[Answer], pause: float, requests: list[dict[str, Any]]) -> RunResult:
    """Two runs with the same services, `pause` seconds apart; the second one's result."""
    job, world = job_of(graph), world_with(answers[0])
    services = world.services()

    async def main() -> RunResult:
        loop = asyncio.get_running_loop()
        last = None
        for number, (answer, request) in enumerate(zip(answers, requests, strict=True)):
            await asyncio.sleep(pause * number)
            world.sources.answers = {URL: answer}
            variables = {"jobSpec": {}, "jobRun": request}
            deadline = loop.time() + 60
            last = await run(job, variables, services, run_id=f"run-{number}", deadline=deadline)
        assert last is not None
        return last

    return virtual_time.run(main())


CACHED = 'b [type=bridge name=prices cacheTTL="30s" requestData=<{"coin": $(jobRun.coin)}>]'
BROKEN = HttpReply(502, b"bad gateway")
ETH, BTC = {"coin": "ETH"}, {"coin": "BTC"}


def test_a_cached_answer_stands_in_for_a_failure() -> None:
    assert run_twice(CACHED, [GOOD, BROKEN], 29, [ETH, ETH]).value == GOOD


def test_a_cached_answer_ages() -> None:
    assert isinstance(run_twice(CACHED, [GOOD, BROKEN], 31, [ETH, ETH]).error, TaskTemporary)


def test_a_cached_answer_is_for_the_same_question_only() -> None:
    assert isinstance(run_twice(CACHED, [GOOD, BROKEN], 1, [ETH, BTC]).error, TaskTemporary)


def test_a_cached_answer_does_not_hide_a_better_one() -> None:
    assert run_twice(CACHED, [GOOD, '{"result": 6}'], 1, [ETH, ETH]).value == '{"result": 6}'


def test_without_a_ttl_nothing_is_kept() -> None:
    plain = CACHED.replace('cacheTTL="30s"', "")
    assert isinstance(run_twice(plain, [GOOD, BROKEN], 1, [ETH, ETH]).error, TaskTemporary)


def test_the_cache_is_bounded_in_number_and_size() -> None:
    cache = Cache(entries=3, size=100)
    for number in range(5):
        cache.put(number, "x" * 10, now=0.0)
    assert [cache.get(number, 1, 0.0) is not None for number in range(5)] == [False, False, True, True, True]
    cache.put(4, "y" * 90, now=0.0)
    assert [cache.get(number, 1, 0.0) is not None for number in (2, 3, 4)] == [False, True, True]
    cache.put(5, "z" * 101, now=0.0)
    assert all(cache.get(number, 1, 0.0) is None for number in range(6))


ASYNC = "b [type=bridge name=prices async=true {more}] m [type=memo] b -> m"
PENDING: list[Answer] = ['{"pending": true}', HttpReply(200, b"", {"x-chainlink-pending": "true"})]


@pytest.mark.parametrize("pending", PENDING)
@pytest.mark.parametrize("delay", [0.0, 100.0])
def test_an_asynchronous_answer_comes_by_callback(pending: Answer, delay: float) -> None:
    world = world_with(pending)
    services = world.services()

    async def main() -> RunResult:
        loop = asyncio.get_running_loop()
        work = asyncio.create_task(
            run(job_of(ASYNC.format(more="")), {}, services, run_id="r", deadline=loop.time() + 300)
        )
        await asyncio.sleep(delay)
        while not world.sources.asked:
            await asyncio.sleep(0)
        body = json.loads(world.sources.asked[0].body or b"")
        assert body["responseURL"] == "https://pool.example/callbacks/prices/r/b"
        assert not world.inbox.deliver("r", "other", b'{"value": 1}')
        assert world.inbox.deliver("r", "b", b'{"value": {"price": 1.25}}')
        assert not world.inbox.deliver("r", "b", b'{"value": 2}')
        return await work

    value = virtual_time.run(main()).value
    assert json.loads(json.dumps(value, default=str)) == {"price": "1.25"}


def test_a_callback_may_come_before_the_reply_to_the_question() -> None:
    async def eager(request: HttpRequest) -> HttpReply:
        assert world.inbox.deliver("run-1", "b", b'{"value": "early"}')
        return HttpReply(200, b'{"pending": true}')

    world = world_with(eager)
    assert value_of(ASYNC.format(more=""), world) == "early"


@pytest.mark.parametrize("body", [b"", b"5", b"{}", b'{"value": 1, "error": "x"}', b"\xff", b'{"values": 1}'])
def test_a_callback_that_is_neither_is_refused_and_may_come_again(body: bytes) -> None:
    async def clumsy(request: HttpRequest) -> HttpReply:
        with pytest.raises(BadValue):
            world.inbox.deliver("run-1", "b", body)
        assert world.inbox.deliver("run-1", "b", b'{"value": null}')
        return HttpReply(200, b'{"pending": true}')

    world = world_with(clumsy)
    assert value_of(ASYNC.format(more=""), world) is None


@pytest.mark.parametrize("answer", [GOOD, "plain"])
def test_an_asynchronous_bridge_may_answer_at_once(answer: str) -> None:
    assert value_of(ASYNC.format(more=""), world_with(answer)) == answer


def test_a_callback_may_bring_an_error() -> None:
    async def failing(request: HttpRequest) -> HttpReply:
        world.inbox.deliver("run-1", "b", b'{"error": "no data today"}')
        return HttpReply(200, b'{"pending": true}')

    world = world_with(failing)
    error = failure_of(ASYNC.format(more=""), world)
    assert (type(error), error.cause) == (TaskTemporary, Cause.SOURCE_FAILED)
    assert "no data today" in str(error)


@pytest.mark.parametrize(("more", "seconds"), [('timeout="20s"', 20), ("", 300)])
def test_a_callback_that_never_comes_ends_with_the_task_or_the_run(more: str, seconds: float) -> None:
    world = world_with('{"pending": true}')
    result = run_job(job_of(ASYNC.format(more=more)), world)
    assert isinstance(result.error, TaskTemporary)
    assert result.seconds == pytest.approx(seconds)
    assert not world.inbox.deliver("run-1", "b", b'{"value": 1}')
