"""A pool under a real Prometheus: every figure is shown, an alert fires, and its page's commands help."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import pytest_asyncio

from tests.integration.observability.test_rules import NAME, expressions
from tests.support.pool import RealPool, real_pool
from tests.support.prometheus import prometheus
from tests.support.runbooks import RUNBOOKS, commands
from tests.support.until import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RealPool]:
    """In a folder where the commands look for it by themselves."""
    async with real_pool(tmp_path_factory.mktemp("pool") / ".linkpool") as made:
        yield made


async def shown(pool: RealPool) -> str:
    """Everything that the processes of a pool show."""
    urls = [pool.control.url, *(replica.health for replica in await pool.replicas() if replica.health)]
    texts = []
    for url in urls:
        async with pool.http.get(f"{url}/metrics") as reply:
            texts.append(await reply.text())
    return "\n".join(texts)


def described(text: str) -> set[str]:
    """Names of samples that the families of a text stand for, those of histograms and counters included."""
    kinds = re.findall(r"^# TYPE (\S+) (\S+)", text, re.MULTILINE)
    return {name + ending for name, _ in kinds for ending in ("", "_total", "_bucket", "_sum", "_count")}


async def test_every_figure_they_speak_of_is_shown_by_a_process(pool: RealPool) -> None:
    await pool.ask()
    await pool.settled()
    names = described(await shown(pool))
    spoken = {name for expression in expressions() for name in NAME.findall(expression)}
    assert spoken <= names, f"nobody shows {sorted(spoken - names)}"
    headers = pool.headers
    async with pool.http.get(f"{pool.control.url}/api/v1/targets", headers=headers) as reply:
        targets = await reply.json()
    tasks = {replica.task for replica in await pool.replicas()}
    assert {target["labels"]["task"] for target in targets} == tasks
    assert all(set(target["labels"]) == {"node", "task", "colour"} for target in targets)


async def test_a_replica_that_never_comes_back_is_an_alert_whose_page_tells_what_is_wrong(
    pool: RealPool, tmp_path: Path
) -> None:
    async with prometheus(pool, tmp_path / "prometheus") as watch:

        async def all_read() -> bool:
            return len(await watch.healthy_targets()) == 3

        await until(all_read, "Prometheus reads the control plane and two replicas")
        assert await watch.firing("ReplicaAlone") == []
        survivor, victim = await pool.replicas()
        assert survivor.pid
        async with nobody_beside(pool, survivor.pid):
            (alert,) = await until(lambda: watch.firing("ReplicaAlone"), "the alert fires")
            assert alert["labels"]["node"] == pool.oracle
            assert alert["labels"]["severity"] == "critical"
            await until(lambda: watch.firing("PoolAlarm"), "the control plane's own alarm is an alert too")
            told = {"FILE": str(pool.folder.config), "NODE": alert["labels"]["node"]}
            status, engine, logs = await page("ReplicaAlone", pool, told)
            assert survivor.task in status
            assert f"{victim.task} " not in status
            assert survivor.task in engine
            assert f"== {victim.task}" in logs
            alarms, events = await page("PoolAlarm", pool, told)
            assert "flapping" in alarms
            assert "alarm_up" in events
        await pool.replicas()

        async def over() -> bool:
            return await watch.firing("ReplicaAlone") == []

        await until(over, "the alert is over")


@asynccontextmanager
async def nobody_beside(pool: RealPool, survivor: int) -> AsyncIterator[None]:
    """Whatever the engine starts dies before it can serve, while the context is open."""

    async def kill() -> None:
        while True:
            for pid in pool.processes() - {survivor}:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(0.1)

    killing = asyncio.create_task(kill())
    try:
        yield
    finally:
        killing.cancel()


async def page(alert: str, pool: RealPool, told: dict[str, str]) -> list[str]:
    """What the page's commands print, each as it stands there; one that stays is ended by Ctrl-C."""
    said = []
    for command in commands((RUNBOOKS / f"{alert}.md").read_text()):
        words = [told.get(word, word) for word in command.split()]
        said.append(await typed(words[1:], pool))
    return said


def hear_ctrl_c() -> None:
    """As a shell's foreground does; who started the tests in the background may have them ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


async def typed(words: list[str], pool: RealPool) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "linkpool", *words),
        cwd=pool.folder.root.parent,
        env={**os.environ, "LINKPOOL_URL": pool.control.url, "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        preexec_fn=hear_ctrl_c,
    )
    assert process.stdout
    said, stays = b"", words[0] == "events"
    while stays and b"alarm_up" not in said:
        line = await process.stdout.readline()
        assert line, said.decode()
        said += line
    if stays:
        process.send_signal(signal.SIGINT)
    said += (await process.communicate())[0]
    assert process.returncode == (130 if stays else 0), said.decode()
    return said.decode()
