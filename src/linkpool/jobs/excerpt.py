"""A place in a job's text, shown to a person: the line, and a mark under the column."""

from linkpool.jobs.errors import JobError
from linkpool.jobs.spec import Note


def excerpt(name: str, text: str, problem: JobError | Note) -> str:
    """`name:line:column: reason`, then the line itself with a mark below the column."""
    lines = text.splitlines()
    head = f"{name}:{problem.line}:{problem.column}: {problem.reason}"
    if not 1 <= problem.line <= len(lines):
        return head
    line = lines[problem.line - 1]
    gutter = f"{problem.line:5} | "
    under = "".join("\t" if char == "\t" else " " for char in line[: problem.column - 1])
    return f"{head}\n{gutter}{line}\n{'| ':>{len(gutter)}}{under}^"
