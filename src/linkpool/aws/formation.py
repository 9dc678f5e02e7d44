"""What CloudFormation is asked, and what it says then.

Whatever changes something carries a token, so that asking again after a lost answer is no second request, and
so that what an operation did is told from what was before it.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog

from linkpool.aws.changes import Change, read
from linkpool.engines.aws import Aws
from linkpool.engines.protocol import EngineRefused, EngineUnreachable

log = structlog.get_logger(__name__)

LOOK_EVERY = 2.0
"""Seconds between two looks at what CloudFormation does."""
_NOTHING = ("didn't contain changes", "No updates are to be performed")
_UNKNOWN = "does not exist"
"""CloudFormation has no code of its own for a stack that it does not know."""
_MADE_BEFORE = "AlreadyExistsException"
_CARRIED_OUT = ("EXECUTE_IN_PROGRESS", "EXECUTE_COMPLETE", "EXECUTE_FAILED")


class Formation:
    """One region's. Every call raises EngineRefused or EngineUnreachable."""

    def __init__(self, region: str, endpoint: str | None = None) -> None:
        self._aws = Aws("cloudformation", region, endpoint)

    async def described(self, stack: str) -> Mapping[str, Any] | None:
        """The stack as it is; None when there is none."""
        try:
            answer = await self._aws.call("describe_stacks", StackName=stack)
        except EngineRefused as error:
            if _UNKNOWN in str(error):
                return None
            raise
        found: Mapping[str, Any] = answer["Stacks"][0]
        return None if found["StackStatus"] == "DELETE_COMPLETE" else found

    async def declared(self, template: str) -> set[str]:
        """Names of a template's parameters."""
        known = await self._aws.call("get_template_summary", TemplateBody=template)
        return {one["ParameterKey"] for one in known["Parameters"]}

    async def propose(self, stack: str, name: str, **how: Any) -> tuple[Change, ...]:
        """Have a change set made; none when there is nothing to change."""
        try:
            await self._aws.call(
                "create_change_set", StackName=stack, ChangeSetName=name, ClientToken=name, **how
            )
        except EngineRefused as error:
            if _MADE_BEFORE not in str(error):  # by this call: nobody else knows the name
                raise
        return await self._changes(stack, name)

    async def execute(self, stack: str, name: str) -> None:
        """Begin what a change set says; its name is the operation's token."""
        asked = {"StackName": stack, "ChangeSetName": name}
        try:
            await self._aws.call("execute_change_set", ClientRequestToken=name, **asked)
        except EngineRefused:
            seen = await self._aws.call("describe_change_set", **asked)
            if seen.get("ExecutionStatus") not in _CARRIED_OUT:
                raise
            log.info("CloudFormation had begun already", stack=stack)

    async def drop(self, stack: str, name: str) -> None:
        """Delete a change set."""
        await self._aws.call("delete_change_set", StackName=stack, ChangeSetName=name)

    async def delete(self, stack: str, token: str) -> None:
        """Begin to delete a stack."""
        await self._aws.call("delete_stack", StackName=stack, ClientRequestToken=token)

    async def until_ended(self, stack: str) -> Mapping[str, Any] | None:
        """The stack once nothing happens to it any more; None when it is gone."""
        said = ""
        while True:
            try:
                seen = await self.described(stack)
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

    async def first_failure(self, stack: str, token: str) -> str:
        """What failed first in the operation of that token: the others only followed."""
        first: Mapping[str, Any] | None = None
        more: dict[str, str] = {}
        while True:  # newest first
            page = await self._aws.call("describe_stack_events", StackName=stack, **more)
            ours = [one for one in page["StackEvents"] if one.get("ClientRequestToken") == token]
            failed = [one for one in ours if one["ResourceStatus"].endswith("_FAILED")]
            first = failed[-1] if failed else first
            if not ours or "NextToken" not in page:
                break
            more = {"NextToken": page["NextToken"]}
        if first is None:
            return "see its events"
        return f"{first['LogicalResourceId']}: {first.get('ResourceStatusReason', 'no reason given')}"

    async def _changes(self, stack: str, name: str) -> tuple[Change, ...]:
        asked = {"StackName": stack, "ChangeSetName": name}
        while True:
            seen = await self._aws.call("describe_change_set", **asked)
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
            seen = await self._aws.call("describe_change_set", NextToken=token, **asked)
            found += seen["Changes"]
        return tuple(read(found))
