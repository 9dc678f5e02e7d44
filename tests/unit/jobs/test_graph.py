"""The DOT dialect and what becomes of it: quotes, comments, order, cycles, complaints at their place."""

import contextlib
import itertools
import json
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkpool.jobs import dot, expressions, graph
from linkpool.jobs.errors import BadValue
from linkpool.jobs.place import Lines, PlacedError
from linkpool.jobs.tasks.kit import Reach
from tests.support.jobs import job_of, run_job, value_of


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("bare", "bare"),
        ("12.5", "12.5"),
        ("-.5", "-.5"),
        ('"in quotes; with, [marks] -> // and <>"', "in quotes; with, [marks] -> // and <>"),
        (r'"a \"b\" \\ \n \t \x41 é \101"', 'a "b" \\ \n \t A é A'),
        (r'"unknown \q stays"', r"unknown \q stays"),
        ('"two\nlines"', "two\nlines"),
        ('<angle "quotes">', 'angle "quotes"'),
        ("<a <nested> b>", "a <nested> b"),
        ('"<both>"', "both"),
        ('" < both > "', " both "),
        ("<>", "<>"),
        ('""', ""),
        ('<{\n  "a": 1\n}>', '{\n  "a": 1\n}'),
        ("ünïcode", "ünïcode"),
    ],
)
def test_values(written: str, meant: str) -> None:
    assert dot.read(f"a [x={written}]").nodes["a"].attributes["x"].value == meant


def test_marks_are_optional_and_comments_are_not_read() -> None:
    drawing = dot.read(
        """
        // a comment [with -> marks]
        a[type=memo,value=1;];b [type=memo value=2] /* c [
        more */ "c d" [type=any]
        # a line
        a->b -> "c d"; e -> {f, g} -> h [label="arrows may say things"];
        a [extra=1][more=2]
        """
    )
    assert list(drawing.nodes) == ["a", "b", "c d", "e", "f", "g", "h"]
    pairs = [(edge.source, edge.target) for edge in drawing.edges]
    assert pairs == [("a", "b"), ("b", "c d"), ("e", "f"), ("e", "g"), ("f", "h"), ("g", "h")]
    assert {key: a.value for key, a in drawing.nodes["a"].attributes.items()} == {
        "type": "memo", "value": "1", "extra": "1", "more": "2"}  # fmt: skip


def test_attribute_names_match_in_any_case_and_the_last_counts() -> None:
    attributes = dot.read("a [Type=x tYPE=y]")
    assert attributes.nodes["a"].attributes["type"].value == "y"
    assert [attribute.name for attribute in attributes.repeated] == ["tYPE"]


def test_the_same_arrow_twice_is_one() -> None:
    assert value_of("a [type=memo value=1] s [type=sum] a -> s  a -> s") == 1


@pytest.mark.parametrize(
    ("source", "line", "column", "reason"),
    [
        ("", 1, 1, "no tasks"),
        ("// only a comment", 1, 1, "no tasks"),
        ("a [type=memo value=1", 1, 21, "end of the graph"),
        ('a [type="memo]', 1, 9, "no partner"),
        ("a [type=<memo]", 1, 9, "no partner"),
        ("a [type]", 1, 8, "needs ="),
        ("a [type=]", 1, 9, "needs a value"),
        ("a [=x]", 1, 4, "attribute is expected"),
        ("a -> ", 1, 6, "name of a task"),
        ("a -- b", 1, 3, "write ->"),
        ("\n\n  a [type=nope]", 3, 11, "unknown task type 'nope'"),
        ("a [value=1]", 1, 1, "no type"),
        ("a [type=memo value=1]\na -> b", 2, 6, "no type"),
        ("digraph { a [type=memo] }", 1, 1, "word of the language"),
        ("node [type=memo]", 1, 1, "word of the language"),
        ("a = 5", 1, 3, "attributes stand in"),
        ("/* never ends", 1, 1, "no end"),
        ("a [type=memo value=$(x)]", 1, 20, "needs quotes"),
        ("input [type=memo value=1]", 1, 1, "reserved"),
        ("jobRun [type=memo value=1]", 1, 1, "reserved"),
        ("a [type=any]\nb [type=any]\na -> b -> a", 1, 1, "circle: a -> b -> a"),
        ("a [type=any]\na -> a", 1, 1, "circle: a -> a"),
        ('a [type=memo value="$(b)"] b [type=memo value="$(a)"]', 1, 1, "circle: a -> b -> a"),
        ('a [type=memo value="$(b)"]', 1, 20, "names neither"),
        ('a [type=memo value="$(jobrun.x)"]', 1, 20, "names neither"),
        ('a [type=memo value="$(jobRun..x)"]', 1, 20, "empty part"),
        ('a [type=memo value=<{"x": "$(jobRun.x)"}>]', 1, 20, "cannot be part of a text"),
        ('a [type=memo value=<{"x": $(jobRun.x), }>]', 1, 20, "not JSON"),
        ("a [type=memo value=<[NaN, $(jobRun.x)]>]", 1, 20, "no JSON value"),
        ('a [type=multiply input=1 times="$(jobRun.x)0"]', 1, 32, "part of a text"),
        ("a [type=multiply times=2]", 1, 1, "needs input= or an arrow"),
        ("a [type=multiply input=1]", 1, 1, "needs times="),
        ("a [type=multiply input=1 times=x]", 1, 32, "not a decimal number"),
        ("a [type=lookup key=x]", 1, 1, "takes 1 input, not 0"),
        ("a [type=any]", 1, 1, "takes an input"),
        ("a [type=memo value=1] b [type=memo value=2] c [type=length]\na -> c b -> c", 1, 45, "at most 1"),
        ("a [type=memo value=1 retries=-1]", 1, 30, "negative"),
        ("a [type=memo value=1 retries=1000]", 1, 30, "at most"),
        ("a [type=memo value=1 index=x]", 1, 28, "index"),
        ("a [type=memo value=1 timeout=5]", 1, 30, "duration"),
        ("a [type=memo value=1 minBackoff=soon]", 1, 33, "duration"),
        ("a [type=memo value=1 failEarly=perhaps]", 1, 32, "neither true nor false"),
        ('a [type=cborparse data="0x" mode=fat]', 1, 34, "none of diet, standard"),
    ],
)
def test_complaints_point_at_the_place(source: str, line: int, column: int, reason: str) -> None:
    with pytest.raises(PlacedError, match=reason.replace("(", r"\(")) as caught:
        graph.build(source)
    assert Lines(source).at(caught.value.at) == (line, column)


