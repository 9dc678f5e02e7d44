"""From a drawing to tasks in the order they can run, with every fixed parameter already read.

All that can be said about a job before it runs is said here, at the place where it stands: unknown types and
parameters, values that cannot be read, variables nobody sets, cycles.
"""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from linkpool.jobs import dot, jsontext
from linkpool.jobs.dot import Attribute, Drawing, Node
from linkpool.jobs.durations import seconds
from linkpool.jobs.errors import BadValue
from linkpool.jobs.expressions import Expression, Fixed, Reference, Template, parse, references
from linkpool.jobs.place import PlacedError
from linkpool.jobs.tasks import TASK_TYPES
from linkpool.jobs.tasks.kit import Argument, Constant, Parameter, Reach, Task, TaskType
from linkpool.jobs.values import Value, count, truth

RESERVED = {"input", "jobRun", "jobSpec"}
MAX_ATTEMPTS = 100
_COMMON = {"type", "index", "timeout", "failearly", "retries", "minbackoff", "maxbackoff"}


@dataclass(frozen=True, slots=True)
class Graph:
    """Tasks by name, in an order in which each comes after all it needs; `notes` are (reason, offset)."""

    tasks: Mapping[str, Task]
    notes: tuple[tuple[str, int], ...] = ()

    @property
    def last(self) -> tuple[Task, ...]:
        """Tasks whose output no other takes, by index: the run's outputs."""
        taken = {name for task in self.tasks.values() for name in task.after}
        ends = [task for task in self.tasks.values() if task.name not in taken]
        return tuple(sorted(ends, key=lambda task: task.index))


def build(source: str) -> Graph:
    """The graph that `source` draws. Raises PlacedError."""
    drawing = dot.read(source)
    if not drawing.nodes:
        raise PlacedError("the graph has no tasks", 0)
    notes = [
        (f"{again.name} is given twice; the last one counts", again.name_at) for again in drawing.repeated
    ]
    drafts = {node.name: _draft(node, drawing, notes) for node in drawing.nodes.values()}
    order = _order(drafts, drawing)
    tasks: dict[str, Task] = {}
    for name in order:
        tasks[name] = _linked(drafts[name], drawing, order, drafts, tasks)
    return Graph(tasks, tuple(sorted(notes, key=lambda note: note[1])))


def _draft(node: Node, drawing: Drawing, notes: list[tuple[str, int]]) -> Task:
    """A task with its own attributes read, not yet linked to others."""
    if node.name in RESERVED:
        raise PlacedError(f"{node.name} is a reserved name and names no task", node.at)
    kind = _kind(node)
    names = {name.lower(): name for name in kind.parameters}
    arguments: dict[str, Argument] = {}
    waits: dict[str, None] = {}
    for key, attribute in node.attributes.items():
        if key in names:
            expression = _expression(attribute, kind.parameters[names[key]])
            if expression != Fixed(""):
                for reference in references(expression):
                    _check_reference(reference, attribute, drawing, waits)
                arguments[names[key]] = _argument(expression, attribute, kind.parameters[names[key]])
        elif key not in _COMMON:
            known = ", ".join(
                [*kind.parameters, "index, timeout, failEarly, retries, minBackoff, maxBackoff"]
            )
            notes.append(
                (f"{kind.name} has no parameter {attribute.name}; it has {known}", attribute.name_at)
            )
    return _with_common(Task(node.name, kind, node.at, arguments, after=tuple(waits)), node)


def _kind(node: Node) -> TaskType:
    given = node.attributes.get("type")
    if given is None:
        raise PlacedError(f"task {node.name} has no type; write {node.name} [type=...]", node.at)
    kind = TASK_TYPES.get(given.value.strip().lower())
    if kind is None:
        known = ", ".join(sorted(TASK_TYPES))
        raise PlacedError(f"unknown task type {given.value!r}; known are {known}", given.value_at)
    return kind


def _expression(attribute: Attribute, parameter: Parameter) -> Expression:
    try:
        expression = parse(attribute.value, template=parameter.template)
    except BadValue as error:
        raise PlacedError(f"{attribute.name}: {error}", attribute.value_at) from None
    if parameter.fixed and not isinstance(expression, Fixed):
        raise PlacedError(f"{attribute.name} must be fixed: no variable may stand here", attribute.value_at)
    return expression


def _argument(expression: Expression, attribute: Attribute, parameter: Parameter) -> Argument:
    if not isinstance(expression, Fixed):
        return expression
    try:
        return Constant(parameter.read(_fixed(expression.text, parameter)))
    except BadValue as error:
        raise PlacedError(f"{attribute.name}: {error}", attribute.value_at) from None


