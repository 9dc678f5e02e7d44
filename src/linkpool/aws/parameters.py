"""What the operator decides: the parameters, each with its meaning, its default and its pattern."""

from collections.abc import Mapping
from typing import Any

from troposphere import And, Condition, Equals, If, Not, Parameter, Ref, Template

ARN = r"arn:aws[a-z-]*:"

_TEXTS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "PoolName": (
        "Name of the pool in ECS, Secrets Manager and DNS; `control` begins the control planes' own names.",
        {"Default": "linkpool", "AllowedPattern": r"^(?!control)[a-z][a-z0-9-]{0,19}$"},
    ),
    "Image": (
        "Image of every LinkPool process, by digest: REPOSITORY@sha256:DIGEST.",
        {"AllowedPattern": r"^[a-zA-Z0-9][a-zA-Z0-9._:/-]*@sha256:[0-9a-f]{64}$"},
    ),
    "Release": (
        "Name of the release that new nodes run. A name keeps its meaning: with another image, another name.",
        {"Default": "first", "AllowedPattern": r"^[a-z0-9][a-z0-9.-]{0,62}$"},
    ),
    "Domain": (
        "Name of the pages and the API, which the certificate is for.",
        {"AllowedPattern": r"^[a-z0-9][a-z0-9.-]{1,251}[a-z0-9]$"},
    ),
    "Certificate": (
        "ARN of that name's certificate in ACM, of this region.",
        {"AllowedPattern": rf"^{ARN}acm:[a-z0-9-]+:[0-9]{{12}}:certificate/[a-zA-Z0-9-]+$"},
    ),
    "VisitorCidr": (
        "Who may reach the pages and the API.",
        {"Default": "0.0.0.0/0", "AllowedPattern": r"^[0-9.]+/[0-9]{1,2}$"},
    ),
    "VpcCidr": (
        "The network, cut into /20s of 4,091 addresses: one for the tasks of each zone.",
        {"Default": "10.60.0.0/16", "AllowedPattern": r"^[0-9]{1,3}\.[0-9]{1,3}\.0\.0/16$"},
    ),
    "Launch": (
        "What replicas run on: machines that the capacity provider adds and removes, or Fargate.",
        {"Default": "EC2", "AllowedValues": ["EC2", "FARGATE"]},
    ),
    "Egress": (
        "How tasks reach the chain: a NAT gateway in each zone, or (Fargate only) a public address each.",
        {"Default": "NAT", "AllowedValues": ["NAT", "PUBLIC"]},
    ),
    "MachineType": (
        "Type of the machines (EC2). It should support ENI trunking.",
        {"Default": "m6i.xlarge", "AllowedPattern": r"^[a-z0-9-]+\.[a-z0-9-]+$"},
    ),
    "MachineImage": (
        "Where AWS publishes the newest machine image for ECS.",
        {
            "Type": "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>",
            "Default": "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id",
        },
    ),
    "ControlPlanes": (
        "Two, one in each zone; none while their secrets are empty or while the database is restored.",
        {"Default": "2", "AllowedValues": ["0", "2"]},
    ),
    "DatabaseUrl": (
        "A PostgreSQL of your own (postgresql://USER@HOST:PORT/NAME), its password in the secret "
        "`database-password`; empty: RDS over two zones.",
        {"Default": "", "AllowedPattern": r"^(postgresql://[^\s:/@]+@[^\s@]+)?$"},
    ),
    "DatabaseClass": (
        "Class of both database machines (RDS).",
        {"Default": "db.t4g.medium", "AllowedPattern": r"^db\.[a-z0-9-]+\.[a-z0-9]+$"},
    ),
    "DatabaseSnapshot": (
        "Snapshot that the database is made from (RDS). Once set it stays: a change makes a new database.",
        {"Default": "", "AllowedPattern": r"^[a-zA-Z0-9:._-]*$"},
    ),
    "DatabaseProtected": (
        "Whether the database refuses to be deleted (RDS); `false` before a tear-down.",
        {"Default": "true", "AllowedValues": ["true", "false"]},
    ),
    "AlarmEmail": (
        "Who hears the alarms; empty: nobody, until something subscribes to the topic.",
        {"Default": "", "AllowedPattern": r"^([^\s@]+@[^\s@]+)?$"},
    ),
}

