"""A stack, changed only by change sets that were shown before.

Whatever it is asked to become, CloudFormation first says what it would do (`look`); then the very same change
set is executed (`carry_out`) or thrown away (`forget`).
"""

import secrets
from collections.abc import Mapping
from typing import Any

from linkpool.aws.changes import Plan
from linkpool.aws.formation import Formation
from linkpool.aws.tenants import outputs, parameters, protected, who_stays
from linkpool.engines.aws import Aws
from linkpool.engines.protocol import EngineRefused


class Stacks:
    """Stacks of one region. endpoint: an emulator's address, in tests."""

    def __init__(self, region: str, endpoint: str | None = None) -> None:
        self._formation = Formation(region, endpoint)
        self._ecs = Aws("ecs", region, endpoint)

    async def look(self, stack: str, template: str, given: Mapping[str, str]) -> Plan:
        """Have a change set made. Parameters that are not given keep their value, or take their default.

        Raises EngineRefused (a wrong parameter, an unfinished stack, machines that are in use and would be
        taken away), EngineUnreachable.
        """
        there = await self._formation.described(stack)
        if there is None or there["StackStatus"] == "REVIEW_IN_PROGRESS":
            new, had = True, dict[str, str]()
        else:
            new, had = False, parameters(there)
            await self._refuse_to_take_machines(there, had, given)
        declared = await self._formation.declared(template)
        if strange := sorted(set(given) - declared):
            raise EngineRefused(f"the template has no parameter {', '.join(strange)}")
        values = [{"ParameterKey": key, "ParameterValue": value} for key, value in sorted(given.items())]
        kept = sorted((had.keys() & declared) - set(given))
        name = _token()
        changes = await self._formation.propose(
            stack,
            name,
            ChangeSetType="CREATE" if new else "UPDATE",
            TemplateBody=template,
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[*values, *({"ParameterKey": key, "UsePreviousValue": True} for key in kept)],
        )
        return Plan(stack, name, new, changes)

    async def carry_out(self, plan: Plan) -> Mapping[str, str]:
        """Execute it and wait for its end; its outputs. Raises EngineRefused when it was rolled back."""
        await self._formation.execute(plan.stack, plan.name)
        ended = await self._formation.until_ended(plan.stack)
        if ended is None or ended["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            status = "gone" if ended is None else ended["StackStatus"]
            why = await self._formation.first_failure(plan.stack, plan.name)
            raise EngineRefused(f"stack {plan.stack} is {status}: {why}")
        return outputs(ended)

    async def forget(self, plan: Plan) -> None:
        """Throw it away; a stack that was only about to be made is no more."""
        await self._formation.drop(plan.stack, plan.name)
        if plan.new:
            await self._formation.delete(plan.stack, _token())

    async def told(self, stack: str) -> dict[str, str]:
        """What its control planes are told in clear, by variable. Raises EngineRefused, EngineUnreachable."""
        there = await self._formation.described(stack)
        cluster = outputs(there).get("ClusterName") if there else None
        if cluster is None:
            raise EngineRefused(f"there is no stack {stack}, or it is not made yet")
        service = await self._ecs.call("describe_services", cluster=cluster, services=["control-a"])
        if not service["services"]:
            raise EngineRefused(f"no control plane is in cluster {cluster}")
        named = service["services"][0]["taskDefinition"]
        task = await self._ecs.call("describe_task_definition", taskDefinition=named)
        (container,) = task["taskDefinition"]["containerDefinitions"]
        return {one["name"]: one["value"] for one in container["environment"]}

    async def delete(self, stack: str) -> None:
        """Delete it and wait.

        Raises EngineRefused before anything is done while the pool is in it or its database is protected,
        and afterwards when something did not go.
        """
        there = await self._formation.described(stack)
        if there is None:
            raise EngineRefused(f"there is no stack {stack}")
        if why := protected(there) or await who_stays(there, self._ecs):
            raise EngineRefused(f"nothing of {stack} was deleted: {why}")
        token = _token()
        await self._formation.delete(stack, token)
        ended = await self._formation.until_ended(there["StackId"])
        if ended is not None:
            failed = await self._formation.first_failure(there["StackId"], token)
            raise EngineRefused(f"stack {stack} is {ended['StackStatus']}: {failed}")

    async def _refuse_to_take_machines(
        self, there: Mapping[str, Any], had: Mapping[str, str], given: Mapping[str, str]
    ) -> None:
        leaves = had.get("Launch") == "EC2" and given.get("Launch", "EC2") != "EC2"
        if leaves and (why := await who_stays(there, self._ecs)):
            raise EngineRefused(f"Launch must stay EC2, or its machines would be taken away: {why}")


def _token() -> str:
    return f"linkpool-{secrets.token_hex(6)}"
