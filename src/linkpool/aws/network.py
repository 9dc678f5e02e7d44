"""The network: two zones, each with a subnet that faces outside and one for tasks; who may talk to whom.

A /16 gives sixteen /20s. A /20 has 4,096 addresses, of which AWS keeps five: 4,091. A thousand nodes are
2,000 replicas, so each zone alone holds all of them twice over, as it must when the other is lost in the
middle of an upgrade of everything; 1,000 tasks fit into either zone four times.
"""

from typing import Any

from troposphere import Cidr, GetAtt, GetAZs, If, Ref, Select, Sub, Tags, Template, ec2

from linkpool.aws.parameters import ON_NAT

ZONES = ("A", "B")
TASKS = "TaskSubnet"
AGENT_PORT, API_PORT, HEALTH_PORT = 8701, 8700, 6688


def add_network(template: Template) -> None:
    """VPC, subnets, ways out, security groups."""
    vpc = template.add_resource(
        ec2.VPC(
            "Vpc",
            CidrBlock=Ref("VpcCidr"),
            EnableDnsHostnames=True,
            EnableDnsSupport=True,
            Tags=Tags(Name=Ref("PoolName")),
        )
    )
    gateway = template.add_resource(ec2.InternetGateway("Gateway"))
    attached = template.add_resource(
        ec2.VPCGatewayAttachment("GatewayAttachment", VpcId=Ref(vpc), InternetGatewayId=Ref(gateway))
    )
    public = template.add_resource(ec2.RouteTable("PublicRoutes", VpcId=Ref(vpc)))
    _way_out(template, "PublicRoute", public, DependsOn=attached.title, GatewayId=Ref(gateway))
    tables = [Ref(public)]
    for index, zone in enumerate(ZONES):
        outside = _subnet(template, f"PublicSubnet{zone}", index, index)
        tasks = _subnet(template, f"{TASKS}{zone}", index, 2 + index)
        _routed(template, outside, public)
        table = template.add_resource(ec2.RouteTable(f"TaskRoutes{zone}", VpcId=Ref(vpc)))
        _routed(template, tasks, table)
        nat = _nat(template, zone, outside, attached)
        _way_out(
            template,
            f"TaskRoute{zone}",
            table,
            DependsOn=attached.title,
            NatGatewayId=If(ON_NAT, Ref(nat), Ref("AWS::NoValue")),
            GatewayId=If(ON_NAT, Ref("AWS::NoValue"), Ref(gateway)),
        )
        tables.append(Ref(table))
    template.add_resource(
        ec2.VPCEndpoint(  # image layers come from S3: free this way, and not through the NAT gateways
            "ImageLayers",
            VpcId=Ref(vpc),
            ServiceName=Sub("com.amazonaws.${AWS::Region}.s3"),
            VpcEndpointType="Gateway",
            RouteTableIds=tables,
        )
    )
    _groups(template, vpc)


def task_subnets() -> list[Ref]:
    """Where every task gets its address."""
    return [Ref(f"{TASKS}{zone}") for zone in ZONES]


def _subnet(template: Template, name: str, zone: int, piece: int) -> Any:
    return template.add_resource(
        ec2.Subnet(
            name,
            VpcId=Ref("Vpc"),
            AvailabilityZone=Select(zone, GetAZs("")),
            CidrBlock=Select(piece, Cidr(Ref("VpcCidr"), 16, 12)),
            Tags=Tags(Name=Sub("${PoolName} " + name)),
        )
    )


def _routed(template: Template, subnet: Any, table: Any) -> None:
    template.add_resource(
        ec2.SubnetRouteTableAssociation(
            f"{subnet.title}Routes", SubnetId=Ref(subnet), RouteTableId=Ref(table)
        )
    )


def _way_out(template: Template, name: str, table: Any, **target: Any) -> None:
    # troposphere wants one target and does not look into conditions
    route = ec2.Route(
        name, validation=False, RouteTableId=Ref(table), DestinationCidrBlock="0.0.0.0/0", **target
    )
    template.add_resource(route)


def _nat(template: Template, zone: str, outside: Any, attached: Any) -> Any:
    """One in each zone: a zone that is lost takes nobody else's way out with it."""
    address = template.add_resource(
        ec2.EIP(f"NatAddress{zone}", Condition=ON_NAT, Domain="vpc", DependsOn=attached.title)
    )
    return template.add_resource(
        ec2.NatGateway(
            f"Nat{zone}",
            Condition=ON_NAT,
            AllocationId=GetAtt(address, "AllocationId"),
            SubnetId=Ref(outside),
        )
    )


def _groups(template: Template, vpc: Any) -> None:
    visitors = _group(
        template,
        "BalancerGroup",
        "The load balancer: visitors come in",
        [
            ec2.SecurityGroupRule(
                IpProtocol="tcp",
                FromPort=port,
                ToPort=port,
                CidrIp=Ref("VisitorCidr"),
                Description="Visitors of the pages and the API",
            )
            for port in (443, 80)
        ],
    )
    tasks = _group(template, "TaskGroup", "Replicas and adapters", [_within()])
    control = _group(
        template,
        "ControlGroup",
        "Control planes",
        [_from(visitors, API_PORT, "Pages and API"), _from(tasks, AGENT_PORT, "Replicas")],
    )
    _group(template, "DatabaseGroup", "The database", [_from(control, 5432, "Control planes")])
    _group(template, "MachineGroup", "Machines; tasks have addresses of their own", [])


def _group(template: Template, name: str, what: str, inward: list[Any]) -> Any:
    return template.add_resource(
        ec2.SecurityGroup(
            name,
            VpcId=Ref("Vpc"),
            GroupDescription=what,
            SecurityGroupIngress=inward,
            SecurityGroupEgress=[
                ec2.SecurityGroupRule(IpProtocol="-1", CidrIp="0.0.0.0/0", Description="Anywhere")
            ],
        )
    )


def _from(group: Any, port: int, what: str) -> Any:
    return ec2.SecurityGroupRule(
        IpProtocol="tcp",
        FromPort=port,
        ToPort=port,
        SourceSecurityGroupId=GetAtt(group, "GroupId"),
        Description=what,
    )


def _within() -> Any:
    """Adapters are asked by replicas, and both are looked at by whoever reads their figures."""
    return ec2.SecurityGroupRule(
        IpProtocol="tcp",
        FromPort=1024,
        ToPort=65535,
        CidrIp=Ref("VpcCidr"),
        Description="Adapters and health, from inside the network",
    )
