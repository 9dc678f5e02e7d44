"""The tasks of the job language, one file per family; `TASK_TYPES` is all of them by name."""

from linkpool.jobs.tasks import bridge, chain, control, encoding, http, numbers, parsing, statistics, text
from linkpool.jobs.tasks.kit import TaskType

_FAMILIES = (bridge, chain, control, encoding, http, numbers, parsing, statistics, text)

TASK_TYPES: dict[str, TaskType] = {kind.name: kind for family in _FAMILIES for kind in family.TASKS}
