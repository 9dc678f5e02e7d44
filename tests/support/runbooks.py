"""The pages of docs/runbooks, and the commands that they tell people to run."""

import re
from pathlib import Path

RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks"


def commands(page: str, program: str = "linkpool") -> list[str]:
    """In the order of the page: what stands in backticks, and the lines of its blocks, as typed."""
    found = re.findall(rf"`({program} [^`\n]+)`|^({program} [^#\n]+)", page, re.MULTILINE)
    return [(span or line).strip() for span, line in found]
