"""The http task: what it sends, whose fault each failure is, and where it may go."""

import json
from typing import Any

import pytest

from linkpool.jobs.errors import Cause, JobError, TaskPermanent, TaskTemporary
from linkpool.jobs.services import Forbidden, HttpReply, HttpRequest, Oversized, Private, Unreachable
from tests.support.jobs import Sources, World, after, failure_of, job_of, value_of

URL = "http://source.example/x"


def asked(graph: str, **request: Any) -> HttpRequest:
    """The one request that a graph makes."""
    sources = Sources({URL: "ok"})
    assert value_of(graph, World(sources), **request) == "ok"
    assert len(sources.asked) == 1
    return sources.asked[0]


def test_the_plain_request() -> None:
    request = asked(f'f [type=http url="{URL}"]')
    assert (request.method, request.url, request.body) == ("GET", URL, None)
    assert request.max_bytes == 32_768
    assert request.timeout == 15


def test_data_headers_and_method() -> None:
    graph = f"""f [type=HTTP Method=post URL="{URL}" headers=<["X-Key", "k", "Accept", "a/b"]>
        requestData=<{{"a": $(jobRun.n), "b": [$(jobRun.x)], "c": 1.50}}>]"""
    request = asked(graph, n="deep", x=b"\x01\xff")
    assert request.method == "POST"
    assert request.body == b'{"a":"deep","b":["0x01ff"],"c":1.50}'
    assert dict(request.headers) == {"X-Key": "k", "Accept": "a/b", "Content-Type": "application/json"}


def test_the_job_may_name_its_own_content_type() -> None:
    request = asked(f'f [type=http url="{URL}" headers=<["content-type", "text/plain"]>]')
    assert request.headers == (("content-type", "text/plain"),)


@pytest.mark.parametrize(
    ("attributes", "private"),
    [
        (f'url="{URL}"', Private.FIRST),
        (f'url="{URL}" allowUnrestrictedNetworkAccess=false', Private.NEVER),
        (f'url="{URL}" allowUnrestrictedNetworkAccess=true', Private.ALWAYS),
        ('url="$(jobRun.u)"', Private.NEVER),
        ('url="$(jobRun.u)" allowunrestrictednetworkaccess="true"', Private.ALWAYS),
    ],
)
def test_where_it_may_go(attributes: str, private: Private) -> None:
    assert asked(f"f [type=http {attributes}]", u=URL).private is private


@pytest.mark.parametrize(
    ("status", "kind", "cause"),
    [
        (304, TaskTemporary, Cause.SOURCE_FAILED),
        (400, TaskPermanent, Cause.SOURCE_REFUSED),
        (404, TaskPermanent, Cause.SOURCE_REFUSED),
        (408, TaskTemporary, Cause.SOURCE_FAILED),
        (429, TaskTemporary, Cause.SOURCE_FAILED),
        (500, TaskTemporary, Cause.SOURCE_FAILED),
        (503, TaskTemporary, Cause.SOURCE_FAILED),
        (599, TaskTemporary, Cause.SOURCE_FAILED),
    ],
)
def test_statuses(status: int, kind: type, cause: Cause) -> None:
    reply = HttpReply(status, b'{"error": "the reason"}')
    error = failure_of(f'f [type=http url="{URL}"]', World(Sources({URL: reply})))
    assert type(error) is kind
    assert error.cause is cause
    assert str(status) in str(error)
    assert "the reason" in str(error)


@pytest.mark.parametrize(
    ("failure", "kind", "cause"),
    [
        (Unreachable("no route"), TaskTemporary, Cause.SOURCE_FAILED),
        (Oversized("too much"), TaskPermanent, Cause.SOURCE_FAILED),
        (Forbidden("private"), TaskPermanent, Cause.SOURCE_REFUSED),
    ],
)
def test_failures_of_the_network(failure: Exception, kind: type, cause: Cause) -> None:
    error = failure_of(f'f [type=http url="{URL}"]', World(Sources({URL: failure})))
    assert (type(error), error.cause) == (kind, cause)


def test_a_requester_who_sends_it_inward_is_at_fault() -> None:
    world = World(Sources({URL: Forbidden("leads to a private address")}))
    error = failure_of('f [type=http url="$(jobRun.u)"]', world, u=URL)
    assert (type(error), error.cause) == (TaskPermanent, Cause.PARAMETERS)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "example.com",
        "ftp://x/",
        "file:///etc/passwd",
        "http://",
        "http:///x",
        "http://a b/",
        "http://a/\r\nHost: b",
        "http://x:99999/",
        "http://[::1",
        "javascript:1",
        "http://" + "a" * 9000,
        5,
        None,
    ],
)
def test_bad_urls_of_a_requester(bad: Any) -> None:
    error = failure_of('f [type=http url="$(jobRun.u)"]', World(Sources({})), u=bad)
    assert (type(error), error.cause) == (TaskPermanent, Cause.PARAMETERS)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ('url="nowhere"', "not a URL"),
        ("", "needs url"),
        (f'url="{URL}" method="GET X"', "method"),
        (f'url="{URL}" method=CONNECT', "method"),
        (f'url="{URL}" headers=<["one"]>', "pairs"),
        (f'url="{URL}" headers=<["a b", "c"]>', "not a header"),
        (f'url="{URL}" headers=<["a", "b\\r\\nc: d"]>', "not a header"),
        (f'url="{URL}" requestData="[1]"', "not an object"),
        (f'url="{URL}" requestData="{{"', "not JSON"),
        (f'url="{URL}/$(jobRun.x)"', "part of a text"),
        (f'url="{URL}" timeout=15', "duration"),
    ],
)
def test_what_is_wrong_is_said_when_the_job_is_read(attributes: str, reason: str) -> None:
    with pytest.raises(JobError, match=reason):
        job_of(f"f [type=http {attributes}]")


def test_the_reply_is_a_text_whatever_its_bytes() -> None:
    world = World(Sources({URL: b"\xff\xfeok"}))
    assert value_of(f'f [type=http url="{URL}"]', world) == "\ufffd\ufffdok"


@pytest.mark.parametrize(
    ("attributes", "seconds", "works"),
    [("", 14, True), ("", 16, False), ('timeout="20s"', 16, True), ('timeout="1s"', 2, False)],
)
def test_time_limits(attributes: str, seconds: float, works: bool) -> None:
    world = World(Sources({URL: after(seconds, "ok")}))
    graph = f'f [type=http url="{URL}" {attributes}]'
    if works:
        assert value_of(graph, world) == "ok"
    else:
        error = failure_of(graph, world)
        assert (type(error), error.cause) == (TaskTemporary, Cause.SOURCE_FAILED)


def test_inputs_are_not_sent_but_their_failure_counts() -> None:
    sources = Sources({URL: "ok"})
    assert value_of(f'm [type=memo value=1] f [type=http url="{URL}"] m -> f', World(sources)) == "ok"
    assert sources.asked[0].body is None
    broken = f'm [type=fail msg=no] f [type=http url="{URL}"] m -> f'
    sources = Sources({URL: "ok"})
    assert failure_of(broken, World(sources)).task == "m"
    assert sources.asked == []


def test_decimals_keep_their_digits_on_the_way_out() -> None:
    graph = f'm [type=multiply input="0.1" times=3] f [type=http url="{URL}" requestData=<{{"v": $(m)}}>]'
    body = asked(graph).body
    assert body is not None
    assert json.loads(body, parse_float=str) == {"v": "0.3"}
