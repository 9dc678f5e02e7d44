"""How many more tasks fit into this machine's memory, by what the kernel says is available.

What matters is the memory that can be had without swapping (`MemAvailable`), or what is left under the limit
of our own control group, should that be less.
"""

from pathlib import Path

TASK_BYTES = 110 * 2**20
"""What is set aside for one more task: a replica at work, and some room while it starts."""
RESERVE_BYTES = 512 * 2**20
"""Left alone: the control plane, the database, the system's own breath."""


def room(proc: Path = Path("/proc"), cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Tasks that still fit; never negative. Raises OSError when the kernel says nothing."""
    lines = (line.split() for line in (proc / "meminfo").read_text().splitlines())
    available = next(int(words[1]) * 1024 for words in lines if words[0] == "MemAvailable:")
    left = _left_in(cgroup)
    free = available if left is None else min(available, left)
    return max(0, (free - RESERVE_BYTES) // TASK_BYTES)


def _left_in(cgroup: Path) -> int | None:
    """Bytes under the control group's limit; None without one, or without control groups of version 2."""
    try:
        limit, used, stat = (
            (cgroup / name).read_text() for name in ("memory.max", "memory.current", "memory.stat")
        )
    except OSError:
        return None
    if limit.strip() == "max":
        return None
    files = next(int(line.split()[1]) for line in stat.splitlines() if line.startswith("inactive_file "))
    return int(limit) - int(used) + files  # files nobody reads give way at once
