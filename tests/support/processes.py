"""Finding processes by something in their environment, which they inherit and cannot shed."""

from collections.abc import Iterator
from pathlib import Path


def carrying(mark: str) -> set[int]:
    """Pids of all living processes whose environment holds `mark`."""
    return {pid for pid, environment in _environments() if mark in environment}


def _environments() -> Iterator[tuple[int, str]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "environ").read_text(errors="replace")
            except OSError:  # it ended while we looked
                continue
            yield int(entry.name), text
