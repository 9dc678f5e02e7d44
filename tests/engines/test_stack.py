"""The template on an emulator of AWS: made, changed and deleted through the commands that an operator uses.

What the emulator does not do as AWS does, so that nothing here relies on it: it knows no NAT gateway, elastic
address or capacity provider (so this stack is on Fargate, with public addresses and a database of one's own);
it publishes no machine image; a change set lists resources whose condition does not hold (how well it
foretells replacements was not compared); a secret's reference is its name, not its ARN, and a task definition
loses where its secrets come from; it holds nobody to any role; it has no load balancing, no DNS, and no
alarms that fire. No control plane of this stack runs: its image is named by digest, and the emulator's daemon
has no registry to find it in.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from linkpool.api.engine import ecs_place
from linkpool.api.settings import Settings
from linkpool.aws.control import SECRETS
from linkpool.chain.keys import Key
from linkpool.cli.app import app
from linkpool.cli.given import unpack
from linkpool.engines.aws import Aws
from linkpool.engines.ecs_check import examine_ecs
from linkpool.engines.ecs_spec import Place
from linkpool.fleet.secrets.sealed import open_keys
from tests.support.aws import REGION, Cloud, emulator
from tests.support.docker import Daemon

IMAGE = "/machine/image"
GIVEN = {
    "Image": f"123456789012.dkr.ecr.{REGION}.amazonaws.com/linkpool@sha256:{'0' * 64}",
    "Domain": "pool.example.org",
    "Certificate": f"arn:aws:acm:{REGION}:123456789012:certificate/abc",
    "Launch": "FARGATE",
    "Egress": "PUBLIC",
    "DatabaseUrl": "postgresql://linkpool@10.0.0.5:5432/linkpool",
    "MachineImage": IMAGE,
    "ControlPlanes": "0",
}
POOL = """
state = "elsewhere"
chain_id = 1
pool = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
view = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
rpc_urls = ["https://one.example.org/key"]
"""


class Account:
    """What an operator does with the stack, and what AWS then says of it."""

    def __init__(self, cloud: Cloud) -> None:
        self.endpoint = cloud.endpoint

    def linkpool(self, *words: str) -> Result:
        """`linkpool aws ...`."""
        return CliRunner().invoke(app, ["aws", *words, "--region", REGION, "--endpoint", self.endpoint])

    def deploy(self, given: Mapping[str, str], *words: str) -> Any:
        """The change set, and what became of it."""
        named = [word for name, value in given.items() for word in ("--parameter", f"{name}={value}")]
        said = self.linkpool("deploy", "--json", *named, *words)
        assert said.exit_code == 0, repr(said.exception)
        return json.loads(said.stdout)

    def call(self, service: str, operation: str, /, **asked: Any) -> Any:
        """One call of AWS's API."""
        return asyncio.run(Aws(service, REGION, self.endpoint).call(operation, **asked))

    def status(self) -> str | None:
        """Of the stack; None when there is none."""
        stacks = self.call("cloudformation", "describe_stacks")["Stacks"]
        return next(
            (each["StackStatus"] for each in stacks if each["StackStatus"] != "DELETE_COMPLETE"), None
        )

    def task(self) -> Mapping[str, Any]:
        """What the first control plane's service would run now."""
        found = self.call("ecs", "describe_services", cluster="linkpool", services=["control-a"])["services"]
        definition = found[0]["taskDefinition"]
        told = self.call("ecs", "describe_task_definition", taskDefinition=definition)["taskDefinition"]
        return {"arn": definition, **told["containerDefinitions"][0]}


