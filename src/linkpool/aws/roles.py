"""Who may do what. Replicas may do nothing at all; control planes what the ecs engine does, in one cluster.

`tests/unit/aws` holds the control planes' policy to `linkpool.engines.ecs_rights`.
"""

from typing import Any

from troposphere import GetAtt, Sub, Template, iam

from linkpool.aws.cluster import assumed_by
from linkpool.aws.secrets import FILLED_BY_HAND, MADE, key_arn, secret_arn
from linkpool.fleet.secrets.kms import CONTEXT

_TASKS = "ecs-tasks.amazonaws.com"
_ECS = "arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:"
_GROUP_TOKENS = (
    "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:linkpool/${PoolName}/*"
)


def add_roles(template: Template) -> None:
    """Four: for tasks of control planes and of replicas, each what starts them and what they are."""
    control = [secret_arn(name) for name in (*FILLED_BY_HAND, *MADE)]
    _role(template, "ControlExecutionRole", _starting("ControlLogs", control))
    _role(template, "ReplicaExecutionRole", _starting("ReplicaLogs", [Sub(_GROUP_TOKENS)]))
    _role(template, "ReplicaRole", [])
    _role(template, "ControlRole", _leading())


def _role(template: Template, name: str, statements: list[dict[str, Any]]) -> None:
    policy = iam.Policy(
        PolicyName="linkpool", PolicyDocument={"Version": "2012-10-17", "Statement": statements}
    )
    template.add_resource(
        iam.Role(
            name,
            AssumeRolePolicyDocument=assumed_by(_TASKS),
            **({"Policies": [policy]} if statements else {}),
        )
    )


def _starting(logs: str, secrets: list[Any]) -> list[dict[str, Any]]:
    """Pull the image, write logs, read these secrets."""
    images = Sub("arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/*")
    layers = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    return [
        _may("Registry", ["ecr:GetAuthorizationToken"], "*"),
        _may("Image", layers, images),
        _may("Logs", ["logs:CreateLogStream", "logs:PutLogEvents"], GetAtt(logs, "Arn")),
        _may("Secrets", ["secretsmanager:GetSecretValue"], secrets),
    ]


def _leading() -> list[dict[str, Any]]:
    services = Sub(_ECS + "service/${Cluster}/${PoolName}-*")
    definitions = Sub(_ECS + "task-definition/${PoolName}-*:*")
    in_cluster = {"ArnEquals": {"ecs:cluster": GetAtt("Cluster", "Arn")}}
    context = {f"kms:EncryptionContext:{name}": value for name, value in CONTEXT.items()}
    tokens = [
        f"secretsmanager:{verb}" for verb in ("CreateSecret", "DescribeSecret", "DeleteSecret", "TagResource")
    ]
    return [
        _may("Groups", [f"ecs:{verb}Service" for verb in ("Create", "Update", "Delete")], services),
        _may("SeeGroups", ["ecs:DescribeServices"], services),
        _may("Definitions", ["ecs:RegisterTaskDefinition", "ecs:TagResource"], [definitions, services]),
        # AWS knows no resource for these
        _may("SeeDefinitions", ["ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitions"], "*"),
        _may("ForgetDefinitions", ["ecs:DeregisterTaskDefinition"], "*"),
        _may("ListTasks", ["ecs:ListTasks"], "*", in_cluster),
        _may(
            "Tasks",
            ["ecs:DescribeTasks", "ecs:ListTagsForResource", "ecs:StopTask"],
            Sub(_ECS + "task/${Cluster}/*"),
        ),
        _may("Cluster", ["ecs:DescribeClusters"], GetAtt("Cluster", "Arn")),
        _may(
            "Check", ["ecs:DescribeCapacityProviders", "ec2:DescribeSubnets", "logs:DescribeLogGroups"], "*"
        ),
        _may("ReadLogs", ["logs:DescribeLogStreams", "logs:GetLogEvents"], GetAtt("ReplicaLogs", "Arn")),
        _may("GroupTokens", tokens, Sub(_GROUP_TOKENS)),
        _may("MasterSecret", ["kms:Decrypt"], key_arn(), {"StringEquals": context}),
        _may(
            "ReplicaRoles",
            ["iam:PassRole"],
            [GetAtt("ReplicaExecutionRole", "Arn"), GetAtt("ReplicaRole", "Arn")],
            {"StringEquals": {"iam:PassedToService": _TASKS}},
        ),
    ]


def _may(
    name: str, actions: list[str], resource: Any, condition: dict[str, Any] | None = None
) -> dict[str, Any]:
    allowed = {"Sid": name, "Effect": "Allow", "Action": actions, "Resource": resource}
    return allowed | ({"Condition": condition} if condition else {})
