"""What wakes somebody up: alarms of AWS itself, beside those that the control plane raises about the pool."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from troposphere import GetAtt, Ref, Sub, Template, cloudwatch, sns

from linkpool.aws.parameters import IN_USE, MAILED, ON_EC2, OWN_DATABASE, RUNNING

GIB = 2**30


@dataclass(frozen=True)
class Watch:
    """One figure of CloudWatch, minute by minute: for how long, and beyond what."""

    title: str
    says: str
    namespace: str
    metric: str
    place: str
    """Which dimensions: of the balancer, the database, or the capacity provider."""
    statistic: str
    beyond: str
    limit: float
    minutes: int
    silence: str = "missing"
    """What no figure at all means."""
    condition: str | None = None


_BELOW, _ABOVE = "LessThanThreshold", "GreaterThanThreshold"
_ELB, _RDS = "AWS/ApplicationELB", "AWS/RDS"
WATCHES = (
    Watch(
        "NoControlPlane",
        "No control plane answers: replicas serve on, but nothing is started, paid or upgraded.",
        _ELB, "HealthyHostCount", "balancer", "Maximum", _BELOW, 1, 2, "breaching", RUNNING,
    ),
    Watch(
        "OneControlPlane",
        "Only one control plane answers: nobody is left to take over.",
        _ELB, "HealthyHostCount", "balancer", "Maximum", _BELOW, 2, 15, "breaching", RUNNING,
    ),
    Watch(
        "UnhealthyTarget",
        "A control plane runs and does not answer; ECS replaces it. Its last words are in its logs.",
        _ELB, "UnHealthyHostCount", "balancer", "Minimum", _ABOVE, 0, 5,
    ),
    Watch(
        "ErrorsOfTheApi",
        "The API answers with errors.",
        _ELB, "HTTPCode_Target_5XX_Count", "balancer", "Sum", _ABOVE, 20, 5, "notBreaching",
    ),
    Watch(
        "DatabaseUnused",
        "No control plane is connected to the database: is it there, is its password the secret's?",
        _RDS, "DatabaseConnections", "database", "Maximum", _BELOW, 1, 5, "breaching", IN_USE,
    ),
    Watch(
        "DatabaseBusy", "The database's processors are busy: a larger DatabaseClass.",
        _RDS, "CPUUtilization", "database", "Average", _ABOVE, 80, 15, condition=OWN_DATABASE,
    ),
    Watch(
        "DatabaseFull", "Less than 1 GiB of storage is free and it did not grow: DatabaseStorageAtMost?",
        _RDS, "FreeStorageSpace", "database", "Minimum", _BELOW, GIB, 5, condition=OWN_DATABASE,
    ),
    Watch(
        "DatabaseMemory", "The database has less than 256 MiB of memory left.",
        _RDS, "FreeableMemory", "database", "Minimum", _BELOW, GIB / 4, 15, condition=OWN_DATABASE,
    ),
    Watch(
        "TasksWaitForMachines", "Tasks find no machine: MachinesAtMost, or a quota of the account?",
        "AWS/ECS/ManagedScaling", "CapacityProviderReservation", "machines", "Minimum", _ABOVE, 100, 15,
        "notBreaching", ON_EC2,
    ),
)  # fmt: skip


def add_alarms(template: Template) -> None:
    """A topic, and an alarm for each watch."""
    topic = template.add_resource(sns.Topic("Alarms", DisplayName=Sub("LinkPool ${PoolName}")))
    template.add_resource(
        sns.SubscriptionResource(
            "AlarmsByMail",
            Condition=MAILED,
            TopicArn=Ref(topic),
            Protocol="email",
            Endpoint=Ref("AlarmEmail"),
        )
    )
    for watch in WATCHES:
        template.add_resource(_alarm(watch, topic))


def _alarm(watch: Watch, topic: Any) -> Any:
    places: Mapping[str, Mapping[str, Any]] = {
        "balancer": {
            "LoadBalancer": GetAtt("Balancer", "LoadBalancerFullName"),
            "TargetGroup": GetAtt("ControlTargets", "TargetGroupFullName"),
        },
        "database": {"DBInstanceIdentifier": Ref("Database")},
        "machines": {"CapacityProviderName": Ref("Machines"), "ClusterName": Ref("Cluster")},
    }
    dimensions = [
        cloudwatch.MetricDimension(Name=key, Value=value) for key, value in places[watch.place].items()
    ]
    return cloudwatch.Alarm(
        watch.title,
        AlarmDescription=watch.says,
        Namespace=watch.namespace,
        MetricName=watch.metric,
        Dimensions=dimensions,
        Statistic=watch.statistic,
        ComparisonOperator=watch.beyond,
        Threshold=watch.limit,
        Period=60,
        EvaluationPeriods=watch.minutes,
        TreatMissingData=watch.silence,
        AlarmActions=[Ref(topic)],
        OKActions=[Ref(topic)],
        **({"Condition": watch.condition} if watch.condition else {}),
    )
