"""`linkpool logs` where CloudWatch keeps what replicas say, read with this machine's own credentials."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from linkpool.api.engine import ecs_place
from linkpool.api.settings import Settings
from linkpool.cli.logs import NoLogs, node_with_replicas, tails
from linkpool.engines.ecs import EcsEngine
from linkpool.engines.ecs_logs import EcsLogs
from linkpool.wire.api import NodeView


async def tails_by(config: Path, nodes: Sequence[NodeView], wanted: str, lines: int) -> Mapping[str, str]:
    """As `logs.tails`, from where the engine of a settings file keeps them. Raises as `cloud_tails` does."""
    settings = Settings.load(config)
    if settings.engine == "local":
        return tails(nodes, wanted, [settings.state], lines)
    if settings.engine == "ecs":
        return await cloud_tails(nodes, wanted, settings, lines)
    raise NoLogs("a swarm keeps what replicas say: `docker service logs` on one of its managers shows it")


async def cloud_tails(
    nodes: Sequence[NodeView], wanted: str, settings: Settings, lines: int
) -> Mapping[str, str]:
    """As `logs.tails`. Raises NoLogs, EngineRefused, EngineUnreachable."""
    node, place = node_with_replicas(nodes, wanted), ecs_place(settings)
    if place.log_group is None:
        raise NoLogs("ecs_log_group is not set, so nobody keeps what replicas say; set it and roll out")
    logs = EcsLogs(place.log_group, place.region, settings.aws_endpoint)
    async with EcsEngine(place, settings.aws_endpoint) as engine:
        groups = {task.id: task.group for task in await engine.tasks()}
    running = [replica.task for replica in node.replicas]
    found = dict.fromkeys(running, f"(nothing in {place.log_group} yet)")
    for group in {groups[task] for task in running if task in groups}:
        said = await logs.tasks(group)
        ended = sorted(said.keys() - groups.keys(), key=lambda task: said[task])[-1:]
        for task in [*(each for each in running if each in said), *ended]:
            found[task] = "\n".join(await logs.tail(group, task, lines))
    return found
