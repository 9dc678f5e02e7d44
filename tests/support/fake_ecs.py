"""Amazon ECS and Secrets Manager in memory, reached through all of botocore: in place of its HTTP session.

    sky = FakeEcs(page=2)
    with sky.wired():                    # what boto3 sends is answered here
        run(use(EcsEngine(PLACE)))
    assert sky.asked == {"ecs:ListTasks", ...}

It keeps services as ECS does: tasks start, run and end in their own time, a new definition goes round. What
it says may be old (`lag`), and any call may go wrong (`faults`), before or after it was done.
"""

import asyncio
import io
import json
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar
from unittest.mock import patch

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError

from linkpool.engines.ecs_spec import Place
from tests.support.virtual_time import VirtualLoop

T = TypeVar("T")
REGION, ACCOUNT = "eu-west-1", "000000000000"
PLACE = Place("test", REGION, "pool", ("subnet-a", "subnet-b"), ("sg-1",), "arn:aws:iam::0:role/execution")
MOST = 100
"""Tasks that one call may describe."""


class Fault(StrEnum):
    """What goes wrong with one call."""

    THROTTLED = "throttled"
    BROKEN = "an answer of status 500, nothing done"
    RESET = "no answer, nothing done"
    HALF_DONE = "no answer, and done"
    BROKEN_DONE = "an answer of status 500, and done"
    GARBLED = "the words of something in between, nothing done"


class Refused(Exception):
    """An error as AWS words it: code and message."""


