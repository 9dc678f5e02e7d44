"""One local task on disk: a file that its process keeps locked for exactly as long as it lives.

The intent is written before the process is spawned, and the process inherits the locked file: whoever
finds the file locked knows that the task is alive, whatever its pid, and whoever finds it unlocked knows
that it is gone, whatever happened to the one who started it. The process writes its own pid next to the
file before it becomes the command, so that no crash in between can leave a task without one.
"""

import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

_BECOME = 'echo $$ > "$0" && exec "$@"'
"""Run by sh: the first argument is the pid file, the rest the command."""
_PID_WITHIN = 2.0
"""Seconds within which a locked task has written its pid; it does so before anything else."""


@dataclass(frozen=True)
class Intent:
    """What was decided before the process existed. `started_at` is in Unix seconds."""

    task: str
    group: str
    release: str
    started_at: float
    port: int | None = None
    """Where it was told to listen, on loopback."""


@dataclass(frozen=True)
class Process:
    """A living task, held by a descriptor that no other process can ever take over."""

    intent: Intent
    pid: int
    pidfd: int

    def signal(self, number: int) -> None:
        """Send a signal; a process that is already gone is none to signal."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, number)

    def reap(self) -> str:
        """How it ended, once it did: exit code or signal; "gone" when another process is its parent."""
        try:
            result = os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED | os.WNOHANG)
        except ChildProcessError:
            return "gone"
        finally:
            os.close(self.pidfd)
        if result is None:
            return "gone"
        return f"exit {result.si_status}" if result.si_code == os.CLD_EXITED else f"signal {result.si_status}"


class TaskFolder:
    """The files of all local tasks, and their logs."""

    def __init__(self, folder: Path) -> None:
        self._tasks = folder / "tasks"
        self._logs = folder / "logs"

    def prepare(self) -> None:
        """Make the folders. Raises OSError."""
        for folder in (self._tasks, self._logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def log(self, task: str) -> Path:
        """Where that task's output goes."""
        return self._logs / f"{task}.log"

    def spawn(self, intent: Intent, command: Sequence[str], environment: Mapping[str, str]) -> Process:
        """Write the intent, then start the process in a session of its own. Raises OSError."""
        lock = self._write_locked(intent)
        try:
            pid = os.posix_spawn(
                "/bin/sh",
                ["/bin/sh", "-c", _BECOME, str(self._pid_path(intent.task)), *command],
                dict(environment),
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 1, str(self.log(intent.task)), _APPEND, 0o600),
                    (os.POSIX_SPAWN_DUP2, 1, 2),
                    (os.POSIX_SPAWN_DUP2, lock, 9),
                ],
                setsid=True,
                setsigmask=(),
                setsigdef=(signal.SIGPIPE, signal.SIGINT, signal.SIGTERM),
            )
        finally:
            os.close(lock)
        return Process(intent, pid, os.pidfd_open(pid))

    def names(self) -> list[str]:
        """Every task that has a file, alive or not."""
        return sorted(path.stem for path in self._tasks.glob("*.json"))

    def find(self, task: str) -> Process | None:
        """The living process of a task that an earlier control plane started; None when it is gone."""
        path = self._path(task)
        deadline = time.monotonic() + _PID_WITHIN
        while locked(path):
            with suppress(OSError, ValueError):  # not written yet, or ended in this very moment
                process = self._open(path)
                if locked(path):  # alive after the descriptor was opened: the pid is its own
                    return process
                os.close(process.pidfd)
            if time.monotonic() > deadline:
                return None
            time.sleep(0.005)  # between fork and the first line of its shell: microseconds, once
        return None

    def forget(self, task: str, keep_logs: int) -> None:
        """Remove the files of a task that is gone; of its group's logs the newest `keep_logs` stay."""
        self._path(task).unlink(missing_ok=True)
        self._pid_path(task).unlink(missing_ok=True)
        group = task.rpartition(".")[0]
        alive = {f"{name}.log" for name in self.names()}
        logs = [path for path in self._logs.glob(f"{group}.*.log") if path.name not in alive]
        logs.sort(key=lambda path: path.stat().st_mtime)
        for path in logs[: max(0, len(logs) - keep_logs)]:
            path.unlink(missing_ok=True)

    def _write_locked(self, intent: Intent) -> int:
        """The intent's file, locked before it can be seen: unlocked, it would be taken for a dead task's."""
        path = self._path(intent.task)
        draft = path.with_name(f".{path.name}.new")
        lock = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.write(lock, json.dumps(asdict(intent)).encode())
            os.fsync(lock)
            draft.replace(path)
        except OSError:
            os.close(lock)
            raise
        return lock

    def _path(self, task: str) -> Path:
        return self._tasks / f"{task}.json"

    def _pid_path(self, task: str) -> Path:
        return self._tasks / f"{task}.pid"

    def _open(self, path: Path) -> Process:
        intent = Intent(**json.loads(path.read_text()))
        pid = int(self._pid_path(intent.task).read_text())
        return Process(intent, pid, os.pidfd_open(pid))


_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND


def locked(path: Path) -> bool:
    """Whether a process holds the file; looking never makes it seem locked to another who looks."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


if sys.platform != "linux":  # pidfd and waitid on it: one mechanism for own children and found ones
    raise ImportError("the local engine needs Linux; use the swarm or ecs engine from this machine")
