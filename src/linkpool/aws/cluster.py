"""The cluster: machines that its capacity provider adds and removes as tasks need them, or Fargate."""

from typing import Any

from troposphere import Base64, GetAtt, Ref, Sub, Template, autoscaling, ec2, ecs, iam, logs

from linkpool.aws.network import task_subnets
from linkpool.aws.parameters import ON_EC2

_INSTANCE_POLICY = "arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
_BOOT = """#!/bin/bash
cat >> /etc/ecs/ecs.config <<END
ECS_CLUSTER=${Cluster}
ECS_AWSVPC_BLOCK_IMDS=true
ECS_CONTAINER_STOP_TIMEOUT=30s
END
"""


def add_cluster(template: Template) -> None:
    """Cluster, machines, capacity provider; the log groups of both kinds of tasks."""
    for name in ("Control", "Replica"):
        template.add_resource(
            logs.LogGroup(
                f"{name}Logs",
                LogGroupName=Sub("/linkpool/${PoolName}/" + name.lower()),
                RetentionInDays=Ref("LogDays"),
                DeletionPolicy="Delete",
                UpdateReplacePolicy="Retain",
            )
        )
    cluster = template.add_resource(ecs.Cluster("Cluster", ClusterName=Ref("PoolName")))
    machines = _machines(template)
    provider = template.add_resource(
        ecs.CapacityProvider(
            "Machines",
            Condition=ON_EC2,
            AutoScalingGroupProvider=ecs.AutoScalingGroupProvider(
                AutoScalingGroupArn=Ref(machines),
                ManagedScaling=ecs.ManagedScaling(Status="ENABLED", TargetCapacity=100),
                ManagedTerminationProtection="ENABLED",
                ManagedDraining="ENABLED",
            ),
        )
    )
    template.add_resource(
        ecs.ClusterCapacityProviderAssociations(
            "ClusterMachines",
            Condition=ON_EC2,
            Cluster=Ref(cluster),
            CapacityProviders=[Ref(provider)],
            DefaultCapacityProviderStrategy=[
                ecs.CapacityProviderStrategy(CapacityProvider=Ref(provider), Weight=1)
            ],
        )
    )


def _machines(template: Template) -> Any:
    role = template.add_resource(
        iam.Role(
            "MachineRole",
            Condition=ON_EC2,
            AssumeRolePolicyDocument=assumed_by("ec2.amazonaws.com"),
            ManagedPolicyArns=[Sub(_INSTANCE_POLICY)],
        )
    )
    profile = template.add_resource(
        iam.InstanceProfile("MachineProfile", Condition=ON_EC2, Roles=[Ref(role)])
    )
    launch = template.add_resource(
        ec2.LaunchTemplate(
            "Machine",
            Condition=ON_EC2,
            LaunchTemplateData=ec2.LaunchTemplateData(
                ImageId=Ref("MachineImage"),
                InstanceType=Ref("MachineType"),
                IamInstanceProfile=ec2.IamInstanceProfile(Arn=GetAtt(profile, "Arn")),
                SecurityGroupIds=[GetAtt("MachineGroup", "GroupId")],
                MetadataOptions=ec2.MetadataOptions(HttpTokens="required", HttpPutResponseHopLimit=1),
                UserData=Base64(Sub(_BOOT)),
            ),
        )
    )
    return template.add_resource(
        autoscaling.AutoScalingGroup(
            "MachineFleet",
            Condition=ON_EC2,
            MinSize="0",
            MaxSize=Ref("MachinesAtMost"),
            NewInstancesProtectedFromScaleIn=True,  # the capacity provider decides which may go
            VPCZoneIdentifier=task_subnets(),
            LaunchTemplate=autoscaling.LaunchTemplateSpecification(
                LaunchTemplateId=Ref(launch), Version=GetAtt(launch, "LatestVersionNumber")
            ),
        )
    )


def assumed_by(service: str) -> dict[str, Any]:
    """Who may take a role."""
    allowed = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [allowed]}