def test_a_parameter_that_does_not_exist_is_noted() -> None:
    notes = graph.build("a [type=memo value=1 vallue=2 index=0]").notes
    assert [(at, "no parameter vallue" in reason) for reason, at in notes] == [(21, True)]


def test_too_large_graphs_are_refused_quickly() -> None:
    start = time.process_time()
    for source in (
        " ".join(f"n{i} [type=any]" for i in range(300)),
        "a [type=any] " + " -> ".join(f"a{i}" for i in range(10_000)),
        "{" + " ".join(f"a{i}" for i in range(200)) + "} -> {" + " ".join(f"b{i}" for i in range(50)) + "}",
        "a" * 200_000,
        "a [x=" + "<" * 100_000,
        '"' + "\\" * 100_001,
        "/*" * 60_000,
    ):
        with pytest.raises(PlacedError):
            graph.build(source)
    assert time.process_time() - start < 3


def test_order_and_reach() -> None:
    built = graph.build(
        """
        z [type=memo value="$(jobRun.x)"]
        b [type=memo value="$(c)"]
        a [type=memo value=1]
        c [type=http url="http://a.example"]
        a -> c
        """
    )
    assert list(built.tasks) == ["z", "a", "c", "b"]
    assert [built.tasks[name].reach for name in "zacb"] == [
        Reach.REQUEST, Reach.JOB, Reach.JOB, Reach.SOURCE]  # fmt: skip
    assert built.tasks["b"].inputs == ()
    assert built.tasks["b"].after == ("c",)
    assert [task.name for task in built.last] == ["z", "b"]


def test_a_reference_orders_but_does_not_pass() -> None:
    """`c` sees one input although it names the other; multiply takes its first input."""
    ordered = """
    a [type=memo value=2]
    b [type=memo value=5]
    c [type=multiply times="$(b)"]
    a -> c
    """
    assert value_of(ordered) == 10
    only_named = (
        'a [type=memo value=2] s [type=coalesce] m [type=merge left=<{"x": $(a)}>  right=<{}>] m -> s'
    )
    assert value_of(only_named) == {"x": 2}
    result = run_job(job_of('a [type=memo value=3] b [type=sum values="[1]" allowedFaults="$(a)"]'))
    assert [record.inputs for record in result.records] == [(), ()]


