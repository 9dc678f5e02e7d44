"""multiply, divide, lessthan: exact, bounded, and rounded as documented."""

import contextlib
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkpool.jobs.errors import BadValue, Cause, TaskPermanent
from linkpool.jobs.values import divided, integer, number
from tests.support.jobs import failure_of, value_of

HUGE = "9" * 300


@pytest.mark.parametrize(
    ("given_value", "times", "expected"),
    [
        ("3", "4", "12"),
        (3, "0.1", "0.3"),
        (Decimal("1234.56789"), "100", "123456.789"),
        ("-2.5", "-2", "5"),
        ("1e3", "1E-3", "1"),
        (HUGE, "10", HUGE + "0"),
        ("0.1", "3", "0.3"),
        (10**77, "1000000000000000000", "1" + "0" * 95),
        (
            "115792089237316195423570985008687907853269984665640564039457584007913129639935",
            "1",
            str(2**256 - 1),
        ),
    ],
)
def test_multiply_is_exact(given_value: Any, times: str, expected: str) -> None:
    graph = f'm [type=multiply input="$(jobRun.x)" times="{times}"]'
    assert value_of(graph, x=given_value) == Decimal(expected)


def test_multiply_takes_the_first_input_without_an_attribute() -> None:
    assert value_of("a [type=memo value=7] m [type=multiply times=6] a -> m") == 42


@pytest.mark.parametrize(
    "bad",
    ["", "abc", "0x10", "1_000", "٣", "NaN", "Infinity", "1e999999", True, None, [1], {"a": 1}, "1 2", "--1"],
)
def test_what_is_no_number_is_the_requesters_fault(bad: Any) -> None:
    error = failure_of('m [type=multiply input="$(jobRun.x)" times=2]', x=bad)
    assert isinstance(error, TaskPermanent)
    assert error.cause is Cause.PARAMETERS


def test_a_product_above_the_bound_is_refused() -> None:
    error = failure_of('m [type=multiply input="$(jobRun.x)" times="$(jobRun.x)"]', x=HUGE)
    assert "512 digits" in str(error)


@pytest.mark.parametrize(
    ("dividend", "divisor", "precision", "expected"),
    [
        ("10", "4", "", "2.5"),
        ("1", "3", "", "0.3333333333333333"),
        ("2", "3", "", "0.6666666666666667"),
        ("1", "3", "0", "0"),
        ("5", "2", "0", "3"),
        ("-5", "2", "0", "-3"),
        ("1", "8", "2", "0.13"),
        ("-1", "8", "2", "-0.13"),
        ("12345", "1", "-2", "12300"),
        ("12350", "1", "-2", "12400"),
        ("1e-20", "1e-20", "", "1"),
        ("7", "0.002", "3", "3500"),
    ],
)
def test_divide_rounds_halves_away_from_zero(
    dividend: str, divisor: str, precision: str, expected: str
) -> None:
    graph = f'd [type=divide input="{dividend}" divisor="{divisor}" precision="{precision}"]'
    assert value_of(graph) == Decimal(expected)


@pytest.mark.parametrize("precision", ["513", "-513", "9" * 30])
def test_a_precision_beyond_the_bound_is_an_error(precision: str) -> None:
    graph = 'd [type=divide input=1 divisor=3 precision="$(jobRun.p)"]'
    assert "precision" in str(failure_of(graph, p=precision))


def test_division_by_zero_is_an_error() -> None:
    assert "division by zero" in str(failure_of('d [type=divide input=1 divisor="$(jobRun.zero)"]', zero=0))


@pytest.mark.parametrize(
    ("left", "limit", "expected"),
    [("1", "2", True), ("2", "2", False), ("-1e3", "-999", True), ("0.30", "0.3", False)],
)
def test_lessthan(left: str, limit: str, expected: bool) -> None:
    assert value_of(f'l [type=lessthan input="{left}" limit="{limit}"]') is expected


_decimals = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**60), max_value=10**60)


@given(_decimals)
def test_a_number_survives_its_text(value: Decimal) -> None:
    assert number(str(value)) == value


@given(_decimals, _decimals.filter(lambda value: value != 0), st.integers(-20, 40))
def test_a_quotient_is_within_half_a_unit(dividend: Decimal, divisor: Decimal, places: int) -> None:
    exact = Fraction(dividend) / Fraction(divisor)
    assert (
        abs(Fraction(divided(dividend, divisor, places)) - exact) <= Fraction(1, 2) / Fraction(10) ** places
    )


@given(st.text(max_size=40))
def test_reading_a_number_never_crashes(text: str) -> None:
    with contextlib.suppress(BadValue):
        assert number(text).is_finite()


def test_a_fraction_is_no_whole_number() -> None:
    with pytest.raises(BadValue, match="whole"):
        integer("1.5")
