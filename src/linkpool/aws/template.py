"""The whole stack as one CloudFormation template: the same text for the same version of LinkPool."""

import json

from troposphere import GetAtt, Output, Ref, Sub, Template

from linkpool.aws.alarms import add_alarms
from linkpool.aws.cluster import add_cluster
from linkpool.aws.control import add_control
from linkpool.aws.database import add_database
from linkpool.aws.network import add_network, task_subnets
from linkpool.aws.parameters import add_parameters
from linkpool.aws.roles import add_roles
from linkpool.aws.secrets import FILLED_BY_HAND, MADE, add_secrets, key_arn, secret_arn

AT_MOST = 51_200
"""Bytes of a template that an API call may carry."""


def template_text() -> str:
    """The template as compact JSON, below `AT_MOST`."""
    return json.dumps(build().to_dict(), separators=(",", ":"), sort_keys=True)


def readable() -> str:
    """The same, for people and for a repository."""
    return json.dumps(build().to_dict(), indent=1, sort_keys=True)


def build() -> Template:
    """The template, concern by concern."""
    template = Template(Description="LinkPool: a pool of oracle nodes on ECS (docs/aws.md).")
    template.set_version("2010-09-09")
    for add in (
        add_parameters,
        add_network,
        add_cluster,
        add_secrets,
        add_database,
        add_roles,
        add_control,
        add_alarms,
        _outputs,
    ):
        add(template)
    return template


def _outputs(template: Template) -> None:
    told = {
        "Address": (GetAtt("Balancer", "DNSName"), "Where Domain must lead (CNAME or alias)."),
        "Url": (Sub("https://${Domain}"), "The pages and the API, then."),
        "MasterKeyArn": (key_arn(), "For `linkpool keys init --kms-key`."),
        "ClusterName": (Ref("Cluster"), "The cluster."),
        "PoolName": (Ref("PoolName"), "The pool's name in it."),
        "Subnets": (Sub(",".join(f"${{{each.data['Ref']}}}" for each in task_subnets())), "Where tasks run."),
        "AlarmTopic": (Ref("Alarms"), "What alarms are told to."),
    }
    told |= {
        f"Secret{name.title().replace('-', '')}": (secret_arn(name), f"The secret `{name}`.")
        for name in (*FILLED_BY_HAND, *MADE)
    }
    for name, (value, meaning) in told.items():
        template.add_output(Output(name, Value=value, Description=meaning))
