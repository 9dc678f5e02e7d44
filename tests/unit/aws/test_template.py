"""The template says what the control plane, the engine and AWS each want to hear."""

import json
import warnings
from collections.abc import Mapping
from fnmatch import fnmatchcase
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from linkpool.api.engine import ecs_place
from linkpool.api.settings import Settings
from linkpool.aws.template import AT_MOST, build, template_text
from linkpool.cli.aws_settings import of_the_engine
from linkpool.engines.ecs_rights import CHECK, ENGINE, LOGS, PASSES, TAGS
from tests.support.formation import REGION, Formation

GIVEN = {
    "Image": f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/linkpool@sha256:{'0' * 64}",
    "Domain": "pool.example.org",
    "Certificate": "arn:aws:acm:eu-west-1:123456789012:certificate/abc",
}
FARGATE = GIVEN | {
    "Launch": "FARGATE",
    "Egress": "PUBLIC",
    "DatabaseUrl": "postgresql://me@10.0.0.5:5432/mine",
}
POOL = """
state = "elsewhere"
chain_id = 1
pool = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
view = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
pool_block = 7
rpc_urls = ["wss://one.example.org/key", "https://two.example.org/key"]
keys_file = "elsewhere/master.json"
"""
"""What `linkpool pool deploy` writes."""


def formation(given: Mapping[str, str]) -> Formation:
    return Formation(json.loads(template_text()), given)


def container(given: Mapping[str, str]) -> dict[str, Any]:
    (one,) = formation(given).resources()["ControlATask"]["Properties"]["ContainerDefinitions"]
    found: dict[str, Any] = one
    return found


