"""mean, median, mode, sum: many values, some of which failed."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkpool.jobs.errors import Cause, TaskPermanent, TaskTemporary
from linkpool.jobs.services import HttpReply
from tests.support.jobs import Sources, World, failure_of, value_of


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("mean", [1, 2, 4], "2.3333333333333333"),
        ("mean", ["1.5", 2], "1.75"),
        ("mean", [-1, 1], "0"),
        ("median", [3, 1, 2], "2"),
        ("median", [4, 1, 3, 2], "2.5"),
        ("median", [1], "1"),
        ("median", ["1e2", 99, "-5"], "99"),
        ("median", [0, 1], "0.5"),
        ("sum", [1, "2.5", Decimal("-0.5")], "3"),
        ("sum", [10**60, 1], "1" + "0" * 59 + "1"),
    ],
)
def test_numbers(kind: str, values: list[Any], expected: str) -> None:
    assert value_of(f't [type={kind} values="$(jobRun.v)"]', v=values) == Decimal(expected)


def test_precision_of_a_mean() -> None:
    assert value_of('t [type=mean values="[1, 2, 4]" precision=2]') == Decimal("2.33")


@pytest.mark.parametrize("bad", [5, "5", "{}", {"a": 1}, True])
def test_values_that_are_no_list(bad: Any) -> None:
    assert "not a list" in str(failure_of('t [type=sum values="$(jobRun.v)"]', v=bad))


def test_values_may_be_a_json_text() -> None:
    assert value_of('t [type=median values="$(jobRun.v)"]', v="[3, 1, 2.5]") == Decimal("2.5")


@pytest.mark.parametrize(
    ("values", "results", "occurrences"),
    [
        ([1, 2, 1], [1], 2),
        ([1, 2], [1, 2], 1),
        (["a", "b", "b", "a"], ["a", "b"], 2),
        ([{"x": 1}, {"x": 1}, 3], [{"x": 1}], 2),
        ([1, "1", Decimal("1.0")], [1], 3),
        ([b"ab", "ab"], [b"ab"], 2),
        ([True, None, None], [None], 2),
    ],
)
def test_mode_keeps_the_order(values: list[Any], results: list[Any], occurrences: int) -> None:
    found = value_of('t [type=mode values="$(jobRun.v)"]', v=values)
    assert found == {"results": results, "occurrences": occurrences}


@pytest.mark.parametrize("kind", ["mean", "median", "mode", "sum"])
def test_an_empty_list_is_an_error(kind: str) -> None:
    error = failure_of(f't [type={kind} values="$(jobRun.v)"]', v=[])
    assert "there are none" in str(error)


THREE = """
a [type=http url="http://a.example"]
b [type=http url="http://b.example"]
c [type=http url="http://c.example"]
m [type=median {faults}]
a -> m  b -> m  c -> m
"""


@pytest.mark.parametrize(
    ("failing", "faults", "works"),
    [
        (0, "allowedFaults=0", True),
        (1, "allowedFaults=0", False),
        (1, "allowedFaults=1", True),
        (2, "allowedFaults=1", False),
        (2, "", True),  # by default all but one may fail
        (3, "", False),
        (3, "allowedFaults=3", False),  # allowed, and still nothing to take the median of
    ],
)
def test_allowed_faults_at_their_edges(failing: int, faults: str, works: bool) -> None:
    broken = HttpReply(500, b"no")
    answers = {f"http://{name}.example": broken for name in "abc"[:failing]}
    answers |= {f"http://{name}.example": HttpReply(200, b"5") for name in "abc"[failing:]}
    world = World(Sources(answers))
    if works:
        assert value_of(THREE.format(faults=faults), world) == 5
    else:
        failure_of(THREE.format(faults=faults), world)


def test_too_many_faults_may_pass_if_one_of_them_may() -> None:
    mixed = {"http://a.example": HttpReply(404, b""), "http://b.example": HttpReply(503, b"")}
    error = failure_of(
        THREE.format(faults="allowedFaults=1"), World(Sources({**mixed, "http://c.example": "1"}))
    )
    assert isinstance(error, TaskTemporary)
    assert "a.example" not in str(error)  # a reason names tasks and statuses
    refusals = {f"http://{name}.example": HttpReply(404, b"") for name in "ab"} | {"http://c.example": "1"}
    error = failure_of(THREE.format(faults="allowedFaults=1"), World(Sources(refusals)))
    assert isinstance(error, TaskPermanent)
    assert error.cause is Cause.SOURCE_REFUSED


def test_values_in_a_template_may_be_failed_tasks() -> None:
    graph = """
    a [type=http url="http://a.example"]
    b [type=memo value=4]
    m [type=sum values=<[ $(a), $(b), 6 ]> allowedFaults=1]
    """
    assert value_of(graph) == 10


@given(st.lists(st.integers(-(10**30), 10**30), min_size=1, max_size=9))
def test_a_median_splits_its_values(values: list[int]) -> None:
    middle = value_of('t [type=median values="$(jobRun.v)"]', v=values)
    assert sum(value <= middle for value in values) * 2 >= len(values)
    assert sum(value >= middle for value in values) * 2 >= len(values)
