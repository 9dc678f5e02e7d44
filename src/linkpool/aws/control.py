"""The control plane: two services of one task, one in each zone, and a load balancer for pages and API.

Two services, since a replica holds a line to every control plane and must be able to name each: `control-a`
and `control-b` in a private DNS zone, as on Swarm. A network load balancer before both would hand a replica's
one line to either of them, at random. The second is updated after the first is well, so one always leads.

Settings come by the environment, as far as the stack knows them; the chain, the pool and the endpoints (which
may hold keys) are the operator's own file in a secret, as `linkpool pool deploy` wrote it.
"""

from typing import Any

from troposphere import GetAtt, If, Ref, Sub, Template, ecs, servicediscovery
from troposphere import elasticloadbalancingv2 as elb

from linkpool.aws.database import database_url
from linkpool.aws.network import AGENT_PORT, API_PORT, TASKS, ZONES, task_subnets
from linkpool.aws.parameters import ON_EC2, ON_NAT, RUNNING, on_ec2
from linkpool.aws.secrets import secret_arn

CONTAINER = "control"
SECRETS = {
    "LINKPOOL_CONFIG": "settings",
    "LINKPOOL_KEYS": "master",
    "LINKPOOL_ADMIN_TOKEN": "admin-token",
    "PGPASSWORD": "database-password",
}
"""Variables of the process, and the secrets whose content they hold."""
_LEAST_TLS = "ELBSecurityPolicy-TLS13-1-2-2021-06"


def add_control(template: Template) -> None:
    """Names, load balancer, and both services."""
    names = template.add_resource(
        servicediscovery.PrivateDnsNamespace("Names", Name=Sub("${PoolName}.internal"), Vpc=Ref("Vpc"))
    )
    target, listener = _balancer(template)
    before: list[str] = [listener.title]
    for zone in ZONES:
        service = _service(template, zone, names, target, before)
        before = [listener.title, service.title]


def environment() -> dict[str, Any]:
    """What both are told in clear."""
    urls = [f"https://control-{zone.lower()}.${{PoolName}}.internal:{AGENT_PORT}" for zone in ZONES]
    subnets = [f"${{{subnet.data['Ref']}}}" for subnet in task_subnets()]
    return {
        "LINKPOOL_STATE": "/dev/shm/linkpool",  # noqa: S108 - memory of the container alone; its root is read-only
        "LINKPOOL_HOST": "0.0.0.0",  # noqa: S104 - behind the load balancer
        "LINKPOOL_PORT": str(API_PORT),
        "LINKPOOL_HEALTH_PORT": str(API_PORT),
        "LINKPOOL_AGENT_PORT": str(AGENT_PORT),
        "LINKPOOL_CONTROL_URLS": Sub(",".join(urls)),
        "FORWARDED_ALLOW_IPS": Ref("VpcCidr"),  # only the load balancer reaches the port, and says who asks
        "LINKPOOL_PUBLIC_URL": Sub("https://${Domain}"),
        "LINKPOOL_DATABASE": database_url(),
        "LINKPOOL_POOL_NAME": Ref("PoolName"),
        "LINKPOOL_ENGINE": "ecs",
        "LINKPOOL_PRICE_ENGINE": on_ec2("ecs-ec2", "ecs-fargate"),
        "LINKPOOL_RELEASE_NAME": Ref("Release"),
        "LINKPOOL_RELEASE_IMAGE": Ref("Image"),
        "LINKPOOL_AWS_REGION": Ref("AWS::Region"),
        "LINKPOOL_ECS_CLUSTER": Ref("Cluster"),
        "LINKPOOL_ECS_SUBNETS": Sub(",".join(subnets)),
        "LINKPOOL_ECS_SECURITY_GROUPS": GetAtt("TaskGroup", "GroupId"),
        "LINKPOOL_ECS_PUBLIC_IP": If(ON_NAT, "false", "true"),
        "LINKPOOL_ECS_EXECUTION_ROLE": GetAtt("ReplicaExecutionRole", "Arn"),
        "LINKPOOL_ECS_TASK_ROLE": GetAtt("ReplicaRole", "Arn"),
        "LINKPOOL_ECS_LOG_GROUP": Ref("ReplicaLogs"),
        # machines share their cores, so that small shares pack more; Fargate sells a quarter at least
        "LINKPOOL_TASK_CPU": on_ec2("128", "256"),
        "LINKPOOL_TASK_MEMORY": Ref("TaskMemory"),
    }


