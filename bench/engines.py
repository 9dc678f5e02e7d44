"""Each engine: seconds to make a node, to replace a killed replica, to upgrade under load; what is missed.

`local` runs processes of this machine, `swarm` containers on three machines made of network namespaces,
`ecs` tasks of an emulator of AWS. Each has a dev chain of its own with blocks of 1 s, and 20 requests a
second while a replica is killed and the node is upgraded. Root; `scripts/setup engines` first. Targets
(design, section 9): a new replica serves 3 s after a kill on `local`, 10 s on `swarm` and `ecs`; nothing is
missed; an upgrade takes at most 20 s on `local`.
"""

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench._pool import percentile, report
from linkpool.api.client import Client, until_serving
from linkpool.api.client_rollouts import OVER, put_release, releases, rollout, start_rollout
from linkpool.dev.tally import Tally
from linkpool.wire.api import ReplicaView
from linkpool.wire.rollout import PutRelease, StartRollout
from tests.support.docker import Daemon, daemon
from tests.support.ecs_pool import ecs_pool
from tests.support.images import Images, build_all
from tests.support.pool import RealPool, real_pool, traffic
from tests.support.swarm_pool import swarm_pool

PATIENCE = 180.0
SETTLE_SECONDS = 120.0
EVERY = 0.05
"""Seconds between two requests of the load."""


@dataclass
class Bench:
    """One engine with a node that serves. kill: SIGKILL to what a replica runs in."""

    pool: RealPool
    control: Client
    kill: Callable[[ReplicaView], None]


async def measure() -> Mapping[str, object]:
    """Figures by engine."""
    figures: dict[str, object] = {}
    with tempfile.TemporaryDirectory(prefix="linkpool-bench-") as name, daemon() as docker:
        images = build_all(docker.socket, Path(name))
        for engine, started in (
            ("local", _local(Path(name) / "local")),
            ("swarm", _swarm(Path(name) / "swarm", images)),
            ("ecs", _ecs(Path(name) / "ecs", docker, images)),
        ):
            async with started as bench:
                figures[engine] = await _all(bench)
    return figures


async def _all(bench: Bench) -> Mapping[str, object]:
    made = await _timed(_make(bench))
    async with traffic(bench.pool, EVERY):
        replaced = await _timed(_replace(bench))
        upgraded = await _timed(_upgrade(bench))
    tally = await _settled(bench)
    delays = [fate.delay for fate in tally.fates.values() if fate.delay is not None]
    return {
        "make_a_node_s": made,
        "replace_a_killed_replica_s": replaced,
        "upgrade_a_node_s": upgraded,
        "requests": len(tally.fates),
        "missed": tally.open,
        "paid_twice": tally.paid_twice,
        "delay_p50_blocks": percentile(delays, 0.5),
        "delay_max_blocks": max(delays, default=None),
    }


async def _settled(bench: Bench) -> Tally:
    """Once every request is answered; those still open after a while are missed."""
    tally = await bench.pool.tally()
    with suppress(TimeoutError):
        async with asyncio.timeout(SETTLE_SECONDS):
            while tally.open:
                await asyncio.sleep(0.2)
                await tally.update()
    return tally


async def _timed(work: Awaitable[None]) -> float:
    loop = asyncio.get_running_loop()
    began = loop.time()
    await work
    return round(loop.time() - began, 2)


async def _make(bench: Bench) -> None:
    made = await bench.control.make_node()
    await until_serving(bench.control, made.node.index, PATIENCE)


async def _replace(bench: Bench) -> None:
    victim = (await bench.pool.replicas())[0]
    bench.kill(victim)
    await bench.pool.replicas(victim, within=PATIENCE)


async def _upgrade(bench: Bench) -> None:
    """To the same program under another name, so that only the moving is measured."""
    control = bench.control
    current = next(each for each in await releases(control) if each.current)
    again = PutRelease(command=current.command, image=current.image, settings=current.settings)
    await put_release(control, "again", again)
    wanted = StartRollout(release="again", nodes=[bench.pool.oracle])
    now = (await start_rollout(control, wanted)).rollout
    async with asyncio.timeout(PATIENCE):
        while now.state not in OVER:
            await asyncio.sleep(0.1)
            now = await rollout(control, now.id)
    if now.state != "done":
        raise RuntimeError(f"the upgrade ended {now.state}: {now.detail}")


@asynccontextmanager
async def _local(folder: Path) -> AsyncIterator[Bench]:
    def kill(replica: ReplicaView) -> None:
        if replica.pid is not None:
            os.kill(replica.pid, signal.SIGKILL)

    async with real_pool(folder) as pool:
        yield Bench(pool, pool.control, kill)


@asynccontextmanager
async def _swarm(folder: Path, images: Images) -> AsyncIterator[Bench]:
    async with swarm_pool(folder, images, nodes=1) as stage:

        def kill(replica: ReplicaView) -> None:
            host, container = stage.container(replica.task)
            host.docker("kill", "--signal", "KILL", container)

        yield Bench(stage.nodes[0], await stage.leader(), kill)


@asynccontextmanager
async def _ecs(folder: Path, docker: Daemon, images: Images) -> AsyncIterator[Bench]:
    async with ecs_pool(folder, docker, images.linkpool) as stage:
        yield Bench(stage.pool, stage.pool.control, lambda replica: stage.kill(replica.task))


def main(arguments: list[str]) -> None:
    """`python -m bench engines`."""
    report("engines", arguments, measure)
