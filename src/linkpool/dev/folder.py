"""`.linkpool/`: the state of one development pool, made afresh at each start.

Whatever an earlier run left behind is stopped and removed first, so a second start works even after `kill
-9`. Two runs at once on one folder are refused.
"""

import asyncio
import fcntl
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from linkpool.dev.processes import CannotStart
from linkpool.engines.local import LocalEngine

ROOM_BYTES = 200 * 2**20
LOCK = "lock"
LEFTOVER_GRACE = 1.0
POOL_NAME = "dev"


class Folder:
    """Where everything of one development pool is."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.control = self.root / "control"
        self.logs = self.root / "logs"
        self.config = self.root / "control.toml"
        self.deployment = self.root / "deployment.json"
        self.passphrase = self.root / "passphrase"
        self.token = self.control / "admin.token"
        self.keys = self.control / "master.json"

    async def clear(self) -> None:
        """Stop what an earlier run left running, and start from nothing. Raises CannotStart."""
        await self.stop_replicas()
        await asyncio.to_thread(self._remove)

    async def stop_replicas(self) -> None:
        """End what a control plane left running: one of hundreds of replicas may be killed before it has."""
        if self.control.exists():
            await LocalEngine(self.control / "engine", POOL_NAME, time.time).stop_all(LEFTOVER_GRACE)

    def _remove(self) -> None:
        for entry in (self.control, self.logs):
            shutil.rmtree(entry, ignore_errors=True)
        for file in (self.config, self.deployment, self.passphrase):
            file.unlink(missing_ok=True)
        for entry in (self.control, self.logs):
            entry.mkdir(mode=0o700)


@contextmanager
def hold(root: Path) -> Iterator[Folder]:
    """The folder, ours alone while the context is open. Raises CannotStart."""
    root = root.absolute()
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(root.iterdir()) and not (root / LOCK).exists():
            raise CannotStart(
                f"{root} holds other files, which a start might remove: choose another with --state"
            )
        root.chmod(0o700)
        check_room(root, ROOM_BYTES)
        lock = (root / LOCK).open("w")
    except OSError as error:
        raise CannotStart(f"cannot write {root}: {error.strerror}; choose another with --state") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CannotStart(f"a development pool already runs in {root}: stop it first") from error
        yield Folder(root)


def check_room(root: Path, needed: int) -> None:
    """Raises CannotStart when the folder's disk has less than `needed` bytes left, OSError."""
    room = shutil.disk_usage(root).free
    if room < needed:
        raise CannotStart(
            f"the disk of {root} is full: {room / 2**20:.0f} MiB free, {needed / 2**20:.0f} needed; "
            "make room, or choose another folder with --state"
        )