@pytest.mark.parametrize(
    ("indices", "expected"),
    [
        ((0, 1, 2), [10, 20, 30]),
        ((2, 1, 0), [30, 20, 10]),
        ((0, 0, 0), [10, 20, 30]),  # ties: in order of appearance
        ((1, 0, 1), [20, 10, 30]),
        ((7, 3, 7), [20, 10, 30]),
    ],
)
def test_index_orders_the_inputs(indices: tuple[int, ...], expected: list[int]) -> None:
    tasks = [f"t{i} [type=memo value={10 * (i + 1)} index={index}]" for i, index in enumerate(indices)]
    source = "\n".join([*tasks, "c [type=mode]", "t2 -> c", "t0 -> c", "t1 -> c"])
    assert value_of(source)["results"] == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("$(jobRun.a.b.1)", "x"),
        ("  $( jobRun.a.b.0 )  ", 5),
        ("$(jobRun.a)", {"b": [5, "x"], "0": "zero"}),
        ("$(jobRun.a.0)", "zero"),
        ('{"p": [$(jobRun.a.b.0), {"q": $(jobRun.d)}]}', {"p": [5, {"q": Decimal("1.5")}]}),
        ('[$(jobRun.a.b), "\\"$", null]', [[5, "x"], '"$', None]),
        ("$(jobRun.n)", None),
    ],
)
def test_interpolation(expression: str, expected: Any) -> None:
    request = {"a": {"b": [5, "x"], "0": "zero"}, "d": Decimal("1.5"), "n": None}
    assert value_of(f"m [type=memo value=<{expression}>]", **request) == expected


@pytest.mark.parametrize("path", ["missing", "a.missing", "l.1", "l.-1", "l.x", "t.x", "n.x", "l.0.0"])
def test_a_reference_to_nothing_is_the_requesters_fault(path: str) -> None:
    result = run_job(job_of(f'm [type=memo value="$(jobRun.{path})"]'), a={}, l=[1], t="text", n=None)
    assert result.error is not None
    assert f"$(jobRun.{path})" in str(result.error)


_names = st.sampled_from(["a", "b", "c", "d", "e", "f"])


@given(st.lists(st.tuples(_names, _names), max_size=15))
def test_every_graph_is_ordered_or_has_a_circle(edges: list[tuple[str, str]]) -> None:
    nodes = "\n".join(f"{name} [type=coalesce]" for name in "abcdef")
    arrows = "\n".join(f"{source} -> {target}" for source, target in edges)
    try:
        order = list(graph.build(f"{nodes}\n{arrows}").tasks)
    except PlacedError as error:
        circle = error.reason.split(": ")[1].split(" -> ")
        assert circle[0] == circle[-1]
        assert all(pair in edges for pair in itertools.pairwise(circle))
    else:
        assert sorted(order) == list("abcdef")
        assert all(order.index(source) < order.index(target) for source, target in edges)


@given(st.text(max_size=60).filter(lambda text: "$(" not in text and "\x00" not in text))
def test_a_quoted_text_means_itself(text: str) -> None:
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    value = dot.read(f"a [x={quoted}]").nodes["a"].attributes["x"].value
    stripped = text.strip()
    in_angles = len(stripped) > 2 and stripped[0] == "<" and stripped[-1] == ">"
    assert value == (stripped[1:-1] if in_angles else text)


@given(st.text(alphabet='ab [type=mo]"<>->{};,/*#\\$()\n', max_size=80))
def test_no_text_crashes_the_reader(text: str) -> None:
    with contextlib.suppress(PlacedError):
        graph.build(text)


_plain_text = st.text(max_size=6).filter(lambda text: "$(" not in text)
_shapes = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-999, 999)
    | _plain_text
    | st.sampled_from(["a", "b.0", "b.1.c"]).map(lambda path: ("reference", path)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_plain_text, inner, max_size=3),
    max_leaves=8,
)
_VARIABLES = {"a": "text", "b": [1, {"c": [None]}]}
_VALUES = {"a": "text", "b.0": 1, "b.1.c": [None]}


def _written(shape: Any) -> str:
    match shape:
        case ("reference", path):
            return f"$({path})"
        case list():
            return f"[{', '.join(_written(item) for item in shape)}]"
        case dict():
            return (
                "{" + ", ".join(f"{json.dumps(key)}: {_written(item)}" for key, item in shape.items()) + "}"
            )
    return json.dumps(shape)


def _meant(shape: Any) -> Any:
    match shape:
        case ("reference", path):
            return _VALUES[path]
        case list():
            return [_meant(item) for item in shape]
        case dict():
            return {key: _meant(item) for key, item in shape.items()}
    return shape


@given(_shapes)
def test_a_template_is_its_json_with_the_variables_in_place(shape: Any) -> None:
    expression = expressions.parse(_written(shape), template=True)
    match expression:
        case expressions.Fixed(text):
            assert json.loads(text) == _meant(shape)
        case expressions.Reference() | expressions.Template():
            assert expression.resolve(_VARIABLES) == _meant(shape)


@given(st.text(alphabet='$(){}[]",:ab.0 \\NaNInfinity-', max_size=40))
def test_no_attribute_crashes_the_reader(text: str) -> None:
    for template in (True, False):
        with contextlib.suppress(BadValue):
            expressions.parse(text, template=template)
