"""What lives in a stack and is none of its own resources: the pool's services, and machines with their tasks.

CloudFormation does not see them. It would begin to take away what they stand on, and fail halfway or wait
for hours: a cluster with services cannot be deleted, and machines are protected from leaving until ECS itself
lets them go, which it does no more once its capacity provider is gone.
"""

from collections.abc import Mapping
from typing import Any

from linkpool.engines.aws import Aws

_CONTROL = "control-"
_TAKES_CHANGES = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")


async def who_stays(there: Mapping[str, Any], ecs: Aws) -> str | None:
    """Who is still in a stack's cluster, and what to do; None when nobody is.

    Raises EngineRefused, EngineUnreachable.
    """
    if (cluster := outputs(there).get("ClusterName")) is None:
        return None
    clusters = (await ecs.call("describe_clusters", clusters=[cluster]))["clusters"]
    if not any(each["status"] == "ACTIVE" for each in clusters):
        return None  # an earlier deletion came as far as that
    if running := await _groups(cluster, ecs):
        return (
            f"{len(running)} services still run in its cluster ({running[0]}, ...): "
            "retire the nodes and remove the bridges first"
        )
    if count := sum(each.get("registeredContainerInstancesCount", 0) for each in clusters):
        return (
            f"{count} machines are still in its cluster: they go by themselves, "
            "about a quarter of an hour after their last task; come back then"
        )
    return None


def protected(there: Mapping[str, Any]) -> str | None:
    """Why the database would refuse to go, and what to do; None when it would go, or is none of the stack's.

    A stack that takes no changes any more is not held up by what could not be changed.
    """
    given = parameters(there)
    own = given.get("DatabaseUrl") == "" and given.get("DatabaseProtected") == "true"
    if not own or there["StackStatus"] not in _TAKES_CHANGES:
        return None
    return "its database is protected: `linkpool aws deploy --parameter DatabaseProtected=false --yes` first"


def parameters(there: Mapping[str, Any]) -> dict[str, str]:
    """What a stack was given."""
    return {one["ParameterKey"]: one["ParameterValue"] for one in there.get("Parameters", ())}


def outputs(there: Mapping[str, Any]) -> dict[str, str]:
    """What a stack tells."""
    return {one["OutputKey"]: one["OutputValue"] for one in there.get("Outputs", ())}


async def _groups(cluster: str, ecs: Aws) -> list[str]:
    arns = await ecs.every("list_services", "serviceArns", cluster=cluster)
    names = (arn.rpartition("/")[2] for arn in arns)
    return sorted(name for name in names if not name.startswith(_CONTROL))
