"""CloudFormation in memory, reached through all of botocore, beside the ECS of `FakeEcs` and as faulty.

It keeps one stack: a change set takes a moment to be made, an operation takes a while, and what it does
stands in events, the newest first, in pages.
"""

import asyncio
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from tests.support.fake_ecs import FakeEcs, Refused, _http

MAKES, WORKS = 3.0, 8.0
"""Seconds that a change set takes to be made, and an operation to end."""
STACK = "arn:aws:cloudformation:eu-west-1:0:stack/linkpool/1"


class FakeFormation(FakeEcs):
    """status: of the stack, None while there is none. ends: its status after the next operation."""

    def __init__(self, status: str | None = None, page: int = 3, **parameters: str) -> None:
        super().__init__(page)
        self.status = status
        self.ends: dict[str, str] = {}
        """By operation."""
        self.parameters = parameters
        self.events: list[dict[str, Any]] = []
        """Newest first."""
        self.failures: list[tuple[str, str]] = []
        """What fails in the next operation, in the order of time: resource and reason."""
        self.change_sets: dict[str, dict[str, Any]] = {}
        self.executed: list[str] = []
        self.services: list[str] = []
        self.machines = 0
        """What is in its cluster."""
        self.cluster = "ACTIVE"
        self._after: tuple[float, str] | None = None

    def _do(self, action: str, request: AWSPreparedRequest) -> AWSResponse:
        service, operation = action.split(":")
        if service != "cloudformation":
            return super()._do(action, request)
        body = request.body
        asked = {
            key: each[0] for key, each in parse_qs(body if isinstance(body, str) else body.decode()).items()
        }
        self._go_on()
        try:
            name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation)
            said = getattr(self, name)(asked)
        except Refused as error:
            code, words = error.args
            told = f"<Error><Code>{code}</Code><Message>{escape(words)}</Message></Error>"
            return _http(400, f"<ErrorResponse>{told}</ErrorResponse>".encode())
        result = f"<{operation}Result>{_xml(said)}</{operation}Result>"
        return _http(200, f"<{operation}Response>{result}</{operation}Response>".encode())

    def _go_on(self) -> None:
        if self._after and asyncio.get_running_loop().time() >= self._after[0]:
            self.status, self._after = self._after[1], None

    def _begin(self, what: str, token: str, ends: str) -> None:
        self.status = f"{what}_IN_PROGRESS"
        told = [("linkpool", self.status, "User Initiated")]
        told += [(name, f"{what}_FAILED", why) for name, why in self.failures]
        told += [("linkpool", self.ends.get(what, ends), "")]
        for name, status, why in told:
            event = {"LogicalResourceId": name, "ResourceStatus": status, "ResourceStatusReason": why}
            self.events.insert(0, event | {"ClientRequestToken": token})
        self.failures = []
        now = asyncio.get_running_loop().time()
        self._after = (now + WORKS, self.ends.get(what, ends))

    # --- what CloudFormation is asked ---------------------------------------------------------------

    def _describe_stacks(self, asked: dict[str, str]) -> dict[str, Any]:
        if self.status is None:
            raise Refused("ValidationError", f"Stack with id {asked['StackName']} does not exist")
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in self.parameters.items()]
        outputs = [{"OutputKey": "ClusterName", "OutputValue": "pool"}]
        stack = {"StackName": "linkpool", "StackId": STACK, "StackStatus": self.status}
        return {"Stacks": [stack | {"Parameters": given, "Outputs": outputs}]}

    def _get_template_summary(self, _: dict[str, str]) -> dict[str, Any]:
        return {"Parameters": [{"ParameterKey": key} for key in self.parameters]}

    def _create_change_set(self, asked: dict[str, str]) -> dict[str, Any]:
        name = asked["ChangeSetName"]
        if name in self.change_sets:
            raise Refused("AlreadyExistsException", f"ChangeSet {name} cannot be created")
        ready = asyncio.get_running_loop().time() + MAKES
        token = asked["ClientToken"]
        self.change_sets[name] = {"ready": ready, "token": token, "ExecutionStatus": "AVAILABLE"}
        return {"Id": name}

    def _describe_change_set(self, asked: dict[str, str]) -> dict[str, Any]:
        found = self.change_sets[asked["ChangeSetName"]]
        made = asyncio.get_running_loop().time() >= found["ready"]
        change = {"Action": "Modify", "LogicalResourceId": "ControlA", "ResourceType": "AWS::ECS::Service"}
        return {
            "Status": "CREATE_COMPLETE" if made else "CREATE_IN_PROGRESS",
            "ExecutionStatus": found["ExecutionStatus"],
            "Changes": [{"Type": "Resource", "ResourceChange": change}],
        }

    def _execute_change_set(self, asked: dict[str, str]) -> dict[str, Any]:
        found = self.change_sets[asked["ChangeSetName"]]
        if found["ExecutionStatus"] != "AVAILABLE":
            raise Refused("InvalidChangeSetStatus", f"is in {found['ExecutionStatus']} status")
        if self.status and self.status.endswith("_IN_PROGRESS"):
            raise Refused("InvalidChangeSetStatus", "another operation is in progress")
        found["ExecutionStatus"] = "EXECUTE_IN_PROGRESS"
        self.executed.append(asked["ChangeSetName"])
        self._begin("UPDATE", asked["ClientRequestToken"], "UPDATE_COMPLETE")
        return {}

    def _delete_stack(self, asked: dict[str, str]) -> dict[str, Any]:
        if self.status and self.status != "DELETE_IN_PROGRESS":
            self._begin("DELETE", asked["ClientRequestToken"], "DELETE_COMPLETE")
        return {}

    def _describe_stack_events(self, asked: dict[str, str]) -> dict[str, Any]:
        start = int(asked.get("NextToken", 0))
        more = {"NextToken": str(start + self.page)} if start + self.page < len(self.events) else {}
        return {"StackEvents": self.events[start : start + self.page], **more}

    # --- what ECS is asked besides -------------------------------------------------------------------

    def _list_services(self, _: dict[str, Any]) -> dict[str, Any]:
        if self.cluster != "ACTIVE":
            raise Refused("ClusterNotFoundException", "Cluster not found.")
        return {"serviceArns": [f"arn:aws:ecs:eu-west-1:0:service/pool/{name}" for name in self.services]}

    def _describe_clusters(self, _: dict[str, Any]) -> dict[str, Any]:
        cluster = {"clusterName": "pool", "status": self.cluster}
        return {"clusters": [cluster | {"registeredContainerInstancesCount": self.machines}]}


def _xml(said: Any) -> str:
    if isinstance(said, list):
        return "".join(f"<member>{_xml(each)}</member>" for each in said)
    if isinstance(said, dict):
        return "".join(f"<{key}>{_xml(each)}</{key}>" for key, each in said.items())
    return escape(str(said))
