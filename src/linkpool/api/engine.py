"""The engine that the settings name, and what its tasks are told because of it."""

import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial

from linkpool.api.settings import Settings
from linkpool.engines.docker import Docker
from linkpool.engines.ecs import EcsEngine
from linkpool.engines.ecs_check import examine_ecs
from linkpool.engines.ecs_spec import Place
from linkpool.engines.local import LocalEngine
from linkpool.engines.protocol import Engine, Finding
from linkpool.engines.swarm import SwarmEngine
from linkpool.engines.swarm_check import examine
from linkpool.engines.swarm_spec import Ground
from linkpool.fleet.clock import Clock

HEALTH_PORT = 6688
"""Of every replica that has an address of its own."""


def open_engine(
    settings: Settings, clock: Clock, *, keep: bool = True
) -> AbstractAsyncContextManager[Engine]:
    """A new object over the same engine each time; entering it may raise EngineUnreachable.

    keep: start what is missing, which on one machine is this process's own work.
    """
    if settings.engine == "local":
        return local_engine(settings, clock, keep=keep)
    if settings.engine == "swarm":
        return SwarmEngine(swarm_ground(settings), settings.docker_socket)
    return EcsEngine(ecs_place(settings), settings.aws_endpoint)


def engine_of_terms(settings: Settings, clock: Clock) -> Callable[[], AbstractAsyncContextManager[Engine]]:
    """What opens the engine for one term after another; on AWS one object, which keeps what it has learnt."""
    if settings.engine != "ecs":
        return partial(open_engine, settings, clock)
    one = open_engine(settings, clock)
    return lambda: one


def local_engine(settings: Settings, clock: Clock, *, keep: bool = True) -> LocalEngine:
    """Child processes under the state folder."""
    return LocalEngine((settings.state / "engine").absolute(), settings.pool_name, clock.now, keep=keep)


def swarm_ground(settings: Settings) -> Ground:
    """What all groups of the pool share in a swarm."""
    return Ground(
        pool=settings.pool_name,
        network=settings.swarm_network,
        zone=settings.swarm_zone,
        constraints=tuple(settings.swarm_constraints),
        memory=settings.task_memory,
    )


def ecs_place(settings: Settings) -> Place:
    """Where all groups of the pool run on AWS."""
    return Place(
        pool=settings.pool_name,
        region=settings.aws_region or "",
        cluster=settings.ecs_cluster,
        subnets=tuple(settings.ecs_subnets),
        security_groups=tuple(settings.ecs_security_groups),
        execution_role=settings.ecs_execution_role,
        task_role=settings.ecs_task_role,
        log_group=settings.ecs_log_group,
        capacity_provider=settings.ecs_capacity_provider,
        public_ip=settings.ecs_public_ip,
        cpu=settings.task_cpu,
        memory=settings.task_memory,
    )


def for_tasks(settings: Settings) -> Mapping[str, str]:
    """Where a replica in a container serves its health; on one machine each takes a free port of loopback."""
    if settings.engine == "local":
        return {}
    return {"LINKPOOL_HEALTH_HOST": "0.0.0.0", "LINKPOOL_HEALTH_PORT": str(HEALTH_PORT)}  # noqa: S104 - its own


async def examine_engine(settings: Settings) -> AsyncIterator[Finding]:
    """Everything the engine needs to run this pool's replicas, and what to do about what is missing."""
    if settings.engine == "local":
        yield _program(settings.replica_command[0])
        return
    if settings.engine == "ecs":
        async for finding in examine_ecs(ecs_place(settings), settings.aws_endpoint):
            yield finding
        return
    async with Docker(settings.docker_socket) as docker:
        async for finding in examine(docker, swarm_ground(settings), settings.release_image or ""):
            yield finding


def _program(command: str) -> Finding:
    found = shutil.which(command)
    if found is None:
        advice = "release_command must begin with a program of this machine"
        return Finding("engine", good=False, text=f"local: {command!r} is no program", advice=advice)
    return Finding("engine", good=True, text=f"local: replicas run {found}")