@pytest.fixture(scope="module")
def account(docker: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with emulator(docker, tmp_path_factory.mktemp("aws")) as running:
        made = Account(running)
        made.call("ssm", "put_parameter", Name=IMAGE, Value="ami-1", Type="String")
        yield made


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linkpool.aws.formation.LOOK_EVERY", 0.1)


def touched(answer: Any) -> dict[str, Any]:
    return {one["resource"]: one for one in answer["changes"]}


def test_a_change_set_is_shown_and_nothing_is_made_of_it(account: Account) -> None:
    shown = account.deploy(GIVEN)
    assert shown["executed"] is False
    assert {"ControlA", "ControlB", "MasterKey", "Balancer"} <= touched(shown).keys()
    assert account.status() is None


def test_a_stack_is_made_and_its_control_plane_finds_all_it_needs(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = account.deploy(GIVEN, "--yes")["outputs"]
    assert account.status() == "CREATE_COMPLETE"

    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", account.endpoint)
    sealed = tmp_path / "master.json"
    key = ["--kms-key", outputs["MasterKeyArn"], "--file", str(sealed)]
    made = CliRunner().invoke(app, ["keys", "init", *key, "--json"])
    assert made.exit_code == 0, repr(made.exception)
    for name, content in (("master", sealed.read_text()), ("settings", POOL)):
        secret = f"linkpool-control/linkpool/{name}"
        account.call("secretsmanager", "put_secret_value", SecretId=secret, SecretString=content)

    told = {one["name"]: one["value"] for one in account.task()["environment"]}
    for variable, name in SECRETS.items():
        secret = f"linkpool-control/linkpool/{name}"
        told[variable] = account.call("secretsmanager", "get_secret_value", SecretId=secret)["SecretString"]
    unpack(told)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    settings = Settings.load(Path(told["LINKPOOL_CONFIG_FILE"]))
    assert settings.keys_file is not None
    assert Key(open_keys(settings.keys_file, None).manager()).address == json.loads(made.stdout)["manager"]
    assert settings.ecs_subnets == outputs["Subnets"].split(",")

    place, endpoint = ecs_place(settings), account.endpoint
    for name in told:
        monkeypatch.delenv(name)
    said = account.linkpool("settings")
    assert said.exit_code == 0, repr(said.exception)
    (tmp_path / "aws.toml").write_text(said.stdout + POOL)
    assert ecs_place(Settings.load(tmp_path / "aws.toml")) == place
    assert all(asyncio.run(findings(place, endpoint)))


async def findings(place: Place, endpoint: str) -> list[bool]:
    """Of `linkpool engine check`: cluster, subnets in two zones, logs."""
    found = [each async for each in examine_ecs(place, endpoint)]
    assert len(found) >= 3
    return [each.good for each in found]


def test_an_upgrade_is_shown_then_made_and_what_is_not_given_stays(account: Account) -> None:
    assert account.deploy({}, "--yes")["changes"] == []
    change = {"TaskMemory": "1024", "LogDays": "7"}
    assert touched(account.deploy(change))["ControlATask"]["action"] == "Modify"
    assert account.deploy(change, "--yes")["executed"] is True
    assert account.status() == "UPDATE_COMPLETE"
    told = {one["name"]: one["value"] for one in account.task()["environment"]}
    assert told["LINKPOOL_TASK_MEMORY"] == "1024"
    assert told["LINKPOOL_PUBLIC_URL"] == "https://pool.example.org"
    found = account.call("logs", "describe_log_groups", logGroupNamePrefix="/linkpool/")["logGroups"]
    assert {one["retentionInDays"] for one in found} == {7}


def test_what_would_lose_data_needs_a_word_of_its_own(account: Account) -> None:
    said = account.linkpool("deploy", "--yes", "--parameter", "PoolName=other")
    assert "MasterSecret" in said.stdout
    assert "--lose-data" in str(said.exception)
    assert account.deploy({})["changes"] == []


def test_a_wrong_parameter_is_named(account: Account) -> None:
    assert "Imgae" in str(account.linkpool("deploy", "--parameter", "Imgae=x").exception)
    assert "NAME=VALUE" in str(account.linkpool("deploy", "--parameter", "Image").exception)


def test_a_stack_goes_but_not_while_the_pool_runs_in_it(account: Account) -> None:
    node = {"cluster": "linkpool", "service": "linkpool-n0-blue"}
    asked = {"cluster": "linkpool", "serviceName": node["service"], "desiredCount": 0}
    account.call("ecs", "create_service", taskDefinition=account.task()["arn"], **asked)
    assert node["service"] in str(account.linkpool("delete", "--yes").exception)
    account.call("ecs", "delete_service", force=True, **node)
    assert "nothing was deleted" in account.linkpool("delete").stdout
    assert account.status() == "UPDATE_COMPLETE"
    said = account.linkpool("delete", "--yes")
    assert said.exit_code == 0, repr(said.exception)
    assert account.status() is None
