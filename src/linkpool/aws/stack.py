"""A stack, changed only by change sets that were shown before.

Whatever it is asked to become, CloudFormation first says what it would do (`look`); then the very same change
set is executed (`carry_out`) or thrown away (`forget`).
"""

import asyncio
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from linkpool.engines.aws import Aws, NotThere
from linkpool.engines.protocol import EngineRefused, EngineUnreachable

log = structlog.get_logger(__name__)

LOOK_EVERY = 2.0
"""Seconds between two looks at what CloudFormation does."""
HOLDS_DATA = {
    "AWS::RDS::DBInstance": "the database: what it holds stays in a snapshot only",
    "AWS::KMS::Key": "the key that opens the master secret",
    "AWS::SecretsManager::Secret": "a secret: what it holds",
}
_NOTHING = ("didn't contain changes", "No updates are to be performed")
_UNKNOWN = "does not exist"
"""CloudFormation has no code of its own for a stack that it does not know."""
_CONTROL = "control-"


@dataclass(frozen=True)
class Change:
    """One resource that a change set would touch."""

    action: str
    """Add, Modify, Remove, Import or Dynamic."""
    resource: str
    type: str
    replaced: str
    """yes, no, or perhaps: CloudFormation knows only when it does it."""

    @property
    def loses(self) -> str | None:
        """What would be lost, where something that cannot be made again would be."""
        gone = self.action == "Remove" or self.replaced != "no"
        return HOLDS_DATA.get(self.type) if gone else None


@dataclass(frozen=True)
class Plan:
    """A change set that CloudFormation made. Nothing in it: no changes."""

    stack: str
    name: str
    new: bool
    changes: tuple[Change, ...]


