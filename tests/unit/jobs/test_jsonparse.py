"""jsonparse and the JSON reader beneath it: paths, exact numbers, bounds."""

import contextlib
import json
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkpool.jobs import jsontext
from linkpool.jobs.errors import BadValue, Cause, TaskPermanent, TaskTemporary
from tests.support.jobs import Sources, World, failure_of, value_of

DOCUMENT = r"""{
    "price": 1234.567890123456789012345678901234567890, "big": 123456789012345678901234567890,
    "tiny": 1.5e-30, "negative": -7, "list": [10, [20, 21], {"deep": "x"}], "none": null, "empty": [],
    "ключ": "значение", "a,b": 1, "": {"": "nothing"}, "0": "zero", "twice": 1, "twice": 2,
    "escaped": "\u00e9\ud83d\ude00", "flag": true
}"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("price", Decimal("1234.567890123456789012345678901234567890")),
        ("big", 123456789012345678901234567890),
        ("tiny", Decimal("1.5E-30")),
        ("negative", -7),
        ("list,0", 10),
        ("list,-1,deep", "x"),
        ("list,1,-2", 20),
        ("list,+1,01", 21),
        ("none", None),
        ("empty", []),
        ("ключ", "значение"),
        ("0", "zero"),
        ("twice", 2),
        ("escaped", "é😀"),
        ("flag", True),
        (",", "nothing"),
    ],
)
def test_paths(path: str, expected: Any) -> None:
    found = value_of('p [type=jsonparse data="$(jobRun.d)" path="$(jobRun.p)"]', d=DOCUMENT, p=path)
    assert found == expected
    assert type(found) is type(expected)


def test_a_path_may_be_a_list_with_numbers() -> None:
    graph = 'p [type=jsonparse data="$(jobRun.d)" path="$(jobRun.p)"]'
    assert value_of(graph, d=DOCUMENT, p=["list", 1, "-1"]) == 21


def test_a_separator_lets_commas_be_names() -> None:
    assert value_of('p [type=jsonparse data="$(jobRun.d)" path="a,b" separator="/"]', d=DOCUMENT) == 1


def test_no_path_is_the_whole_document() -> None:
    assert value_of('p [type=jsonparse data="$(jobRun.d)"]', d=" [1, 2.50] ") == [1, Decimal("2.50")]


def test_data_may_be_bytes_or_the_input() -> None:
    assert value_of('p [type=jsonparse data="$(jobRun.d)" path=x]', d=b'{"x": "\xc3\xa9"}') == "é"
    assert value_of('a [type=memo value="$(jobRun.d)"] p [type=jsonparse path=x] a -> p', d='{"x": 3}') == 3


@pytest.mark.parametrize(
    "path", ["missing", "list,3", "list,-4", "empty,0", "empty,-1", "list,999999999999999999"]
)
def test_lax_gives_null_where_nothing_is(path: str) -> None:
    graph = 'p [type=jsonparse data="$(jobRun.d)" path="$(jobRun.p)" lax={lax}]'
    assert value_of(graph.format(lax="true"), d=DOCUMENT, p=path) is None
    assert "nothing at" in str(failure_of(graph.format(lax="false"), d=DOCUMENT, p=path))


@pytest.mark.parametrize("path", ["list,x", "list,1.0", "list,", "price,x", "flag,0", "none,a"])
def test_lax_does_not_excuse_a_path_that_makes_no_sense(path: str) -> None:
    failure_of('p [type=jsonparse data="$(jobRun.d)" path="$(jobRun.p)" lax=true]', d=DOCUMENT, p=path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "nope",
        "NaN",
        "[Infinity]",
        "{'a': 1}",
        "[1,]",
        '{"a" 1}',
        "[" * 65 + "]" * 65,
        "[" * 100_000,
        '{"a":' * 5000,
        "1" * 600,
        "1e600",
        "-1e-600",
        "[1e99999999999]",
        "1e" + "9" * 2000,
        b"\xff\xfe",
        b'"\xff"',
        "\ufeff{}",
    ],
)
def test_bad_documents_are_refused_quickly(text: str | bytes) -> None:
    start = time.process_time()
    error = failure_of('p [type=jsonparse data="$(jobRun.d)"]', d=text)
    assert isinstance(error, TaskPermanent)
    assert error.cause is Cause.PARAMETERS
    assert len(str(error)) < 400
    assert time.process_time() - start < 1


def test_brackets_inside_texts_are_not_depth() -> None:
    assert jsontext.read(json.dumps("[" * 5000)) == "[" * 5000


def test_many_brackets_are_not_depth() -> None:
    text = f"[{', '.join(['[{}]'] * 200)}]"
    assert jsontext.read(text) == [[{}]] * 200
    with pytest.raises(BadValue, match="deeper"):
        jsontext.read(text[:-1] + ", " + "[" * 64 + "]" * 65)


@pytest.mark.parametrize("bad", [5, None, [1], {"a": 1}])
def test_data_that_is_no_text(bad: Any) -> None:
    assert "not a JSON text" in str(failure_of('p [type=jsonparse data="$(jobRun.d)"]', d=bad))


def test_a_text_above_the_bound_is_refused() -> None:
    with pytest.raises(BadValue, match="above"):
        jsontext.read(" " * (jsontext.MAX_BYTES + 1))


def test_a_document_at_the_bounds_is_read() -> None:
    assert jsontext.read("[" * 64 + "]" * 64)
    assert jsontext.read("9" * 512) == int("9" * 512)


def test_half_a_surrogate_pair_can_be_passed_on() -> None:
    found = jsontext.read(r'{"\ud800": ["a\udfffb"]}')
    assert json.loads(jsontext.write(found)) == {"\ufffd": ["a\ufffdb"]}
    assert jsontext.write(found).encode()


@pytest.mark.parametrize("reply", ["<html>", '{"other": 1}', "[]"])
def test_a_source_that_answers_nonsense_may_answer_better_later(reply: str) -> None:
    graph = 'f [type=http url="http://a.example"] p [type=jsonparse path="x"] f -> p'
    error = failure_of(graph, World(Sources({"http://a.example": reply})))
    assert isinstance(error, TaskTemporary)
    assert error.cause is Cause.SOURCE_FAILED


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**40), 10**40) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(_json)
def test_what_is_written_is_what_was_read(value: Any) -> None:
    text = jsontext.write(value)
    assert jsontext.read(text) == value == json.loads(text)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**50), max_value=10**50))
def test_decimals_survive(value: Decimal) -> None:
    assert jsontext.read(jsontext.write(value)) == value


@given(st.text(alphabet='[]{}",:\\ud8eE+-.019 tfn', max_size=60) | st.binary(max_size=60))
def test_reading_never_crashes(source: str | bytes) -> None:
    with contextlib.suppress(BadValue):
        jsontext.write(jsontext.read(source))


def test_what_has_no_json_form_is_refused() -> None:
    for value in (1.5, object(), {1, 2}):
        with pytest.raises(BadValue):
            jsontext.write(value)
    cyclic: list[Any] = []
    cyclic.append(cyclic)
    with pytest.raises(BadValue, match="deeper"):
        jsontext.write(cyclic)
