"""Arithmetic on one number: multiply, divide, lessthan."""

from decimal import Decimal

from linkpool.jobs.tasks.kit import Call, Parameter, TaskType
from linkpool.jobs.values import EXACT, bounded, divided, integer, number


def multiply(call: Call) -> Decimal:
    """input x times, exactly."""
    return bounded(EXACT.multiply(call["input"], call["times"]))


def divide(call: Call) -> Decimal:
    """input / divisor to `precision` decimal places (16), halves away from zero."""
    return divided(call["input"], call["divisor"], call["precision"])


def less_than(call: Call) -> bool:
    """Whether input < limit."""
    return bool(call["input"] < call["limit"])


_INPUT = Parameter(number, required=True, from_input=True)

TASKS = (
    TaskType("multiply", multiply, {"input": _INPUT, "times": Parameter(number, required=True)}),
    TaskType(
        "divide",
        divide,
        {
            "input": _INPUT,
            "divisor": Parameter(number, required=True),
            "precision": Parameter(integer, default=16),
        },
    ),
    TaskType(
        "lessthan", less_than, {"input": _INPUT, "limit": Parameter(number, required=True)}, inputs=(0, 1)
    ),
)
