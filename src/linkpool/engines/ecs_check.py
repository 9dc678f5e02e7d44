"""What AWS must have before it can run a pool, looked at one thing after the other."""

from collections.abc import AsyncIterator, Awaitable, Sequence

from linkpool.engines.aws import Aws
from linkpool.engines.ecs_spec import Place
from linkpool.engines.protocol import EngineRefused, EngineUnreachable, Finding

FARGATE_SIZES: dict[int, Sequence[int]] = {
    256: (512, 1024, 2048),
    512: range(1024, 4096 + 1, 1024),
    1024: range(2048, 8192 + 1, 1024),
    2048: range(4096, 16_384 + 1, 1024),
    4096: range(8192, 30_720 + 1, 1024),
    8192: range(16_384, 61_440 + 1, 4096),
    16_384: range(32_768, 122_880 + 1, 8192),
}
"""MiB by CPU units (Amazon ECS Developer Guide, task size)."""


async def examine_ecs(place: Place, endpoint: str | None = None) -> AsyncIterator[Finding]:
    """Cluster, subnets and their zones, capacity provider or size of tasks, log group, roles.

    Stops after the first where all others need it.
    """
    ecs, ec2, logs = (Aws(service, place.region, endpoint) for service in ("ecs", "ec2", "logs"))
    who = "check aws_region, and that this process has credentials (a task role, or AWS_PROFILE)"
    yield (cluster := await _looked("engine", _cluster(place, ecs), who))
    if not cluster.good:
        return
    yield await _looked("subnets", _subnets(place, ec2), "set ecs_subnets to subnets of the cluster")
    if place.capacity_provider:
        yield await _looked(
            "capacity", _provider(place, ecs), "set ecs_capacity_provider to one that is there"
        )
    else:
        yield _size(place)
    if place.log_group:
        yield await _looked("logs", _logs(place, logs), "set ecs_log_group to one of this region")
    if place.execution_role is None:
        advice = "set ecs_execution_role: without it no task can read its token from Secrets Manager"
        yield Finding("roles", good=False, text="no execution role", advice=advice)


async def _looked(what: str, look: Awaitable[Finding], advice: str) -> Finding:
    try:
        return await look
    except (EngineUnreachable, EngineRefused) as error:
        return Finding(what, good=False, text=str(error), advice=advice)


async def _cluster(place: Place, ecs: Aws) -> Finding:
    answer = await ecs.call("describe_clusters", clusters=[place.cluster])
    active = [each for each in answer["clusters"] if each["status"] == "ACTIVE"]
    if not active:
        advice = "make the cluster (docs/aws.md), or set ecs_cluster to one that is there"
        return Finding("engine", good=False, text=f"ecs: no cluster {place.cluster}", advice=advice)
    return Finding("engine", good=True, text=f"ecs: cluster {place.cluster} in {place.region}")


async def _subnets(place: Place, ec2: Aws) -> Finding:
    answer = await ec2.call("describe_subnets", SubnetIds=list(place.subnets))
    found = answer["Subnets"]
    zones = sorted({each["AvailabilityZone"] for each in found})
    free = sum(each["AvailableIpAddressCount"] for each in found)
    text = f"{len(found)} in {', '.join(zones)}; {free} addresses free"
    if len(zones) < 2:
        advice = "add a subnet in a second zone: a pair in one zone is lost with it"
        return Finding("subnets", good=False, text=text, advice=advice)
    return Finding("subnets", good=True, text=text)


async def _provider(place: Place, ecs: Aws) -> Finding:
    """Providers are the account's: one that is well may still be another cluster's."""
    name = place.capacity_provider or ""
    answer = await ecs.call("describe_capacity_providers", capacityProviders=[name])
    status = answer["capacityProviders"][0]["status"] if answer.get("capacityProviders") else None
    if status != "ACTIVE":
        advice = "make it, or leave ecs_capacity_provider out and run on Fargate"
        text = f"{name} is {status.lower()}" if status else f"no capacity provider {name}"
        return Finding("capacity", good=False, text=text, advice=advice)
    seen = await ecs.call("describe_clusters", clusters=[place.cluster])
    if not any(name in cluster["capacityProviders"] for cluster in seen["clusters"]):
        text = f"{name} is not attached to cluster {place.cluster}, which takes no service for it"
        advice = "`aws ecs put-cluster-capacity-providers`, with all that the cluster shall have"
        return Finding("capacity", good=False, text=text, advice=advice)
    return Finding("capacity", good=True, text=f"{name} is active, and the cluster's")


def _size(place: Place) -> Finding:
    text, fits = f"{place.cpu} CPU units and {place.memory} MiB a task", FARGATE_SIZES.get(place.cpu)
    if fits is not None and place.memory in fits:
        return Finding("size", good=True, text=text)
    name, choice = ("task_memory", fits) if fits else ("task_cpu", FARGATE_SIZES)
    advice = f"set {name} to one of {', '.join(str(each) for each in choice)}"
    return Finding("size", good=False, text=f"Fargate has no {text}", advice=advice)


async def _logs(place: Place, logs: Aws) -> Finding:
    name = place.log_group or ""
    answer = await logs.call("describe_log_groups", logGroupNamePrefix=name)
    if not any(each["logGroupName"] == name for each in answer["logGroups"]):
        advice = f"`aws logs create-log-group --log-group-name {name}`: a task without it does not start"
        return Finding("logs", good=False, text=f"no log group {name}", advice=advice)
    return Finding("logs", good=True, text=name)
