"""What a person sees of a job: its picture, its faults, and one run of it without a chain."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkpool.jobs import graph
from linkpool.jobs.bridges import Bridge
from linkpool.jobs.draw import draw
from linkpool.jobs.errors import BadValue, Cause, JobError
from linkpool.jobs.excerpt import excerpt
from linkpool.jobs.once import parameters, run_once
from linkpool.jobs.run import RunResult
from linkpool.jobs.spec import JobSpec, Note, parse_job
from tests.support import virtual_time
from tests.support.jobs import Sources, job_of
from tests.unit.jobs.test_examples import read


@pytest.mark.parametrize(
    ("source", "picture"),
    [
        ("a [type=memo value=1]", "●  a  memo"),
        (
            "a [type=memo value=1] b [type=memo] a -> b",
            """
            ●  a  memo
            ●  b  memo
            """,
        ),
        (
            """
            start [type=cborparse data="$(jobRun.logData)"]
            one [type=http url="$(start.get)"] two [type=http url="http://x.example"] three [type=any]
            m [type=median] alone [type=memo value=1]
            start -> {one two three} -> m
            """,
            """
            ●      start  cborparse  $(jobRun.logData)
            ├─┬─┐
            ● │ │  one    http       $(start.get)
            │ ● │  two    http
            │ │ ●  three  any
            ├─┴─┘
            ●      m      median
            ●      alone  memo
            """,
        ),
        (
            """
            a [type=memo value=1] b [type=memo] c [type=memo] d [type=any] e [type=any]
            a -> {d b} b -> {c e} c -> d d -> e
            """,
            """
            ●      a  memo
            ├─┐
            ● │    b  memo
            ├─┼─┐
            ● │ │  c  memo
            ├─┘ │
            ●   │  d  any
            ├───┘
            ●      e  any
            """,
        ),
        (
            """
            a [type=memo value=1] x [type=memo value=2] b [type=any] y [type=any]
            a -> y a -> b x -> b x -> y
            """,
            """
            ●        a  memo
            ├─┐
            │ │ ●    x  memo
            │ │ ├─┐
            ├─┼─┘ │
            ● │   │  b  any
              ├───┘
              ●      y  any
            """,
        ),
    ],
)
def test_pictures(source: str, picture: str) -> None:
    expected = "\n".join(line.removeprefix(" " * 12) for line in picture.strip("\n").splitlines()).rstrip()
    assert draw(graph.build(source)) == expected


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12))
def test_every_graph_has_a_picture_with_each_task_once(edges: list[tuple[int, int]]) -> None:
    nodes = "\n".join(f"n{i} [type=coalesce]" for i in range(7))
    arrows = "\n".join(f"n{min(a, b)} -> n{max(a, b)}" for a, b in edges if a != b)
    picture = draw(graph.build(f"{nodes}\n{arrows}"))
    assert picture.count("●") == 7
    assert all(f" n{i} " in picture for i in range(7))


def test_a_fault_is_shown_in_its_line() -> None:
    text = 'type = "webhook"\nschemaVersion = 1\nobservationSource = """\n\ta [type=nope]\n"""\n'
    with pytest.raises(JobError) as caught:
        parse_job(text)
    lines = excerpt("x.toml", text, caught.value).splitlines()
    assert lines[0].startswith("x.toml:4:10: unknown task type 'nope'")
    assert lines[1:] == ["    4 | \ta [type=nope]", "      | \t        ^"]
    assert excerpt("x.toml", "", Note("why", 7, 1)) == "x.toml:7:1: why"


def test_parameters_are_json_where_they_can_be() -> None:
    pairs = ["get=https://a.example/?x=1", "times=100", "path=a,b", "list=[1, 2.5]", "empty=", "yes=true"]
    assert parameters(pairs) == {
        "get": "https://a.example/?x=1",
        "times": 100,
        "path": "a,b",
        "list": [1, Decimal("2.5")],
        "empty": "",
        "yes": True,
    }
    for bad in ("novalue", "=x"):
        with pytest.raises(BadValue, match="key=value"):
            parameters([bad])


def once(job: JobSpec, request: dict[str, Any], sources: Sources, **more: Any) -> RunResult:
    async def main() -> RunResult:
        await asyncio.sleep(0)
        return await run_once(job, request, sources, **more)

    return virtual_time.run(main())


def test_one_run_shows_what_would_be_sent() -> None:
    sources = Sources({"https://a.example": '{"x": 2}'})
    result = once(read("single-word"), parameters(["get=https://a.example", "path=x", "times=50"]), sources)
    assert result.error is None
    assert [record.output for record in result.records if record.name in {"parse", "multiply"}] == [2, 100]
    assert result.value["data"][-32:] == (100).to_bytes(32)


def test_one_run_of_the_other_kinds() -> None:
    sources = Sources({"https://markets.example/close": '{"day": 1, "close": 2}', "http://a.internal": "{}"})
    assert once(read("cron"), {}, sources).error is None
    body = parameters(["sensor=roof", "celsius=20"])
    archive = Bridge("archive", ("http://a.internal",))
    assert once(read("webhook"), body, sources, bridges=[archive]).error is None


@pytest.mark.parametrize(
    "graph_text",
    [
        'c [type=ethcall contract="0x1111111111111111111111111111111111111111" data="0x01"]',
        "b [type=bridge name=lab async=true]",
    ],
)
def test_what_cannot_be_done_without_a_pool_says_so(graph_text: str) -> None:
    error = once(job_of(graph_text), {}, Sources()).error
    assert error is not None
    assert error.cause is Cause.OURS
    assert "here is none" in str(error) or "no chain" in str(error)