_NUMBERS: Mapping[str, tuple[str, int, int, int]] = {
    "MachinesAtMost": ("Machines at most (EC2): the brake on the bill.", 20, 2, 1000),
    "TaskMemory": ("MiB that one replica may use; on Fargate 512, 1024 or 2048.", 512, 256, 4096),
    "DatabaseStorage": ("GiB of storage at first (RDS).", 20, 20, 4096),
    "DatabaseStorageAtMost": ("GiB that the storage grows to by itself (RDS).", 200, 22, 4096),
    "BackupDays": ("Days that the database's backups are kept (RDS).", 14, 1, 35),
    "LogDays": ("Days that logs are kept.", 30, 1, 365),
}
_FARGATE_MEMORY = ["512", "1024", "2048"]
"""MiB, with a quarter of a core."""
_LOG_DAYS = [1, 3, 5, 7, 14, 30, 60, 90, 180, 365]

ON_EC2, ON_NAT, RUNNING, MAILED = "OnEc2", "OnNat", "Running", "Mailed"
OWN_DATABASE, RESTORED, IN_USE = "OwnDatabase", "Restored", "DatabaseInUse"
"""Conditions of the template. OwnDatabase: the stack has one, in RDS. DatabaseInUse: and control planes."""


def add_parameters(template: Template) -> None:
    """The parameters, the conditions that follow from them, and the rules that forbid what cannot work."""
    for name, (meaning, how) in _TEXTS.items():
        template.add_parameter(Parameter(name, **({"Type": "String", "Description": meaning} | how)))
    for name, (meaning, default, least, most) in _NUMBERS.items():
        limits = {"AllowedValues": _LOG_DAYS} if name == "LogDays" else {"MinValue": least, "MaxValue": most}
        template.add_parameter(Parameter(name, Type="Number", Description=meaning, Default=default, **limits))
    template.add_condition(ON_EC2, Equals(Ref("Launch"), "EC2"))
    template.add_condition(ON_NAT, Equals(Ref("Egress"), "NAT"))
    template.add_condition(RUNNING, Not(Equals(Ref("ControlPlanes"), "0")))
    template.add_condition(OWN_DATABASE, Equals(Ref("DatabaseUrl"), ""))
    template.add_condition(IN_USE, And(Condition(RUNNING), Condition(OWN_DATABASE)))
    template.add_condition(RESTORED, Not(Equals(Ref("DatabaseSnapshot"), "")))
    template.add_condition(MAILED, Not(Equals(Ref("AlarmEmail"), "")))
    _rule(
        template,
        "MachinesNeedNat",
        "EC2",
        Equals(Ref("Egress"), "NAT"),
        "Tasks on machines have no public addresses: EC2 needs Egress NAT",
    )
    _rule(
        template,
        "FargateSellsSizes",
        "FARGATE",
        {"Fn::Contains": [_FARGATE_MEMORY, Ref("TaskMemory")]},
        f"Fargate gives a quarter of a core {', '.join(_FARGATE_MEMORY)} MiB, and nothing between",
    )


def _rule(template: Template, name: str, launch: str, holds: object, why: str) -> None:
    """Something that must hold on one kind of launch."""
    said = {"Assert": holds, "AssertDescription": why}
    template.add_rule(name, {"RuleCondition": Equals(Ref("Launch"), launch), "Assertions": [said]})


def on_ec2(there: object, otherwise: object) -> If:
    """One of two, by what replicas run on."""
    return If(ON_EC2, there, otherwise)
