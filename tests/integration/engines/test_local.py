"""The local engine: the conformance suite over real processes, and what is its own."""

import asyncio
import errno
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from linkpool.engines.local import LocalEngine
from linkpool.engines.protocol import Engine, EngineRefused, Group, Release, Task
from linkpool.engines.taskfile import TaskFolder, locked
from tests.engines.conformance import Bench, Conformance, running, settled, shell, steady, until

PATIENT = shell("exec sleep 1000")


@dataclass
class Processes:
    """`Hands` on the processes of this machine."""

    folder: Path

    async def kill(self, task: Task) -> None:
        assert task.pid
        os.kill(task.pid, signal.SIGKILL)
        await until(partial(self._gone, task.pid))

    @staticmethod
    async def _gone(pid: int) -> bool:
        return not Path(f"/proc/{pid}").exists()

    async def freeze(self, task: Task) -> None:
        assert task.pid
        os.kill(task.pid, signal.SIGSTOP)

    async def log(self, task: Task) -> Path:
        return self.folder / "logs" / f"{task.id}.log"

    async def listings(self) -> str:
        """What `ps` and everybody's /proc show, and the files that are no secret's."""
        files = [path for kind in ("groups", "tasks") for path in (self.folder / kind).glob("*.json")]
        async with LocalEngine(self.folder, "test", time.time, keep=False) as engine:
            pids = [task.pid for task in await engine.tasks()]
        files += [Path(f"/proc/{pid}/{name}") for pid in pids for name in ("cmdline", "environ")]
        return "\n".join(path.read_text() for path in files)


@dataclass
class Disk:
    """`Way` of an engine that talks to nobody: its folder and the kernel can fail it."""

    folder: Path
    patch: pytest.MonkeyPatch

    @contextmanager
    def cut(self) -> Iterator[None]:
        """The disk is gone for a while; what runs has written down its pid before."""
        while not all(task.with_suffix(".pid").exists() for task in (self.folder / "tasks").glob("*.json")):
            time.sleep(0.01)
        away = self.folder.with_name("away")
        self.folder.rename(away)
        try:
            yield
        finally:
            away.rename(self.folder)

    @contextmanager
    def slow(self) -> Iterator[None]:
        """Starting a process takes long."""
        with self._spawning(lambda spawn: (time.sleep(0.2), spawn())[1]):
            yield

    @contextmanager
    def lost(self, call: bytes) -> Iterator[None]:
        """The process is there, and the kernel says that it is not."""
        done = []

        def half(spawn: Callable[[], int]) -> int:
            made = spawn()
            if not done:
                done.append(call)
                raise OSError(errno.EIO, "the answer is lost")
            return made

        with self._spawning(half):
            yield
        assert done

    @contextmanager
    def _spawning(self, way: Callable[[Callable[[], int]], int]) -> Iterator[None]:
        spawn = os.posix_spawn
        with self.patch.context() as patch:
            patch.setattr(os, "posix_spawn", lambda *given, **told: way(lambda: spawn(*given, **told)))
            yield


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    def folder(pool: str) -> Path:
        return tmp_path if pool == "test" else tmp_path.with_name(f"{tmp_path.name}-{pool}")

    yield Bench(
        lambda pool: LocalEngine(folder(pool), pool, time.time),
        Processes(tmp_path),
        Disk(tmp_path, monkeypatch),
        (b"spawn",),
        patient=PATIENT,
    )
    for pool in ("test", "other"):
        async with LocalEngine(folder(pool), pool, time.time) as engine:
            await engine.stop_all(0.1)


class TestConformance(Conformance):
    """Every promise of the protocol, on child processes."""


async def test_a_kill_is_noticed_within_milliseconds_also_by_an_engine_that_found_the_task(
    bench: Bench,
) -> None:
    for _ in ("own child", "found again"):
        async with bench.mine() as engine:
            await engine.ensure(bench.group())
            victim = (await settled(engine, 2))[0]
            told = asyncio.ensure_future(anext(engine.events()))
            await asyncio.sleep(0)
            assert victim.pid
            os.kill(victim.pid, signal.SIGKILL)
            assert (await told).task == victim.id


