"""What can go wrong with a job: its text, a value in it, one of its tasks.

A `JobError` points at a place in the job's text. A `BadValue` says that a value does not fit where it is
used; the runner decides whose value it was. A task's failure is a `TaskTemporary` or a `TaskPermanent`, and
its `cause` says what a rejection on chain would have to say.
"""

from enum import Enum

from linkpool.errors import LinkPoolError, Permanent, Temporary


class Cause(Enum):
    """Whose failure it is. The values 1 to 3 are the reasons that NodeOracle.reject takes."""

    OURS = 0
    """This replica's or this job's own fault: its configuration, its network. Never a reason to reject."""
    PARAMETERS = 1
    """What the requester sent cannot be worked with."""
    SOURCE_FAILED = 2
    """A data source gave no answer, or one that the job cannot use."""
    SOURCE_REFUSED = 3
    """A data source answered, and its answer is no."""


class JobError(Permanent):
    """A job's text is wrong at a place: `line` and `column` count from 1."""

    def __init__(self, reason: str, line: int = 1, column: int = 1) -> None:
        super().__init__(f"line {line}, column {column}: {reason}")
        self.reason = reason
        self.line = line
        self.column = column


class BadValue(Permanent):
    """A value does not fit where it is used. Says which, and what would fit."""


class TaskError(LinkPoolError):
    """A task failed; `task` names the one where it began, `cause` says whose failure it is."""

    def __init__(self, reason: str, cause: Cause, task: str = "") -> None:
        super().__init__(f"task {task}: {reason}" if task else reason)
        self.reason = reason
        self.cause = cause
        self.task = task


class TaskTemporary(TaskError, Temporary):
    """Running the job again may help."""


class TaskPermanent(TaskError, Permanent):
    """Running the job again gives the same failure."""


def shown(value: object, limit: int = 80) -> str:
    """A value as an error message shows it: short, and on one line."""
    text = repr(value) if not isinstance(value, dict | list) or len(value) <= 8 else f"{type(value).__name__}"
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"
