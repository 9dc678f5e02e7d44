"""How many tasks a machine holds, by what its kernel says."""

from pathlib import Path

import pytest

from linkpool.engines.memory import RESERVE_BYTES, TASK_BYTES, room


def machine(folder: Path, available: int, limit: str = "", used: int = 0, files: int = 0) -> int:
    """Room on a machine with so many bytes available, in a control group with that limit."""
    (folder / "meminfo").write_text(f"MemTotal: 99999999 kB\nMemAvailable: {available // 1024} kB\n")
    if limit:
        for name, text in (
            ("memory.max", f"{limit}\n"),
            ("memory.current", f"{used}\n"),
            ("memory.stat", f"anon 1\ninactive_file {files}\nactive_file 7\n"),
        ):
            (folder / name).write_text(text)
    return room(folder, folder)


@pytest.mark.parametrize("tasks", [0, 1, 220])
def test_what_is_left_after_the_reserve_is_room(tmp_path: Path, tasks: int) -> None:
    assert machine(tmp_path, RESERVE_BYTES + tasks * TASK_BYTES + TASK_BYTES // 2) == tasks


def test_a_machine_that_is_full_has_none(tmp_path: Path) -> None:
    assert machine(tmp_path, RESERVE_BYTES // 2) == 0


def test_the_limit_of_the_control_group_counts_and_files_nobody_reads_do_not(tmp_path: Path) -> None:
    plenty, limit = 2**40, RESERVE_BYTES + 10 * TASK_BYTES
    assert machine(tmp_path, plenty, "max") > 1_000
    assert machine(tmp_path, plenty, str(limit), used=4 * TASK_BYTES) == 6
    assert machine(tmp_path, plenty, str(limit), used=4 * TASK_BYTES, files=TASK_BYTES) == 7


def test_this_machine_says_something() -> None:
    assert room() >= 0