def _balancer(template: Template) -> tuple[Any, Any]:
    balancer = template.add_resource(
        elb.LoadBalancer(
            "Balancer",
            Type="application",
            Scheme="internet-facing",
            Subnets=[Ref(f"PublicSubnet{zone}") for zone in ZONES],
            SecurityGroups=[GetAtt("BalancerGroup", "GroupId")],
            DependsOn="GatewayAttachment",
            LoadBalancerAttributes=[
                elb.LoadBalancerAttributes(
                    Key="routing.http.drop_invalid_header_fields.enabled", Value="true"
                ),
                elb.LoadBalancerAttributes(Key="idle_timeout.timeout_seconds", Value="60"),
            ],
        )
    )
    target = template.add_resource(
        elb.TargetGroup(
            "ControlTargets",
            VpcId=Ref("Vpc"),
            TargetType="ip",
            Protocol="HTTP",
            Port=API_PORT,
            HealthCheckPath="/live",  # who fails it is replaced: no cure for a database that is away
            HealthCheckIntervalSeconds=10,
            HealthCheckTimeoutSeconds=5,
            HealthyThresholdCount=2,
            UnhealthyThresholdCount=3,
            TargetGroupAttributes=[
                elb.TargetGroupAttribute(Key="deregistration_delay.timeout_seconds", Value="15")
            ],
        )
    )
    onward = elb.Action(Type="forward", TargetGroupArn=Ref(target))
    listener = template.add_resource(
        elb.Listener(
            "PagesListener",
            LoadBalancerArn=Ref(balancer),
            Port=443,
            Protocol="HTTPS",
            SslPolicy=_LEAST_TLS,
            Certificates=[elb.Certificate(CertificateArn=Ref("Certificate"))],
            DefaultActions=[onward],
        )
    )
    secured = elb.RedirectConfig(Protocol="HTTPS", Port="443", StatusCode="HTTP_301")
    template.add_resource(
        elb.Listener(
            "PlainListener",
            LoadBalancerArn=Ref(balancer),
            Port=80,
            Protocol="HTTP",
            DefaultActions=[elb.Action(Type="redirect", RedirectConfig=secured)],
        )
    )
    return target, listener


def _service(template: Template, zone: str, names: Any, target: Any, before: list[str]) -> Any:
    name = f"control-{zone.lower()}"
    known = template.add_resource(
        servicediscovery.Service(
            f"Control{zone}Name",
            Name=name,
            DnsConfig=servicediscovery.DnsConfig(
                NamespaceId=GetAtt(names, "Id"), DnsRecords=[servicediscovery.DnsRecord(Type="A", TTL="5")]
            ),
            HealthCheckCustomConfig=servicediscovery.HealthCheckCustomConfig(FailureThreshold=1),
        )
    )
    return template.add_resource(
        ecs.Service(
            f"Control{zone}",
            ServiceName=name,
            Cluster=Ref("Cluster"),
            LaunchType="FARGATE",  # so that no machine of replicas takes it along
            TaskDefinition=Ref(_definition(template, zone, name)),
            DesiredCount=If(RUNNING, 1, 0),
            DependsOn=before,
            DeploymentConfiguration=ecs.DeploymentConfiguration(
                MinimumHealthyPercent=100,
                MaximumPercent=200,
                DeploymentCircuitBreaker=ecs.DeploymentCircuitBreaker(Enable=True, Rollback=True),
            ),
            HealthCheckGracePeriodSeconds=60,
            NetworkConfiguration=ecs.NetworkConfiguration(
                AwsvpcConfiguration=ecs.AwsvpcConfiguration(
                    Subnets=[Ref(f"{TASKS}{zone}")],
                    SecurityGroups=[GetAtt("ControlGroup", "GroupId")],
                    AssignPublicIp=If(ON_NAT, "DISABLED", "ENABLED"),
                )
            ),
            LoadBalancers=[
                ecs.LoadBalancer(ContainerName=CONTAINER, ContainerPort=API_PORT, TargetGroupArn=Ref(target))
            ],
            ServiceRegistries=[ecs.ServiceRegistry(RegistryArn=GetAtt(known, "Arn"))],
        )
    )


def _definition(template: Template, zone: str, name: str) -> Any:
    told = [ecs.Environment(Name=key, Value=value) for key, value in environment().items()]
    machines = ecs.Environment(Name="LINKPOOL_ECS_CAPACITY_PROVIDER", Value=Ref("Machines"))
    told.append(If(ON_EC2, machines, Ref("AWS::NoValue")))  # not told is Fargate
    health = ["CMD", "python", "-S", "-E", "/opt/linkpool/healthy.py"]
    options = {"awslogs-group": Ref("ControlLogs"), "awslogs-region": Ref("AWS::Region")}
    return template.add_resource(
        ecs.TaskDefinition(
            f"Control{zone}Task",
            Family=Sub(f"{name}-${{PoolName}}"),
            NetworkMode="awsvpc",
            RequiresCompatibilities=["FARGATE"],
            Cpu="1024",
            Memory="2048",
            ExecutionRoleArn=GetAtt("ControlExecutionRole", "Arn"),
            TaskRoleArn=GetAtt("ControlRole", "Arn"),
            ContainerDefinitions=[
                ecs.ContainerDefinition(
                    Name=CONTAINER,
                    Image=Ref("Image"),
                    Command=["control"],
                    Essential=True,
                    User="65532:65532",
                    ReadonlyRootFilesystem=True,
                    LinuxParameters=ecs.LinuxParameters(InitProcessEnabled=True),
                    StopTimeout=15,
                    Environment=told,
                    Secrets=[
                        ecs.Secret(Name=key, ValueFrom=secret_arn(held)) for key, held in SECRETS.items()
                    ],
                    PortMappings=[ecs.PortMapping(ContainerPort=port) for port in (API_PORT, AGENT_PORT)],
                    HealthCheck=ecs.HealthCheck(
                        Command=health, Interval=10, Timeout=5, Retries=3, StartPeriod=60
                    ),
                    LogConfiguration=ecs.LogConfiguration(
                        LogDriver="awslogs", Options=options | {"awslogs-stream-prefix": name}
                    ),
                )
            ],
        )
    )
