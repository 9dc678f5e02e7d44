"""any, coalesce, conditional, fail, lookup, memo, merge."""

from typing import Any

import pytest

from linkpool.jobs.errors import Cause, TaskPermanent, TaskTemporary
from tests.support.jobs import Sources, World, failure_of, job_of, run_job, value_of

BROKEN = 'bad [type=http url="http://nowhere.example"]'


def test_any_gives_one_that_did_not_fail_and_copies_agree() -> None:
    job = job_of(f"{BROKEN} a [type=memo value=1] b [type=memo value=2] c [type=any] bad -> c a -> c b -> c")
    chosen = [run_job(job, run_id=f"run-{number}").value for number in range(40)]
    assert set(chosen) == {1, 2}
    assert chosen == [run_job(job, run_id=f"run-{number}").value for number in range(40)]


def test_any_of_failures_is_the_failure() -> None:
    error = failure_of(f"{BROKEN} c [type=any] bad -> c")
    assert isinstance(error, TaskTemporary)
    assert error.task == "bad"


@pytest.mark.parametrize(
    ("values", "expected"), [([None, 2, 3], 2), ([None, None], None), ([0, 1], 0), (["", 1], ""), ([], None)]
)
def test_coalesce(values: list[Any], expected: Any) -> None:
    memos = "\n".join(f'm{i} [type=memo value="$(jobRun.v.{i})"] m{i} -> c' for i in range(len(values)))
    assert value_of(f"{BROKEN} bad -> c\n c [type=coalesce]\n {memos}", v=values) == expected


@pytest.mark.parametrize("met", [True, "true", "1", "T"])
def test_a_condition_that_is_met(met: Any) -> None:
    assert value_of('c [type=conditional data="$(jobRun.x)"]', x=met) is True


@pytest.mark.parametrize("unmet", [False, "false", "0", "", "yes", 1, None])
def test_a_condition_that_is_not_met_or_none_stops_what_follows(unmet: Any) -> None:
    graph = 'c [type=conditional data="$(jobRun.x)"] after [type=memo value=1] c -> after'
    assert failure_of(graph, x=unmet).task == "c"


def test_conditional_takes_its_input() -> None:
    assert value_of("l [type=lessthan input=1 limit=2] c [type=conditional] l -> c") is True
    failure_of("l [type=lessthan input=3 limit=2] c [type=conditional] l -> c")


def test_fail_says_why_and_whose_fault_it_is() -> None:
    error = failure_of('f [type=fail msg="market closed"]')
    assert isinstance(error, TaskPermanent)
    assert error.cause is Cause.OURS
    assert "market closed" in str(error)
    assert failure_of('f [type=fail msg="$(jobRun.x)"]', x="no").cause is Cause.PARAMETERS
    world = World(Sources({"http://a.example": "closed"}))
    error = failure_of('h [type=http url="http://a.example"] f [type=fail msg="$(h)"]', world)
    assert (error.cause, error.reason) == (Cause.SOURCE_REFUSED, "closed")


@pytest.mark.parametrize(("key", "expected"), [("a", 1), ("b", {"c": 2}), ("missing", None)])
def test_lookup(key: str, expected: Any) -> None:
    graph = f'm [type=memo value="$(jobRun.x)"] l [type=lookup key={key}] m -> l'
    assert value_of(graph, x={"a": 1, "b": {"c": 2}}) == expected


def test_lookup_in_something_else_is_an_error() -> None:
    failure_of('m [type=memo value="$(jobRun.x)"] l [type=lookup key=a] m -> l', x=[1])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("10", 10),
        ("<[1, 2]>", [1, 2]),
        ('<{"a": $(jobRun.x)}>', {"a": "inner"}),
        ('"$(jobRun.x)"', "inner"),
        ('"plain text"', "plain text"),
        ("true", True),
        ("null", None),
    ],
)
def test_memo(value: str, expected: Any) -> None:
    assert value_of(f"m [type=memo value={value}]", x="inner") == expected


def test_merge_right_wins_even_with_null_and_changes_nobody() -> None:
    graph = 'm [type=merge left="$(jobRun.l)" right=<{"b": null, "c": 3}>]'
    left = {"a": 1, "b": 2}
    assert value_of(graph, l=left) == {"a": 1, "b": None, "c": 3}
    assert left == {"a": 1, "b": 2}
    assert value_of('a [type=memo value=<{"x": 1}>] m [type=merge right=<{}>] a -> m') == {"x": 1}
    assert value_of('m [type=merge left="$(jobRun.l)" right=<{}>]', l='{"text": true}') == {"text": True}
    failure_of('m [type=merge left="$(jobRun.l)" right=<{}>]', l=[1])
