"""A job's graph as text: one row a task in the order of running, its arrows as lines beside it.

    ●    decode   cborparse  $(jobRun.logData)
    ├─┐
    ● │  left     http       $(decode.get)
    │ ●  right    http
    ├─┘
    ●    average  mean

Arrows come in from above and go out below; variables that a task waits for stand behind it.
"""

from collections.abc import Mapping

from linkpool.jobs.expressions import Reference, Template, references
from linkpool.jobs.graph import Graph
from linkpool.jobs.tasks.kit import Task


def draw(graph: Graph) -> str:
    """The picture, lines without trailing blanks."""
    out: Mapping[str, list[str]] = {
        name: [task.name for task in graph.tasks.values() if name in task.inputs] for name in graph.tasks
    }
    rows: list[tuple[str, Task | None]] = []
    lanes: list[str | None] = []
    for task in graph.tasks.values():
        column = _arrive(task, lanes, rows)
        rows.append((_nodes(lanes, column), task))
        _leave(out[task.name], lanes, column, rows)
    return _beside(rows)


def _arrive(task: Task, lanes: list[str | None], rows: list[tuple[str, Task | None]]) -> int:
    """Join the lanes that lead to `task`; the column where it stands."""
    ends = [column for column, target in enumerate(lanes) if target == task.name]
    if len(ends) > 1:
        rows.append((_branch(lanes, ends, "┴", "┘"), None))
        for column in ends[1:]:
            lanes[column] = None
    column = ends[0] if ends else _free(lanes)
    lanes[column] = task.name
    return column


def _leave(
    targets: list[str], lanes: list[str | None], column: int, rows: list[tuple[str, Task | None]]
) -> None:
    """Open a lane for every arrow that goes out; the first goes straight down."""
    lanes[column] = targets[0] if targets else None
    starts = [column]
    for target in targets[1:]:
        lane = _free(lanes, column + 1)
        lanes[lane] = target
        starts.append(lane)
    if len(starts) > 1:
        rows.append((_branch(lanes, starts, "┬", "┐"), None))
    while lanes and lanes[-1] is None:
        lanes.pop()


def _free(lanes: list[str | None], start: int = 0) -> int:
    for column in range(start, len(lanes)):
        if lanes[column] is None:
            return column
    while len(lanes) <= start:
        lanes.append(None)
    if lanes[-1] is not None:
        lanes.append(None)
    return len(lanes) - 1


def _nodes(lanes: list[str | None], column: int) -> str:
    return " ".join("●" if i == column else "│" if lane else " " for i, lane in enumerate(lanes))


def _branch(lanes: list[str | None], columns: list[int], between: str, last: str) -> str:
    """A line that joins or opens `columns`, crossing the lanes that only pass by."""
    parts = []
    low, high = min(columns), max(columns)
    for i, lane in enumerate(lanes):
        inside = low <= i <= high
        if i == low:
            mark = "├"
        elif i in columns:
            mark = last if i == high else between
        else:
            mark = ("┼" if lane else "─") if inside else ("│" if lane else " ")
        parts.append(mark + ("─" if inside and i < high else " "))
    return "".join(parts).rstrip()


def _beside(rows: list[tuple[str, Task | None]]) -> str:
    width = max((len(picture) for picture, _ in rows), default=0)
    tasks = [task for _, task in rows if task]
    name = max((len(task.name) for task in tasks), default=0)
    kind = max((len(task.type.name) for task in tasks), default=0)
    lines = []
    for picture, task in rows:
        line = picture
        if task:
            line = f"{picture:{width}}  {task.name:{name}}  {task.type.name:{kind}}  {_named(task)}"
        lines.append(line.rstrip())
    return "\n".join(lines)


def _named(task: Task) -> str:
    found = [
        str(reference)
        for argument in task.arguments.values()
        if isinstance(argument, Reference | Template)
        for reference in references(argument)
    ]
    return " ".join(dict.fromkeys(found))
