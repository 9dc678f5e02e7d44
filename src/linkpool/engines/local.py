"""The engine of one machine: child processes that survive a restart of the control plane.

Groups are files, tasks are files (`taskfile`), so a new control plane on the same folder finds what runs
and starts nothing twice. A process's end is told by the kernel (pidfd) in well under a millisecond, for
own children and found ones alike. Whoever died or is replaced has a successor at once; of new tasks no more
are started in a second than there are cores (`pace`); a group whose tasks die young waits longer each time.
Groups that the caller does not know are kept running and reported, never removed here.
"""

import asyncio
import os
import re
import secrets
import signal
import socket
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from linkpool.engines import memory
from linkpool.engines.groupfile import GroupFolder
from linkpool.engines.pace import Pace
from linkpool.engines.protocol import (
    EngineRefused,
    EngineUnreachable,
    Group,
    Phase,
    Task,
    TaskEvent,
)
from linkpool.engines.taskfile import Intent, Process, TaskFolder

log = structlog.get_logger(__name__)

YOUNG = 10.0
"""A task that dies before this age, in seconds, counts as flapping."""
BACKOFF_MAX = 30.0
REPLACE_GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL when one task is replaced."""
PAIR = 2
"""Tasks that are started at once on the smallest machine."""
LOOPBACK = "127.0.0.1"
LOGS_KEPT = 10
"""Logs of gone tasks kept per group."""
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "SSL_CERT_FILE")
"""All a child gets of our environment: ours may hold secrets."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@dataclass
class _Kept:
    """A group as this engine keeps it."""

    group: Group
    deaths_young: int = 0
    waiting: asyncio.TimerHandle | None = None
    paced: bool = False
    """It waits for others that start, and not for its own tasks to live longer."""


@dataclass
class _Running:
    process: Process
    stopping: bool = False
    kill: asyncio.TimerHandle | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def task(self) -> Task:
        intent = self.process.intent
        phase = Phase.STOPPING if self.stopping else Phase.RUNNING
        address = None if intent.port is None else f"{LOOPBACK}:{intent.port}"
        return Task(
            intent.task, intent.group, phase, intent.release, intent.started_at, self.process.pid, address
        )