class InlineLoop(VirtualLoop):
    """Virtual time in which work for threads is done at once."""

    def run_in_executor(self, _executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        done: asyncio.Future[Any] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it is the caller's
            done.set_exception(error)
        return done


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in such time; TimeoutError after an hour of it."""

    async def limited() -> T:
        async with asyncio.timeout(3_600):
            return await main

    with asyncio.Runner(loop_factory=InlineLoop) as runner:
        return runner.run(limited())


@dataclass
class State:
    """What there is, as of `at`: seconds of the loop."""

    at: float = 0.0
    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    definitions: dict[str, dict[str, Any]] = field(default_factory=dict)
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)


class FakeEcs:
    """page: items on one page. faults: of the calls to come, None where all is well."""

    def __init__(self, page: int = MOST) -> None:
        self.page = page
        self.now = State()
        self.faults: list[Fault | None] = []
        self.lag = 0.0
        """Seconds by which reads are behind."""
        self.reason = "MISSING"
        """Why something is not described."""
        self.attached = ["machines"]
        """Capacity providers of the cluster."""
        self.providers = {"machines": "ACTIVE"}
        """Those of the account."""
        self.propagates = True
        """Whether tasks get their service's tags; an emulator's do not."""
        self.full = ""
        """Why no task is placed."""
        self.start_seconds = 1.0
        self.stop_seconds = 2.0
        """From a stop to its end."""
        self.refuses: dict[str, tuple[str, str]] = {}
        """Code and message by action."""
        self.asked: set[str] = set()
        """Every action, as policies name it."""
        self.calls: list[str] = []
        self.streams: dict[str, list[str]] = {}
        """What tasks said, by log stream; names in the order of their first words."""
        self._past: list[State] = []
        self._made = 0

    @contextmanager
    def wired(self) -> Iterator[None]:
        """boto3's calls come here while the context is open."""
        with patch.object(boto3, "DEFAULT_SESSION", _session()), patch.object(_Session, "sky", self):
            yield

    # --- HTTP --------------------------------------------------------------------------------------

    def answer(self, request: AWSPreparedRequest, event_name: str) -> AWSResponse:
        """What comes back for one request, or the error of a connection that broke."""
        _, service, operation = event_name.split(".")
        service = {"secrets-manager": "secretsmanager", "cloudwatch-logs": "logs"}.get(service, service)
        action = f"{service}:{operation}"
        self.asked.add(action)
        self.calls.append(action)
        fault = self.faults.pop(0) if self.faults else None
        if fault is Fault.THROTTLED:
            return _answer(400, {"__type": "ThrottlingException", "message": "Rate exceeded"})
        if fault is Fault.GARBLED:
            return _http(502, b"upstream connect error")
        if fault is Fault.RESET:
            raise ConnectionClosedError(endpoint_url=request.url)
        answer = self._do(action, request) if fault is not Fault.BROKEN else None
        if fault is Fault.HALF_DONE:
            raise ConnectionClosedError(endpoint_url=request.url)
        if answer is None or fault is Fault.BROKEN_DONE:
            return _answer(500, {"__type": "ServerException", "message": "Service Unavailable"})
        return answer

    def _do(self, action: str, request: AWSPreparedRequest) -> AWSResponse:
        speaks_xml = action.startswith("ec2:")
        if action in self.refuses:
            code, message = self.refuses[action]
            error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
            told = json.dumps({"__type": code, "message": message})
            return _http(
                400, (f"<Response><Errors>{error}</Errors></Response>" if speaks_xml else told).encode()
            )
        if speaks_xml:
            return _http(200, SUBNETS.encode())
        self._advance()
        name = "".join(
            f"_{letter.lower()}" if letter.isupper() else letter for letter in action.split(":")[1]
        )
        try:
            said = getattr(self, name)(json.loads(request.body))
        except Refused as error:
            return _answer(400, {"__type": error.args[0], "message": error.args[1]})
        self._past.append(deepcopy(self.now))
        return _answer(200, said)

    # --- time --------------------------------------------------------------------------------------

    def _advance(self) -> None:
        """What ECS does by itself until now."""
        now = self.now.at = asyncio.get_running_loop().time()
        for task in self.now.tasks.values():
            if task["lastStatus"] == "PENDING" and now >= task["createdAt"] + self.start_seconds:
                task["lastStatus"] = "RUNNING"
            if task["desiredStatus"] == "STOPPED" and now >= task["stoppingAt"] + self.stop_seconds:
                task["lastStatus"] = "STOPPED"
        for service in self.now.services.values():
            self._keep(service)

    def _keep(self, service: dict[str, Any]) -> None:
        """Newcomers first, then the old ones stop; a removed service ends with its tasks."""
        mine = [task for task in self.now.tasks.values() if task["startedBy"] == service["serviceName"]]
        wanted = [task for task in mine if task["desiredStatus"] == "RUNNING"]
        new = [task for task in wanted if task["taskDefinitionArn"] == service["taskDefinition"]]
        for _ in range(service["desiredCount"] - len(new)):
            self._start(service)
        for task in new[service["desiredCount"] :]:
            self._stop(task)
        if sum(task["lastStatus"] == "RUNNING" for task in new) >= service["desiredCount"]:
            self._say(service, "has reached a steady state.")
            for task in wanted:
                if task not in new:
                    self._stop(task)
        if service["status"] == "DRAINING" and all(task["desiredStatus"] == "STOPPED" for task in mine):
            service["status"] = "INACTIVE"

    def _start(self, service: dict[str, Any]) -> None:
        if self.full:
            self._say(service, f"was unable to place a task. Reason: {self.full}")
            return
        self._made += 1
        arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/pool/t{self._made:04}"
        self.now.tasks[arn] = {
            "taskArn": arn,
            "taskDefinitionArn": service["taskDefinition"],
            "startedBy": service["serviceName"],
            "tags": service["tags"] if self.propagates and service["propagateTags"] == "SERVICE" else [],
            "createdAt": self.now.at,
            "lastStatus": "PENDING",
            "desiredStatus": "RUNNING",
        }

    def _say(self, service: dict[str, Any], what: str) -> None:
        """An event of the service, newest first; not the same again."""
        message = f"(service {service['serviceName']}) {what}"
        if not service["events"] or service["events"][0]["message"] != message:
            said = {"id": f"event-{len(service['events'])}", "createdAt": self.now.at, "message": message}
            service["events"].insert(0, said)

    def crash(self, task: str, why: str) -> None:
        """A task ends by itself."""
        found = next(each for arn, each in self.now.tasks.items() if arn.endswith(task))
        self._stop(found)
        found |= {"lastStatus": "STOPPED", "stopCode": "EssentialContainerExited", "stoppedReason": why}

    def _stop(self, task: dict[str, Any]) -> None:
        if task["desiredStatus"] != "STOPPED":
            task |= {"desiredStatus": "STOPPED", "stoppingAt": self.now.at}

    def _seen(self) -> State:
        """As reads show it: as it was `lag` seconds ago."""
        if not self.lag:
            return self.now
        until = self.now.at - self.lag
        return next((state for state in reversed(self._past) if state.at <= until), State())

    # --- services ----------------------------------------------------------------------------------

    def _create_service(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = asked["serviceName"]
        there = self.now.services.get(name, {"status": "INACTIVE"})["status"]
        if there == "ACTIVE":
            raise Refused("InvalidParameterException", "Creation of service was not idempotent.")
        if there == "DRAINING":
            raise Refused("InvalidParameterException", "Unable to Start a service that is still Draining.")
        self._definition_of(asked)
        self.now.services[name] = {**asked, "status": "ACTIVE", "events": []}
        self._keep(self.now.services[name])
        return {"service": _shown(self.now.services[name])}

    def _update_service(self, asked: dict[str, Any]) -> dict[str, Any]:
        service = self.now.services.get(asked["service"])
        if service is None:
            raise Refused("ServiceNotFoundException", "Service not found.")
        if service["status"] != "ACTIVE":
            raise Refused("ServiceNotActiveException", "Service was not ACTIVE.")
        if "taskDefinition" in asked:
            self._definition_of(asked)
        service |= {key: asked[key] for key in ("taskDefinition", "desiredCount") if key in asked}
        self._keep(service)
        return {"service": _shown(service)}

    def _delete_service(self, asked: dict[str, Any]) -> dict[str, Any]:
        service = self.now.services.get(asked["service"])
        if service is None or service["status"] == "INACTIVE":
            raise Refused("ServiceNotFoundException", "Service not found.")
        service |= {"status": "DRAINING", "desiredCount": 0}
        self._keep(service)
        return {"service": _shown(service)}

    def _describe_services(self, asked: dict[str, Any]) -> dict[str, Any]:
        seen = self._seen().services
        missing = [{"arn": name, "reason": self.reason} for name in asked["services"] if name not in seen]
        return {
            "services": [_shown(seen[name]) for name in asked["services"] if name in seen],
            "failures": missing,
        }

    # --- definitions -------------------------------------------------------------------------------

    def _register_task_definition(self, asked: dict[str, Any]) -> dict[str, Any]:
        family = asked["family"]
        revision = 1 + sum(each["family"] == family for each in self.now.definitions.values())
        arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/{family}:{revision}"
        self.now.definitions[arn] = {**asked, "taskDefinitionArn": arn, "status": "ACTIVE"}
        return {"taskDefinition": self.now.definitions[arn]}

    def _describe_task_definition(self, asked: dict[str, Any]) -> dict[str, Any]:
        name, seen = asked["taskDefinition"], self._seen().definitions
        living = [each for each in seen.values() if each["family"] == name and each["status"] == "ACTIVE"]
        found = seen.get(name) or (living[-1] if living else None)
        if found is None:
            raise Refused("ClientException", "Unable to describe task definition.")
        return {"taskDefinition": found}

    def _list_task_definitions(self, asked: dict[str, Any]) -> dict[str, Any]:
        seen = self._seen().definitions.values()
        found = [
            each["taskDefinitionArn"]
            for each in seen
            if each["family"].startswith(asked["familyPrefix"]) and each["status"] == "ACTIVE"
        ]
        return self._paged("taskDefinitionArns", found, asked)

    def _deregister_task_definition(self, asked: dict[str, Any]) -> dict[str, Any]:
        found = self.now.definitions[asked["taskDefinition"]]
        if found["status"] != "ACTIVE":
            raise Refused("ClientException", "The specified task definition is inactive.")
        found["status"] = "INACTIVE"
        return {"taskDefinition": found}

    def _definition_of(self, asked: dict[str, Any]) -> None:
        if self.now.definitions.get(asked["taskDefinition"], {"status": ""})["status"] != "ACTIVE":
            raise Refused("ClientException", "TaskDefinition is inactive")

    # --- tasks -------------------------------------------------------------------------------------

    def _list_tasks(self, asked: dict[str, Any]) -> dict[str, Any]:
        wanted, family = asked.get("desiredStatus", "RUNNING"), asked.get("family")
        found = [
            arn
            for arn, task in self._seen().tasks.items()
            if task["desiredStatus"] == wanted
            and family in {None, task["taskDefinitionArn"].rpartition("/")[2].rpartition(":")[0]}
        ]
        return self._paged("taskArns", found, asked)

    def _describe_tasks(self, asked: dict[str, Any]) -> dict[str, Any]:
        if len(asked["tasks"]) > MOST:
            raise Refused("InvalidParameterException", "Tasks cannot have more than 100 elements")
        seen = {arn.rpartition("/")[2]: task for arn, task in self._seen().tasks.items()}
        names = [each.rpartition("/")[2] for each in asked["tasks"]]
        hidden = {} if "TAGS" in asked.get("include", ()) else {"tags": []}
        return {
            "tasks": [seen[name] | hidden for name in names if name in seen],
            "failures": [{"arn": name, "reason": self.reason} for name in names if name not in seen],
        }

    def _stop_task(self, asked: dict[str, Any]) -> dict[str, Any]:
        for arn, task in self.now.tasks.items():
            if arn.rpartition("/")[2] == asked["task"]:
                self._stop(task)
                return {"task": task}
        raise Refused("InvalidParameterException", "The referenced task was not found.")

    def _paged(self, key: str, found: list[str], asked: dict[str, Any]) -> dict[str, Any]:
        start = int(asked.get("nextToken", 0))
        more = {"nextToken": str(start + self.page)} if start + self.page < len(found) else {}
        return {key: found[start : start + self.page], **more}

    # --- secrets, and what the check looks at ------------------------------------------------------

    def _create_secret(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["Name"] in self.now.secrets:
            raise Refused("ResourceExistsException", f"The secret {asked['Name']} already exists.")
        arn = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{asked['Name']}-AbCdEf"
        self.now.secrets[asked["Name"]] = {**asked, "ARN": arn}
        return {"ARN": arn}

    def _describe_secret(self, asked: dict[str, Any]) -> dict[str, Any]:
        found = self._seen().secrets.get(asked["SecretId"])
        if found is None:
            raise Refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        return {"ARN": found["ARN"]}

    def _delete_secret(self, asked: dict[str, Any]) -> dict[str, Any]:
        if self.now.secrets.pop(asked["SecretId"], None) is None:
            raise Refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        return {}

    def _describe_clusters(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"clusters": [{"clusterName": "pool", "status": "ACTIVE", "capacityProviders": self.attached}]}

    def _describe_capacity_providers(self, asked: dict[str, Any]) -> dict[str, Any]:
        found = [name for name in asked["capacityProviders"] if name in self.providers]
        return {"capacityProviders": [{"name": name, "status": self.providers[name]} for name in found]}

    def _describe_log_streams(self, asked: dict[str, Any]) -> dict[str, Any]:
        prefix = asked["logStreamNamePrefix"]
        found = [
            {"logStreamName": name, "creationTime": made * 1000}
            for made, name in enumerate(self.streams)
            if name.startswith(prefix)
        ]
        return self._paged("logStreams", found, asked)

    def _get_log_events(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Backwards from the end; the second page is empty though there is more, as AWS says may be."""
        said = self.streams[asked["logStreamName"]]
        end, empty = (int(part) for part in asked.get("nextToken", f"{len(said)}/0").split("/"))
        start = end if empty == 1 else max(end - min(asked["limit"], self.page), 0)
        told = [{"message": line, "timestamp": 0, "ingestionTime": 0} for line in said[start:end]]
        before = asked.get("nextToken") if end == 0 else f"{start}/{empty + 1}"
        return {"events": told, "nextBackwardToken": before or "0/9", "nextForwardToken": "f"}

    def _describe_log_groups(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"logGroups": [{"logGroupName": asked["logGroupNamePrefix"]}]}


SUBNETS = "".join(
    f"<item><availabilityZone>{REGION}{zone}</availabilityZone>"
    "<availableIpAddressCount>250</availableIpAddressCount></item>"
    for zone in "ab"
)
SUBNETS = f"<DescribeSubnetsResponse><subnetSet>{SUBNETS}</subnetSet></DescribeSubnetsResponse>"


def _shown(service: dict[str, Any]) -> dict[str, Any]:
    shown = ("serviceName", "status", "taskDefinition", "desiredCount", "events")
    return {key: service[key] for key in shown}


def _answer(status: int, said: dict[str, Any]) -> AWSResponse:
    return _http(status, json.dumps(said).encode())


def _http(status: int, body: bytes) -> AWSResponse:
    raw = io.BytesIO(body)
    raw.stream = lambda: iter((body,))  # type: ignore[attr-defined]  # what urllib3's answers have
    return AWSResponse("https://aws.test", status, {}, raw)


class _Session(boto3.Session):
    """Makes each client once, since that is what takes long. sky: who answers now."""

    sky: FakeEcs | None = None

    def __init__(self) -> None:
        super().__init__("test", "test", region_name=REGION)
        self.events.register("before-send", self._send)
        self._clients: dict[str, Any] = {}

    def client(self, service_name: str, **asked: Any) -> Any:
        if service_name not in self._clients:
            self._clients[service_name] = super().client(service_name, **asked)
        return self._clients[service_name]

    def _send(self, request: AWSPreparedRequest, event_name: str, **_: Any) -> AWSResponse:
        assert self.sky is not None
        return self.sky.answer(request, event_name)


@cache
def _session() -> _Session:
    return _Session()
