"""Choosing and shaping: any, coalesce, conditional, fail, lookup, memo, merge."""

import hashlib
from typing import NoReturn

from linkpool.jobs import jsontext
from linkpool.jobs.errors import BadValue, Cause, TaskPermanent
from linkpool.jobs.tasks.kit import Call, Parameter, Reach, TaskType
from linkpool.jobs.values import Value, anything, mapping, text, truth, without_errors


def pick_any(call: Call) -> Value:
    """One of the inputs that did not fail; which one follows from the run's id, so copies agree."""
    values, failed = without_errors(list(call.inputs))
    if not values:
        raise failed[0] if failed else BadValue("there is no input to choose from")
    digest = hashlib.sha256(f"{call.run_id}/{call.task.name}".encode()).digest()
    return values[int.from_bytes(digest[:8]) % len(values)]


def coalesce(call: Call) -> Value:
    """The first input that neither failed nor is null; null if there is none."""
    values, _ = without_errors(list(call.inputs))
    return next((value for value in values if value is not None), None)


def conditional(call: Call) -> bool:
    """True, or a failure: what follows runs only if `data` is true."""
    if not call["data"]:
        raise BadValue("the condition is not met")
    return True


def fail(call: Call) -> NoReturn:
    """Fails for good, with `msg`."""
    cause = {Reach.SOURCE: Cause.SOURCE_REFUSED, Reach.REQUEST: Cause.PARAMETERS}.get(
        call.task.reach, Cause.OURS
    )
    raise TaskPermanent(call["msg"] or "the job says so", cause)


def lookup(call: Call) -> Value:
    """The value at `key` of an object; null if there is none."""
    return mapping(call.inputs[0]).get(call["key"])


def memo(call: Call) -> Value:
    """The value itself."""
    return call["value"]


def merge(call: Call) -> Value:
    """The pairs of left and right; right wins, even with null."""
    return {**call["left"], **call["right"]}


_MAP = Parameter(jsontext.mapping_of, required=True, template=True)

TASKS = (
    TaskType("any", pick_any, inputs=(1, 1 << 30), tolerant=True),
    TaskType("coalesce", coalesce, tolerant=True),
    TaskType(
        "conditional", conditional, {"data": Parameter(truth, required=True, from_input=True)}, inputs=(0, 1)
    ),
    TaskType("fail", fail, {"msg": Parameter(text, default="")}),
    TaskType("lookup", lookup, {"key": Parameter(text, required=True)}, inputs=(1, 1)),
    TaskType(
        "memo",
        memo,
        {"value": Parameter(anything, required=True, from_input=True, template=True, text_too=True)},
        inputs=(0, 1),
    ),
    TaskType(
        "merge",
        merge,
        {
            "left": Parameter(jsontext.mapping_of, required=True, template=True, from_input=True),
            "right": _MAP,
        },
        inputs=(0, 1),
    ),
)