async def test_the_child_gets_its_names_and_token_file_and_none_of_our_secrets(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINKPOOL_PASSPHRASE", "of the control plane")
    printer = shell('env; cat "$LINKPOOL_TOKEN_FILE"; exec sleep 1000')
    async with bench.mine() as engine:
        assert isinstance(engine, LocalEngine)
        await engine.ensure(bench.group(count=1, command=printer))
        (task,) = await settled(engine, 1)
        await until(lambda: _contains(engine.log_file(task.id), "secret-t"))
        said = engine.log_file(task.id).read_text()
        assert f"LINKPOOL_TASK={task.id}\n" in said
        assert "LINKPOOL_GROUP=n0-blue\n" in said
        assert "LINKPOOL_RPC_URLS=ws://x\n" in said
        assert "of the control plane" not in said
        token = tmp_path / "groups" / "n0-blue.token"
        assert stat.S_IMODE(token.stat().st_mode) == 0o600
        assert task.pid
        assert os.getsid(task.pid) == task.pid
        assert b"secret-t" not in Path(f"/proc/{task.pid}/cmdline").read_bytes()
        assert b"secret-t" not in Path(f"/proc/{task.pid}/environ").read_bytes()


async def _contains(path: Path, text: str) -> bool:
    return path.exists() and text in path.read_text()


async def test_tasks_of_a_control_plane_killed_by_sigkill_are_found(bench: Bench, tmp_path: Path) -> None:
    program = f"""
import asyncio, os, signal, time
from pathlib import Path
from linkpool.engines.local import LocalEngine
from linkpool.engines.protocol import Group, Release
async def main():
    async with LocalEngine(Path({str(tmp_path)!r}), "test", time.time) as engine:
        await engine.ensure(Group("test", "n0-blue", Release("r1", {PATIENT!r}), {{}}, "t", 2))
        os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    ended = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program], check=False)
    assert ended.returncode == -signal.SIGKILL
    async with bench.mine() as engine:
        assert len(await running(engine)) == 2
        assert len(await engine.tasks()) == 2


async def test_an_intent_without_a_process_is_cleared_away(bench: Bench, tmp_path: Path) -> None:
    async with bench.mine():
        pass
    orphan = tmp_path / "tasks" / "n0-blue.00000000.json"
    orphan.write_text('{"task": "n0-blue.00000000", "group": "n0-blue", "release": "r1", "started_at": 1}')
    (tmp_path / "tasks" / "n0-blue.00000000.pid").write_text("1\n")  # a pid that lives, and is another's
    async with bench.mine() as engine:
        assert await engine.tasks() == []
    assert not orphan.exists()


async def test_a_group_that_flaps_waits_between_starts(bench: Bench, tmp_path: Path) -> None:
    flapping = shell(f"echo x >> {tmp_path}/starts; exit 3")
    async with bench.mine() as engine:
        started = time.monotonic()
        await engine.ensure(bench.group(count=1, command=flapping))
        await until(lambda: _contains(tmp_path / "starts", "x\n" * 4))
        assert time.monotonic() - started >= 1.0  # the fourth start came after a pause of a second
        (tmp_path / "starts").unlink()
        await engine.remove("n0-blue", 0.1)
        assert len(list((tmp_path / "logs").iterdir())) <= 10


@pytest.mark.parametrize("count", [2, 3])  # of three one still stands in line itself
async def test_who_dies_while_others_wait_to_start_has_a_successor_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr("linkpool.engines.pace.START_SECONDS", 3_600.0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0})
    async with bench.mine() as engine:
        await engine.ensure(bench.group(count=count))
        victim, _ = await settled(engine, 2)
        assert victim.pid
        os.kill(victim.pid, signal.SIGKILL)
        await settled(engine, count, without=victim.id)


async def test_many_that_wait_to_start_all_do(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linkpool.engines.pace.START_SECONDS", 0.05)
    many = [bench.group(f"n{number}-blue", count=5) for number in range(4)]
    async with bench.mine() as engine:
        for group in many:
            await engine.ensure(group)
        for group in many:
            await until(partial(steady, engine, group))


async def test_what_cannot_run_is_refused_with_the_reason(bench: Bench) -> None:
    async with bench.mine() as engine:
        with pytest.raises(EngineRefused, match="no command"):
            await engine.ensure(replace(bench.group(), release=Release("image-only", image="x")))
        with pytest.raises(EngineRefused, match="lower case"):
            await engine.ensure(bench.group("../up"))
        with pytest.raises(EngineRefused, match="pool other"):
            await engine.ensure(bench.group(pool="other"))
        with pytest.raises(EngineRefused, match="no task"):
            await engine.replace("n0-blue.12345678", "test")


async def test_two_engines_on_one_folder_end_with_the_wanted_count(bench: Bench) -> None:
    """A control plane that slept through its term wakes up beside the new leader."""
    async with bench.mine() as old, bench.mine() as new:
        await old.ensure(bench.group())
        victim = (await settled(new, 2))[0]
        assert victim.pid
        os.kill(victim.pid, signal.SIGKILL)  # both are told, both want to start another

        async def agreed() -> bool:
            ours = {task.id for task in await running(old)}
            return len(ours) == 2 and victim.id not in ours and ours == {t.id for t in await running(new)}

        await until(agreed)
        await settled(new, 2, without=victim.id)


async def test_a_disk_that_is_full_for_a_while_only_delays_a_start(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    spawn, failures = os.posix_spawn, 2

    def reluctant(*arguments: Any, **options: Any) -> int:
        nonlocal failures
        if failures:
            failures -= 1
            raise OSError(errno.ENOSPC, "No space left on device")
        return spawn(*arguments, **options)

    monkeypatch.setattr(os, "posix_spawn", reluctant)
    async with bench.mine() as engine:
        await engine.ensure(bench.group())
        assert len(await engine.tasks()) < 2
        await settled(engine, 2)


async def test_an_engine_that_looks_while_another_spawns_never_loses_the_task(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the worst moment, right before the process exists, a second engine looks at the folder."""
    spawn = os.posix_spawn
    looks = 0

    def watched(*arguments: Any, **options: Any) -> int:
        nonlocal looks
        looks += 1
        names = TaskFolder(tmp_path).names()
        assert names
        for name in names:
            path = tmp_path / "tasks" / f"{name}.json"
            assert locked(path)
        return spawn(*arguments, **options)

    monkeypatch.setattr(os, "posix_spawn", watched)
    async with bench.mine() as engine:
        await engine.ensure(bench.group())
        await settled(engine, 2)
    assert looks == 2


async def test_a_promise_without_its_token_stops_nobody(bench: Bench, tmp_path: Path) -> None:
    async with bench.mine() as engine:
        await engine.ensure(bench.group())
        await settled(engine, 2)
    (tmp_path / "groups" / "n0-blue.token").unlink()
    async with bench.mine() as engine:
        assert isinstance(engine, LocalEngine)
        await engine.ensure(bench.group())
        assert (tmp_path / "groups" / "n0-blue.token").read_text() == "secret-t"
        (tmp_path / "groups" / "n0-blue.token").unlink()
        await engine.stop_all(0.1)
        assert await engine.tasks() == []


async def _settled(engine: Engine, group: Group, without: str = "") -> list[Task]:
    async def good() -> bool:
        now = await running(engine, group.name)
        return len(now) == 2 and without not in {task.id for task in now}

    await until(good)
    return await running(engine, group.name)


async def _answers(address: str) -> bool:
    try:
        reader, writer = await asyncio.open_connection(*address.split(":"))
    except OSError:
        return False
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    status = await reader.readline()
    writer.close()
    return b" 200 " in status


async def test_a_group_with_a_port_listens_where_its_tasks_say_also_for_an_engine_that_found_them(
    bench: Bench,
) -> None:
    command = (*shell('exec "$0" -m http.server --bind "$HOST" "$EA_PORT"'), sys.executable)
    group = replace(bench.group("b-price-blue-1", command=command), port=0)
    async with bench.mine() as engine:
        await engine.ensure(group)
        addresses = {task.id: task.address for task in await _settled(engine, group)}
        assert len(set(addresses.values())) == 2
        for address in addresses.values():
            assert address
            await until(partial(_answers, address))
    async with bench.mine() as engine:
        assert {task.id: task.address for task in await _settled(engine, group)} == addresses
        victim, survivor = await running(engine, group.name)
        assert victim.pid
        os.kill(victim.pid, signal.SIGKILL)
        after = {task.id: task.address for task in await _settled(engine, group, victim.id)}
        assert after[survivor.id] == addresses[survivor.id]
        fresh = next(address for task, address in after.items() if task != survivor.id)
        assert fresh not in (None, survivor.address)


async def test_two_tasks_of_one_machine_cannot_share_a_port(bench: Bench) -> None:
    async with bench.mine() as engine:
        with pytest.raises(EngineRefused, match="cannot share port 80"):
            await engine.ensure(replace(bench.group(), port=80))
