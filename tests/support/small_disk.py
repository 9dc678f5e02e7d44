"""A small file system of its own, to fill up."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

MIB = 2**20


@contextmanager
def small_disk(folder: Path, mib: int) -> Iterator[Path]:
    """Mount one on `folder` while the context is open; skips the test where that is not allowed."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", folder]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: Path) -> Path:
    """Leave no room on the disk of a folder; returns the file that takes it."""
    file = folder / "fill"
    with suppress(OSError), file.open("wb", buffering=0) as sink:
        for size in (MIB, 1):
            with suppress(OSError):
                while True:
                    sink.write(bytes(size))
    return file
