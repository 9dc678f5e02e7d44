"""One value out of many, some of which may have failed: mean, median, mode, sum.

`allowedFaults` says how many may have failed; by default all but one.
"""

from collections.abc import Callable
from decimal import Decimal

from linkpool.jobs import jsontext
from linkpool.jobs.errors import BadValue, Cause, TaskError, TaskPermanent, TaskTemporary
from linkpool.jobs.tasks.kit import Call, Parameter, TaskType
from linkpool.jobs.values import EXACT, Value, bounded, count, divided, integer, number, without_errors


def survivors(call: Call) -> list[Value]:
    """The values that arrived, if enough did. Raises TaskError, or BadValue if there were none at all."""
    values, failed = without_errors(call["values"])
    allowed = call["allowedFaults"]
    if allowed is None:
        allowed = max(len(values) + len(failed) - 1, 0)
    if len(failed) > allowed:
        raise _too_many(failed, allowed)
    if not values:
        raise BadValue("values: there are none")
    return values


def _too_many(failed: list[TaskError], allowed: int) -> TaskError:
    reasons = "; ".join(str(error) for error in failed)
    text = f"{len(failed)} values failed where {allowed} may: {reasons}"
    if any(isinstance(error, TaskTemporary) for error in failed):
        return TaskTemporary(text, Cause.SOURCE_FAILED)
    return TaskPermanent(text, max((error.cause for error in failed), key=lambda cause: cause.value))


def mean(call: Call) -> Decimal:
    """The arithmetic mean to `precision` places (16)."""
    values = [number(value) for value in survivors(call)]
    return divided(_total(values), Decimal(len(values)), call["precision"])


def median(call: Call) -> Decimal:
    """The middle value; of an even number of values, the mean of the middle two to 16 places."""
    values = sorted(number(value) for value in survivors(call))
    middle = len(values) // 2
    if len(values) % 2:
        return values[middle]
    return divided(EXACT.add(values[middle - 1], values[middle]), Decimal(2))


def total(call: Call) -> Decimal:
    """The sum, exactly."""
    return _total([number(value) for value in survivors(call)])


def _total(values: list[Decimal]) -> Decimal:
    result = Decimal(0)
    for value in values:
        result = EXACT.add(result, value)
    return bounded(result)


def mode(call: Call) -> Value:
    """`{"results": [the values seen most often, in order], "occurrences": how often}`."""
    seen: dict[str, list[Value]] = {}
    for value in survivors(call):
        seen.setdefault(_likeness(value), []).append(value)
    most = max(len(same) for same in seen.values())
    return {"results": [same[0] for same in seen.values() if len(same) == most], "occurrences": most}


def _likeness(value: Value) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, str):
        return value
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return f"{number(value).normalize(EXACT):f}"
    return jsontext.write(value)


_VALUES = Parameter(jsontext.items_of, required=True, from_inputs=True, template=True, faults=True)
_FAULTS = Parameter(count)
_PRECISION = Parameter(integer, default=16)


def _type(name: str, run: Callable[[Call], Value], **more: Parameter) -> TaskType:
    return TaskType(name, run, {"values": _VALUES, "allowedFaults": _FAULTS, **more}, tolerant=True)


TASKS = (
    _type("mean", mean, precision=_PRECISION),
    _type("median", median),
    _type("mode", mode),
    _type("sum", total),
)
