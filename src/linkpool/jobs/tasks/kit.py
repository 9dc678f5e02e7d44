"""What a task type is: its parameters, its inputs, and the function that does it.

A parameter says how its value is read and where it may come from: a fixed text (read once, when the job
is), a variable, JSON with variables, the first input, a default - in this order.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from linkpool.jobs.errors import BadValue, Cause, TaskError
from linkpool.jobs.expressions import Reference, Template
from linkpool.jobs.services import Services
from linkpool.jobs.values import Value

ANY_NUMBER = 1 << 30


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a task type; `read` makes of a value what the task works with, or raises BadValue."""

    read: Callable[[Value], Any]
    required: bool = False
    default: Any = None
    from_input: bool = False
    """Without the attribute, the first input is taken."""
    from_inputs: bool = False
    """Without the attribute, the list of all inputs is taken, failed ones among them."""
    template: bool = False
    """JSON may stand here, with variables in it; a fixed text is JSON too."""
    text_too: bool = False
    """With `template`: a fixed text that is no JSON is a text."""
    faults: bool = False
    """A failed task may stand in the list; its TaskError is passed on."""
    fixed: bool = False
    """No variables here."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A parameter whose value was read when the job was."""

    value: Any


Argument = Constant | Reference | Template


class Reach(IntEnum):
    """How far away what a task works on comes from: a bad value is that party's."""

    JOB = 0
    REQUEST = 1
    SOURCE = 2


class BadParameter(BadValue):
    """A parameter of a task cannot be read; `reach` says whose value it was."""

    def __init__(self, reason: str, reach: Reach) -> None:
        super().__init__(reason)
        self.reach = reach


@dataclass(frozen=True, slots=True)
class TaskType:
    """A kind of task. `run` may be a coroutine; it raises BadValue, TaskError or a service's error."""

    name: str
    run: "Callable[[Call], Value | Awaitable[Value]]"
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    """By the name that docs/jobs.md writes."""
    inputs: tuple[int, int] = (0, ANY_NUMBER)
    tolerant: bool = False
    """Runs although inputs failed."""
    source: bool = False
    """Asks somebody outside, whose answers may be wrong."""
    timeout: float | None = None
    """Seconds an attempt may take if neither task nor job say."""
    late: Cause = Cause.OURS
    """Whose fault it is when an attempt takes longer."""


@dataclass(frozen=True, slots=True)
class Task:
    """One node of a job's graph, ready to run."""

    name: str
    type: TaskType
    at: int
    """Offset of its name in the graph's text."""
    arguments: Mapping[str, Argument]
    index: int = 0
    timeout: float | None = None
    fail_early: bool = False
    attempts: int = 1
    min_backoff: float = 5.0
    max_backoff: float = 60.0
    inputs: tuple[str, ...] = ()
    """Tasks whose output it takes, in the order it takes them."""
    after: tuple[str, ...] = ()
    """Every task that must be done before it, inputs and variables."""
    reach: Reach = Reach.JOB
    """Of all that it works on together."""
    reaches: Mapping[str, Reach] = field(default_factory=dict)
    """Of each parameter that names variables, by itself."""


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt of one task."""

    task: Task
    run_id: str
    job_id: str
    variables: Mapping[str, Value]
    inputs: tuple[Value, ...]
    services: Services
    timeout: float
    """Seconds this attempt may take."""
    gas_limit: int | None = None

    def __getitem__(self, name: str) -> Any:
        """The value of a parameter, read. Raises BadValue, or the TaskError of the task it came from."""
        parameter = self.task.type.parameters[name]
        argument = self.task.arguments.get(name)
        if isinstance(argument, Constant):
            return argument.value
        try:
            return self._read(parameter, argument)
        except BadValue as error:
            reach = self.task.reaches.get(name, self.task.reach)
            raise BadParameter(f"{name}: {error}", reach) from None

    def _read(self, parameter: Parameter, argument: Reference | Template | None) -> Any:
        if isinstance(argument, Template):
            return parameter.read(argument.resolve(self.variables, errors=parameter.faults))
        if argument is not None:
            value = argument.resolve(self.variables)
        elif parameter.from_input and self.inputs:
            value = self.inputs[0]
        elif parameter.from_inputs:
            value = list(self.inputs)
        else:
            return parameter.default
        if isinstance(value, TaskError):
            raise value
        return parameter.read(value)