class Stacks:
    """Stacks of one region. endpoint: an emulator's address, in tests."""

    def __init__(self, region: str, endpoint: str | None = None) -> None:
        self._formation = Aws("cloudformation", region, endpoint)
        self._ecs = Aws("ecs", region, endpoint)

    async def look(self, stack: str, template: str, given: Mapping[str, str]) -> Plan:
        """Have a change set made. Parameters that are not given keep their value, or take their default.

        Raises EngineRefused (a wrong parameter, an unfinished stack), EngineUnreachable.
        """
        there = await self._described(stack)
        new = there is None or there["StackStatus"] == "REVIEW_IN_PROGRESS"
        kept = set() if there is None or new else {one["ParameterKey"] for one in there["Parameters"]}
        name = f"linkpool-{secrets.token_hex(6)}"
        known = await self._formation.call("get_template_summary", TemplateBody=template)
        declared = {one["ParameterKey"] for one in known["Parameters"]}
        if strange := sorted(set(given) - declared):
            raise EngineRefused(f"the template has no parameter {', '.join(strange)}")
        await self._formation.call(
            "create_change_set",
            StackName=stack,
            ChangeSetName=name,
            ChangeSetType="CREATE" if new else "UPDATE",
            TemplateBody=template,
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[
                *({"ParameterKey": key, "ParameterValue": value} for key, value in sorted(given.items())),
                *(
                    {"ParameterKey": key, "UsePreviousValue": True}
                    for key in sorted((kept & declared) - set(given))
                ),
            ],
        )
        return Plan(stack, name, new, await self._changes(stack, name))

    async def carry_out(self, plan: Plan) -> Mapping[str, str]:
        """Execute it and wait for its end; its outputs. Raises EngineRefused when it was rolled back."""
        await self._formation.call("execute_change_set", StackName=plan.stack, ChangeSetName=plan.name)
        ended = await self._until_ended(plan.stack)
        if ended is None or ended["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            status = "gone" if ended is None else ended["StackStatus"]
            raise EngineRefused(f"stack {plan.stack} is {status}: {await self._first_failure(plan.stack)}")
        return {one["OutputKey"]: one["OutputValue"] for one in ended.get("Outputs", ())}

    async def forget(self, plan: Plan) -> None:
        """Throw it away; a stack that was only about to be made is no more."""
        await self._formation.call("delete_change_set", StackName=plan.stack, ChangeSetName=plan.name)
        if plan.new:
            await self._formation.call("delete_stack", StackName=plan.stack)

    async def delete(self, stack: str) -> None:
        """Delete it and wait. Raises EngineRefused while the pool's services run, or when something stays."""
        there = await self._described(stack)
        if there is None:
            raise EngineRefused(f"there is no stack {stack}")
        if running := await self._groups(there):
            raise EngineRefused(
                f"{len(running)} services still run in its cluster ({running[0]}, ...): retire the nodes, "
                "or `linkpool engine prune`; a cluster with services cannot be deleted"
            )
        await self._formation.call("delete_stack", StackName=stack)
        ended = await self._until_ended(there["StackId"])
        if ended is not None and ended["StackStatus"] != "DELETE_COMPLETE":
            raise EngineRefused(
                f"stack {stack} is {ended['StackStatus']}: {await self._first_failure(there['StackId'])}"
            )

    async def _groups(self, there: Mapping[str, Any]) -> list[str]:
        """Services in the stack's cluster that are none of its own."""
        told = {one["OutputKey"]: one["OutputValue"] for one in there.get("Outputs", ())}
        if "ClusterName" not in told:
            return []
        try:
            arns = await self._ecs.every("list_services", "serviceArns", cluster=told["ClusterName"])
        except NotThere:
            return []
        names = (arn.rpartition("/")[2] for arn in arns)
        return sorted(name for name in names if not name.startswith(_CONTROL))

    async def _changes(self, stack: str, name: str) -> tuple[Change, ...]:
        while True:
            seen = await self._formation.call("describe_change_set", StackName=stack, ChangeSetName=name)
            if seen["Status"] == "FAILED":
                why = seen.get("StatusReason", "")
                if any(text in why for text in _NOTHING):
                    return ()
                raise EngineRefused(f"CloudFormation makes no change set of this for {stack}: {why}")
            if seen["Status"] == "CREATE_COMPLETE":
                break
            await asyncio.sleep(LOOK_EVERY)
        found = list(seen["Changes"])
        while token := seen.get("NextToken"):
            seen = await self._formation.call(
                "describe_change_set", StackName=stack, ChangeSetName=name, NextToken=token
            )
            found += seen["Changes"]
        return tuple(_read(found))

    async def _described(self, stack: str) -> Mapping[str, Any] | None:
        try:
            answer = await self._formation.call("describe_stacks", StackName=stack)
        except EngineRefused as error:
            if _UNKNOWN in str(error):
                return None
            raise
        found: Mapping[str, Any] = answer["Stacks"][0]
        return None if found["StackStatus"] == "DELETE_COMPLETE" else found

    async def _until_ended(self, stack: str) -> Mapping[str, Any] | None:
        said = ""
        while True:
            try:
                seen = await self._described(stack)
            except EngineUnreachable as error:  # it goes on without us
                log.warning("CloudFormation does not answer, asked again", error=str(error))
                await asyncio.sleep(LOOK_EVERY)
                continue
            if seen is None or not seen["StackStatus"].endswith("_IN_PROGRESS"):
                return seen
            if seen["StackStatus"] != said:
                said = seen["StackStatus"]
                log.info("CloudFormation works", stack=stack, status=said)
            await asyncio.sleep(LOOK_EVERY)

    async def _first_failure(self, stack: str) -> str:
        events = (await self._formation.call("describe_stack_events", StackName=stack))["StackEvents"]
        failed = [one for one in events if one["ResourceStatus"].endswith("_FAILED")]
        if not failed:
            return "see its events"
        return (
            f"{failed[-1]['LogicalResourceId']}: {failed[-1].get('ResourceStatusReason', 'no reason given')}"
        )


def _read(found: Iterable[Mapping[str, Any]]) -> Iterable[Change]:
    words = {"True": "yes", "Conditional": "perhaps"}
    for each in found:
        told = each["ResourceChange"]
        replaced = words.get(told.get("Replacement", "False"), "no")
        yield Change(told["Action"], told["LogicalResourceId"], told["ResourceType"], replaced)
