"""Finding processes by what they cannot shed: something in their environment, a connection they hold."""

from collections.abc import Iterable, Iterator
from pathlib import Path


def carrying(mark: str) -> set[int]:
    """Pids of all living processes whose environment holds `mark`."""
    return {pid for pid, environment in _environments() if mark in environment}


def connected_from(port: int, pids: Iterable[int]) -> int | None:
    """Which of these processes holds the end of a TCP connection over IPv4 that is at this port."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ends = {f"socket:[{fields[9]}]" for fields in lines if int(fields[1].rsplit(":", 1)[1], 16) == port}
    return next((pid for pid in pids if not ends.isdisjoint(_open_files(pid))), None)


def _open_files(pid: int) -> Iterator[str]:
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            yield str(entry.readlink())
    except OSError:  # it, or one of them, was closed while we looked
        return


def _environments() -> Iterator[tuple[int, str]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "environ").read_text(errors="replace")
            except OSError:  # it ended while we looked
                continue
            yield int(entry.name), text