class LocalEngine:
    """`Engine` over child processes; an async context manager: leaving it stops watching, not the children.

    `folder` keeps groups, tokens, tasks and logs (mode 0700). `now` gives Unix seconds. keep: start what is
    missing; one that only looks does not.
    """

    def __init__(self, folder: Path, pool: str, now: Callable[[], float], *, keep: bool = True) -> None:
        self._pool = pool
        self._keep = keep
        self._now = now
        self._promises = GroupFolder(folder)
        self._files = TaskFolder(folder)
        self._pace = Pace(max(PAIR, len(os.sched_getaffinity(0))))
        self._groups: dict[str, _Kept] = {}
        self._running: dict[str, _Running] = {}
        self._listeners: set[asyncio.Queue[TaskEvent]] = set()

    async def __aenter__(self) -> Self:
        """Find what runs, then start what is missing. Raises EngineUnreachable when the disk refuses."""
        try:
            self._promises.prepare()
            self._files.prepare()
            self._groups = {group.name: _Kept(group) for group in self._promises.all()}
        except OSError as error:
            raise _disk(error) from error
        for name in list(self._groups):
            self._converge(name)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        loop = asyncio.get_running_loop()
        for running in self._running.values():
            loop.remove_reader(running.process.pidfd)
            os.close(running.process.pidfd)
            if running.kill:
                running.kill.cancel()
        for kept in self._groups.values():
            if kept.waiting:
                kept.waiting.cancel()
        self._running.clear()
        self._groups.clear()

    # --- the protocol ------------------------------------------------------------------------------

    async def ensure(self, group: Group) -> None:
        """Create the group or converge it to `count` running tasks."""
        if group.pool != self._pool:
            raise EngineRefused(f"group {group.name} is of pool {group.pool}, this engine runs {self._pool}")
        if not _NAME.fullmatch(group.name):
            raise EngineRefused(f"group name {group.name!r} must be lower case letters, digits and dashes")
        if not group.release.command:
            raise EngineRefused(
                f"release {group.release.name} has no command; the local engine runs commands"
            )
        if group.port and group.count > 1:
            raise EngineRefused(f"{group.count} tasks cannot share port {group.port} of one machine; use 0")
        kept = self._groups.get(group.name)
        if kept is None or kept.group != group:
            try:
                self._promises.write(group)
            except OSError as error:
                raise _disk(error) from error
            kept = self._groups.setdefault(group.name, _Kept(group))
            kept.group = group
        self._converge(group.name)

    async def remove(self, group: str, grace: float) -> None:
        """Stop all tasks of the group and forget it; returns when they are gone."""
        kept = self._groups.pop(group, None)
        if kept and kept.waiting:
            kept.waiting.cancel()
        self._promises.drop(group)
        self._adopt()
        ending = [running for running in self._running.values() if running.process.intent.group == group]
        for running in ending:
            self._stop(running, grace)
        for running in ending:
            await running.ended.wait()

    async def tasks(self) -> list[Task]:
        """What is really running, groups unknown to the caller included."""
        for group in self._adopt():
            self._converge(group)
        return [running.task for running in self._running.values()]

    async def replace(self, task: str, why: str) -> None:
        """Stop one task; another starts at once. Raises EngineRefused when there is no such task."""
        running = self._running.get(task)
        if running is None:
            raise EngineRefused(f"no task {task} runs here; ask tasks() for those that do")
        log.info("task is replaced", task=task, why=why)
        self._stop(running, REPLACE_GRACE)
        self._converge(running.process.intent.group, ahead=True)

    async def room(self) -> int | None:
        """How many more tasks fit into the memory of this machine."""
        try:
            return memory.room()
        except OSError as error:
            raise EngineUnreachable(f"the kernel does not say how much memory is free: {error}") from error

    async def events(self) -> AsyncGenerator[TaskEvent]:
        """Changes as they happen, until the iterator is closed."""
        queue: asyncio.Queue[TaskEvent] = asyncio.Queue()
        self._listeners.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._listeners.discard(queue)

    # --- for people on this machine ----------------------------------------------------------------

    async def stop_all(self, grace: float) -> None:
        """Remove every group of this folder, entered or not: the end of a development pool."""
        self._promises.prepare()
        self._files.prepare()
        promised = set(self._promises.names())
        for name in promised:
            self._promises.drop(name)
        self._adopt()
        known = {running.process.intent.group for running in self._running.values()} | promised
        await asyncio.gather(*(self.remove(name, grace) for name in known))

    def log_file(self, task: str) -> Path:
        """Where a task's output is."""
        return self._files.log(task)

    # --- keeping groups running --------------------------------------------------------------------

    def _converge(self, name: str, *, ahead: bool = False) -> None:
        """Start what is missing, stop what is too much; the newest go first. ahead: of all that wait."""
        kept = self._groups.get(name)
        if kept is None or not self._keep or (kept.waiting and not (ahead and kept.paced)):
            return
        self._adopt()  # another control plane may have started some while this one slept
        alive = [r for r in self._running.values() if r.process.intent.group == name and not r.stopping]
        alive.sort(key=lambda running: running.process.intent.started_at)
        for extra in alive[kept.group.count :]:
            self._stop(extra, REPLACE_GRACE)
        try:
            for _ in range(kept.group.count - len(alive)):
                pause = self._pace.turn(asyncio.get_running_loop().time())
                if pause and not ahead:
                    self._come_back(kept, name, pause, paced=True)
                    return
                self._start(kept.group)
        except OSError as error:  # full disk, too many processes: later, and the log says so
            log.error("task cannot start", group=name, error=str(error))
            kept.deaths_young = max(kept.deaths_young, 2) + 1  # never at once
            self._retry_later(kept, name)

    def _start(self, group: Group) -> None:
        task = f"{group.name}.{secrets.token_hex(4)}"
        port = None if group.port is None else group.port or self._free_port()
        intent = Intent(task, group.name, group.release.name, self._now(), port)
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        environment |= {**group.release.settings, **group.environment}
        environment |= {
            "LINKPOOL_GROUP": group.name,
            "LINKPOOL_TASK": task,
            "LINKPOOL_TOKEN_FILE": str(self._promises.token_path(group.name)),
        }
        if port is not None:
            listen = {"HOST": LOOPBACK, "PORT": str(port)}
            environment |= listen | {f"EA_{name}": value for name, value in listen.items()}
        process = self._files.spawn(intent, group.release.command, environment)
        log.info("task started", task=task, pid=process.pid)
        self._watch(process)
        self._tell(task, group.name, Phase.RUNNING, "started")

    def _free_port(self) -> int:
        """A port nobody listens on, and none of our tasks was given; whoever takes it first is no harm:
        the task dies, and the next one gets another.
        """
        given = {running.process.intent.port for running in self._running.values()}
        while True:
            with socket.create_server((LOOPBACK, 0)) as probe:
                port = int(probe.getsockname()[1])
            if port not in given:
                return port

    def _adopt(self) -> set[str]:
        """Take up tasks of the folder that are not watched yet, clear away dead ones; their groups."""
        groups = set()
        for name in self._files.names():
            if name in self._running:
                continue
            process = self._files.find(name)
            if process is None:
                self._files.forget(name, LOGS_KEPT)
            else:
                log.info("task found", task=name, pid=process.pid)
                self._watch(process)
                groups.add(process.intent.group)
        return groups

    def _watch(self, process: Process) -> None:
        self._running[process.intent.task] = _Running(process)
        asyncio.get_running_loop().add_reader(process.pidfd, self._ended, process.intent.task)

    def _ended(self, task: str) -> None:
        """The kernel says that a task's process is gone."""
        running = self._running.pop(task)
        intent = running.process.intent
        asyncio.get_running_loop().remove_reader(running.process.pidfd)
        detail = running.process.reap()
        if running.kill:
            running.kill.cancel()
        self._files.forget(task, LOGS_KEPT)
        running.ended.set()
        log.info("task is gone", task=task, how=detail)
        self._tell(task, intent.group, Phase.GONE, detail)
        kept = self._groups.get(intent.group)
        if kept is None:
            return
        if not running.stopping:
            young = self._now() - intent.started_at < YOUNG
            kept.deaths_young = kept.deaths_young + 1 if young else 0
        self._retry_later(kept, intent.group)

    def _retry_later(self, kept: _Kept, name: str) -> None:
        """Converge now, or after a pause that doubles with every further early death."""
        if kept.waiting and not kept.paced:
            return
        if kept.deaths_young > 2:
            self._come_back(kept, name, min(BACKOFF_MAX, 2.0 ** (kept.deaths_young - 3)))
        else:
            self._converge(name, ahead=True)

    def _come_back(self, kept: _Kept, name: str, pause: float, *, paced: bool = False) -> None:
        """Converge after so many seconds, and not before; who waits for others only may go ahead of them."""

        def resume() -> None:
            kept.waiting = None
            self._converge(name)

        if kept.waiting:
            kept.waiting.cancel()
        kept.waiting, kept.paced = asyncio.get_running_loop().call_later(pause, resume), paced

    def _stop(self, running: _Running, grace: float) -> None:
        if running.stopping:
            return
        running.stopping = True
        running.process.signal(signal.SIGTERM)
        running.process.signal(signal.SIGCONT)  # a stopped process hears nothing until it goes on
        running.kill = asyncio.get_running_loop().call_later(grace, running.process.signal, signal.SIGKILL)
        intent = running.process.intent
        self._tell(intent.task, intent.group, Phase.STOPPING, "")

    def _tell(self, task: str, group: str, phase: Phase, detail: str) -> None:
        for queue in self._listeners:
            queue.put_nowait(TaskEvent(task, group, phase, detail))


def _disk(error: OSError) -> EngineUnreachable:
    return EngineUnreachable(
        f"the local engine cannot use its folder: {error}; free the disk or fix its rights"
    )