def settings(given: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """As the control plane in the stack's task reads them."""
    for one in container(given)["Environment"]:
        monkeypatch.setenv(one["Name"], one["Value"])
    (tmp_path / "control.toml").write_text(POOL)
    return Settings.load(tmp_path / "control.toml")


def test_cfn_lint_finds_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own
        from cfnlint.api import lint
        from cfnlint.config import ManualArgs

        found = lint(template_text(), None, [REGION], ManualArgs(regions=[REGION]))
        assert [f"{each.rule.id} {each.message} {each.path}" for each in found] == []


def test_it_is_the_same_text_each_time_and_fits_into_a_call() -> None:
    assert template_text() == template_text()
    assert len(template_text().encode()) < AT_MOST


def test_every_parameter_is_explained_and_bounded() -> None:
    for name, one in build().to_dict()["Parameters"].items():
        assert one["Description"].endswith("."), name
        bounds = {"AllowedPattern", "AllowedValues", "MinValue"}
        assert bounds & one.keys() or one["Type"].startswith("AWS::SSM"), name


def test_a_control_plane_takes_the_settings_of_a_stack_on_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = settings(GIVEN, tmp_path, monkeypatch)
    place = ecs_place(found)
    assert (place.cluster, place.capacity_provider, place.fargate) == ("Cluster", "Machines", False)
    assert place.subnets == ("TaskSubnetA", "TaskSubnetB")
    assert (place.execution_role, place.task_role) == ("ReplicaExecutionRole.Arn", "ReplicaRole.Arn")
    assert (place.cpu, place.memory, place.public_ip) == (128, 512, False)
    assert found.control_urls == [f"https://control-{one}.linkpool.internal:8701" for one in "ab"]
    assert found.database_url.startswith("postgresql://linkpool@Database.Endpoint.Address")
    assert found.pool_block == 7
    assert found.release_image == GIVEN["Image"]
    assert str(found.state) == "/dev/shm/linkpool"  # noqa: S108 - the container's own memory


@pytest.mark.parametrize("given", [GIVEN, FARGATE])
def test_a_machine_elsewhere_reaches_the_same_engine(
    given: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {one["Name"]: one["Value"] for one in container(given)["Environment"]}
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in of_the_engine(told).items())
    (tmp_path / "aws.toml").write_text(lines + POOL)
    elsewhere = Settings.load(tmp_path / "aws.toml")
    assert ecs_place(elsewhere) == ecs_place(settings(given, tmp_path, monkeypatch))
    assert str(elsewhere.state) == "elsewhere"
    assert elsewhere.host == "127.0.0.1"  # what is the container's own is left there


def test_visitors_are_told_apart_behind_the_load_balancer() -> None:
    told = {one["Name"]: one["Value"] for one in container(GIVEN)["Environment"]}
    headers = ProxyHeadersMiddleware(FastAPI(), told["FORWARDED_ALLOW_IPS"])
    assert "10.60.1.7" in headers.trusted_hosts
    assert "203.0.113.9" not in headers.trusted_hosts


def test_a_control_plane_takes_the_settings_of_a_stack_on_fargate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = settings(FARGATE, tmp_path, monkeypatch)
    place = ecs_place(found)
    assert (place.fargate, place.public_ip, place.cpu) == (True, True, 256)
    assert found.database == FARGATE["DatabaseUrl"]


def test_what_only_machines_need_is_not_there_on_fargate() -> None:
    assert {"Machines", "MachineFleet", "NatA", "Database"} <= formation(GIVEN).resources().keys()
    left = formation(FARGATE).resources()
    assert not {"Machines", "MachineFleet", "NatA", "Database", "DatabaseFull"} & left.keys()
    assert left["TaskRouteA"]["Properties"]["GatewayId"] == "Gateway"


def test_every_setting_of_the_swarms_stack_has_its_place() -> None:
    text = Path("deploy/swarm/control.toml").read_text()
    named = {line.partition(" = ")[0] for line in text.splitlines() if " = " in line and line[0] != "#"}
    told = {one["Name"].removeprefix("LINKPOOL_").lower() for one in container(GIVEN)["Environment"]}
    secret = {one["Name"].removeprefix("LINKPOOL_").lower() for one in container(GIVEN)["Secrets"]}
    swarms_own = {"swarm_network", "passphrase_file"}  # KMS opens the master secret
    by_hand = {"chain_id", "pool", "view", "pool_block", "rpc_urls"}
    files = {f"{name}_file" for name in secret}
    assert named - told - files - swarms_own - by_hand == set()


def test_each_zones_subnet_alone_holds_two_thousand_replicas_twice() -> None:
    found = formation(GIVEN).resources()
    tasks = [IPv4Network(found[f"TaskSubnet{zone}"]["Properties"]["CidrBlock"]) for zone in "AB"]
    others = [IPv4Network(found[f"PublicSubnet{zone}"]["Properties"]["CidrBlock"]) for zone in "AB"]
    assert all(each.num_addresses - 5 >= 2 * 2_000 for each in tasks)
    every = tasks + others
    assert not any(a.overlaps(b) for a in every for b in every if a is not b)
    assert len({found[f"TaskSubnet{zone}"]["Properties"]["AvailabilityZone"] for zone in "AB"}) == 2


def statements(role: str) -> list[dict[str, Any]]:
    policies = formation(GIVEN).resources()[role]["Properties"].get("Policies", [])
    return [each for policy in policies for each in policy["PolicyDocument"]["Statement"]]


def test_the_control_role_allows_what_the_engine_calls_and_nothing_else() -> None:
    asked = ENGINE | CHECK | LOGS | TAGS | PASSES | {"kms:Decrypt"}
    allowed = {action for each in statements("ControlRole") for action in each["Action"]}
    assert allowed == asked


def test_the_control_role_reaches_its_own_pool_only() -> None:
    found = {each["Sid"]: each for each in statements("ControlRole")}
    at = "arn:aws:ecs:eu-west-1:123456789012:"
    assert found["Groups"]["Resource"] == f"{at}service/Cluster/linkpool-*"
    assert found["GroupTokens"]["Resource"].endswith(":secret:linkpool/linkpool/*")
    assert found["ReplicaRoles"]["Resource"] == ["ReplicaExecutionRole.Arn", "ReplicaRole.Arn"]
    assert found["MasterSecret"]["Condition"] == {
        "StringEquals": {"kms:EncryptionContext:linkpool": "master secret 1"}
    }
    own = [one["Properties"]["ServiceName"] for one in services_of_the_stack()]
    assert own == ["control-a", "control-b"]
    assert not any(fnmatchcase(f"{at}service/Cluster/{name}", found["Groups"]["Resource"]) for name in own)
    everywhere = {sid for sid, each in found.items() if each["Resource"] == "*"}
    assert everywhere == {"SeeDefinitions", "ForgetDefinitions", "ListTasks", "Check"}


def services_of_the_stack() -> list[dict[str, Any]]:
    found = formation(GIVEN).resources()
    return [each for each in found.values() if each["Type"] == "AWS::ECS::Service"]


def test_replicas_may_do_nothing_and_what_starts_them_reads_no_secret_of_the_control_plane() -> None:
    assert statements("ReplicaRole") == []
    read = [each for each in statements("ReplicaExecutionRole") if each["Sid"] == "Secrets"]
    (one,) = read[0]["Resource"]
    named = formation(GIVEN).resources()["MasterSecret"]["Properties"]["Name"]
    assert not fnmatchcase(f"arn:aws:secretsmanager:eu-west-1:123456789012:secret:{named}-AbCdEf", one)


def test_what_holds_data_is_kept_when_the_stack_goes() -> None:
    found = formation(GIVEN).resources()
    kept = {name: each.get("DeletionPolicy") for name, each in found.items()}
    assert kept["Database"] == "Snapshot"
    assert kept["MasterKey"] == kept["MasterSecret"] == kept["SettingsSecret"] == "RetainExceptOnCreate"
    assert found["Database"]["Properties"]["MultiAZ"] is True


def test_a_database_that_is_away_ends_no_control_plane() -> None:
    asked = formation(GIVEN).resources()["ControlTargets"]["Properties"]["HealthCheckPath"]
    assert asked == "/live"  # `/ready` is 503 without the database, and ECS replaces who fails
    assert f"GET {asked} " in Path("deploy/healthy.py").read_text()


@pytest.mark.parametrize(
    ("given", "broken"),
    [
        (GIVEN, []),
        (FARGATE, []),
        (GIVEN | {"Egress": "PUBLIC"}, ["MachinesNeedNat"]),
        (GIVEN | {"TaskMemory": "768"}, []),
        (FARGATE | {"TaskMemory": "768"}, ["FargateSellsSizes"]),
        (FARGATE | {"TaskMemory": "4096"}, ["FargateSellsSizes"]),
        (FARGATE | {"TaskMemory": "2048"}, []),
    ],
)
def test_what_aws_would_refuse_only_once_tasks_start_is_refused_at_once(
    given: Mapping[str, str], broken: list[str]
) -> None:
    assert formation(given).broken() == broken


def test_no_template_takes_a_database_back_to_a_version_that_aws_left_behind() -> None:
    new = formation(GIVEN).resources()["Database"]["Properties"]
    restored = formation(GIVEN | {"DatabaseSnapshot": "rescue-1"}).resources()["Database"]["Properties"]
    assert new["AutoMinorVersionUpgrade"] is True
    assert new["EngineVersion"].isdigit()  # no minor version
    assert not {"EngineVersion", "DBName", "MasterUsername"} & restored.keys()
    assert restored["DBSnapshotIdentifier"] == "rescue-1"


def test_no_logs_are_kept_where_nobody_ends_them() -> None:
    found = formation(GIVEN).resources()
    groups = [each["Properties"] for each in found.values() if each["Type"] == "AWS::Logs::LogGroup"]
    assert all(each["RetentionInDays"] == "30" for each in groups)
    assert "EnableCloudwatchLogsExports" not in found["Database"]["Properties"]  # RDS would make its own


def test_no_alarm_misses_control_planes_that_nobody_wants() -> None:
    named = {"NoControlPlane", "OneControlPlane", "DatabaseUnused"}
    assert named <= formation(GIVEN).resources().keys()
    assert not named & formation(GIVEN | {"ControlPlanes": "0"}).resources().keys()
    assert "DatabaseUnused" not in formation(FARGATE).resources()


def test_a_small_database_grows_before_anybody_is_woken() -> None:
    found = formation(GIVEN).resources()
    full = found["DatabaseFull"]["Properties"]["Threshold"]
    grows = 0.1 * 2**30 * int(formation(GIVEN).values["DatabaseStorage"])  # RDS does, below a tenth
    assert full <= grows / 2


def test_one_control_plane_is_updated_after_the_other_each_in_its_zone() -> None:
    first, second = services_of_the_stack()
    assert "ControlA" in second["DependsOn"]
    assert "ControlB" not in first["DependsOn"]
    zones = [
        each["Properties"]["NetworkConfiguration"]["AwsvpcConfiguration"]["Subnets"]
        for each in (first, second)
    ]
    assert zones == [["TaskSubnetA"], ["TaskSubnetB"]]
    waiting = Formation(json.loads(template_text()), GIVEN | {"ControlPlanes": "0"}).resources()
    assert [waiting[name]["Properties"]["DesiredCount"] for name in ("ControlA", "ControlB")] == [0, 0]


def test_the_page_explains_every_parameter() -> None:
    page = Path("docs/aws.md").read_text()
    for name, one in build().to_dict()["Parameters"].items():
        assert f"| `{name}` | {one.get('Default', '')} | {one['Description']} |" in page, name