def _fixed(text: str, parameter: Parameter) -> Value:
    if not parameter.template:
        return text
    try:
        return jsontext.read(text)
    except BadValue:
        if parameter.text_too:
            return text
        raise


def _check_reference(
    reference: Reference, attribute: Attribute, drawing: Drawing, waits: dict[str, None]
) -> None:
    first = reference.path[0]
    if first in drawing.nodes:
        waits[first] = None
    elif first not in {"jobRun", "jobSpec"}:
        raise PlacedError(
            f"{attribute.name}: {reference} names neither a task nor jobRun nor jobSpec", attribute.value_at
        )


def _with_common(task: Task, node: Node) -> Task:
    def given(name: str, read: Any, otherwise: Any) -> Any:
        attribute = node.attributes.get(name)
        if attribute is None or not attribute.value.strip():
            return otherwise
        try:
            return read(attribute.value.strip())
        except BadValue as error:
            raise PlacedError(f"{attribute.name}: {error}", attribute.value_at) from None

    attempts = given("retries", count, 1)
    if attempts > MAX_ATTEMPTS:
        raise PlacedError(f"retries: at most {MAX_ATTEMPTS}", node.attributes["retries"].value_at)
    shortest = given("minbackoff", seconds, 5.0)
    return replace(
        task,
        index=given("index", count, 0),
        timeout=given("timeout", seconds, 0.0) or None,
        fail_early=given("failearly", truth, False),
        attempts=max(attempts, 1),
        min_backoff=shortest,
        max_backoff=max(given("maxbackoff", seconds, 60.0), shortest),
    )


def _order(drafts: Mapping[str, Task], drawing: Drawing) -> list[str]:
    """Every task after all it needs; among those free to go, the one that appears first."""
    place = {name: position for position, name in enumerate(drafts)}
    needs = {name: set(task.after) for name, task in drafts.items()}
    for edge in drawing.edges:
        needs[edge.target].add(edge.source)
    needed_by: dict[str, list[str]] = {name: [] for name in drafts}
    for name, others in needs.items():
        for other in others:
            needed_by[other].append(name)
    free = [place[name] for name, others in needs.items() if not others]
    heapq.heapify(free)
    names = list(drafts)
    order: list[str] = []
    while free:
        name = names[heapq.heappop(free)]
        order.append(name)
        for other in needed_by[name]:
            needs[other].discard(name)
            if not needs[other]:
                heapq.heappush(free, place[other])
    if len(order) < len(drafts):
        raise _cycle({name: others for name, others in needs.items() if others}, drafts)
    return order


def _cycle(needs: Mapping[str, set[str]], drafts: Mapping[str, Task]) -> PlacedError:
    name = next(iter(needs))
    walked: list[str] = []
    while name not in walked:
        walked.append(name)
        name = min(needs[name] & needs.keys())
    circle = [*walked[walked.index(name) :], name]
    return PlacedError(
        f"the tasks wait for each other in a circle: {' -> '.join(circle[::-1])}", drafts[name].at
    )


def _linked(
    task: Task, drawing: Drawing, order: list[str], drafts: Mapping[str, Task], done: Mapping[str, Task]
) -> Task:
    place = {name: position for position, name in enumerate(order)}
    inputs = [edge.source for edge in drawing.edges if edge.target == task.name]
    inputs.sort(key=lambda name: (drafts[name].index, place[name]))
    least, most = task.type.inputs
    if not least <= len(inputs) <= most:
        wants = f"{least} input" if least == most else f"at most {most} inputs" if least == 0 else "an input"
        raise PlacedError(f"task {task.name}: {task.type.name} takes {wants}, not {len(inputs)}", task.at)
    for name, parameter in task.type.parameters.items():
        fed = (parameter.from_input or parameter.from_inputs) and inputs
        if parameter.required and name not in task.arguments and not fed:
            hint = " or an arrow to it" if parameter.from_input or parameter.from_inputs else ""
            raise PlacedError(f"task {task.name}: {task.type.name} needs {name}={hint}", task.at)
    after = tuple(dict.fromkeys([*inputs, *task.after]))
    reaches = {
        name: max((_reach(reference.path[0], done) for reference in references(argument)), default=Reach.JOB)
        for name, argument in task.arguments.items()
        if isinstance(argument, Reference | Template)
    }
    reach = max([Reach.JOB, *reaches.values(), *(_reach(name, done) for name in after)])
    return replace(task, inputs=tuple(inputs), after=after, reach=reach, reaches=reaches)


def _reach(name: str, done: Mapping[str, Task]) -> Reach:
    """Whose value the variable of that name is."""
    if name in done:
        return Reach.SOURCE if done[name].type.source else done[name].reach
    return Reach.REQUEST if name == "jobRun" else Reach.JOB
