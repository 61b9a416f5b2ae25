"""What CDK's `ec2.Vpc` is made of."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def vpc(drive: Any) -> Any:
    """A network."""
    return drive("AWS::EC2::VPC", {"stage": "dev"}).create(
        {"CidrBlock": "10.0.0.0/16", "EnableDnsHostnames": True, "EnableDnsSupport": True}
    )


def test_a_network_tells_its_attributes(vpc: Any, local_aws: Any) -> None:
    """CDK restricts the default security group, so its id has to be right."""
    ec2 = local_aws.client("ec2")
    group = ec2.describe_security_groups(GroupIds=[vpc.attributes["DefaultSecurityGroup"]])
    assert group["SecurityGroups"][0]["GroupName"] == "default"
    assert group["SecurityGroups"][0]["VpcId"] == vpc.physical_id
    assert vpc.attributes["CidrBlock"] == "10.0.0.0/16"
    names = ec2.describe_vpc_attribute(VpcId=vpc.physical_id, Attribute="enableDnsHostnames")
    assert names["EnableDnsHostnames"]["Value"] is True
    found = ec2.describe_vpcs(VpcIds=[vpc.physical_id])["Vpcs"][0]
    assert found["Tags"] == [{"Key": "stage", "Value": "dev"}]


def test_a_public_and_a_private_subnet_come_and_go(drive: Any, vpc: Any, local_aws: Any) -> None:
    """Made in the order of a deployment and deleted in the reverse, twice, without a trace."""
    made: list[tuple[Any, Any, dict[str, Any]]] = []

    def make(type_name: str, **properties: Any) -> Any:
        driven = drive(type_name)
        created = driven.create(properties)
        made.append((driven, created, properties))
        return created

    identifier = vpc.physical_id
    gateway = make("AWS::EC2::InternetGateway").physical_id
    make("AWS::EC2::VPCGatewayAttachment", VpcId=identifier, InternetGatewayId=gateway)
    public = make(
        "AWS::EC2::Subnet",
        VpcId=identifier,
        CidrBlock="10.0.0.0/24",
        AvailabilityZone="us-east-1a",
        MapPublicIpOnLaunch=True,
    )
    private = make(
        "AWS::EC2::Subnet",
        VpcId=identifier,
        CidrBlock="10.0.1.0/24",
        AvailabilityZone="us-east-1b",
        Tags=[{"Key": "Name", "Value": "private"}],
    )
    assert private.attributes["AvailabilityZone"] == "us-east-1b"
    assert public.attributes["VpcId"] == identifier
    table = make("AWS::EC2::RouteTable", VpcId=identifier).physical_id
    outward = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0"}
    route = make("AWS::EC2::Route", GatewayId=gateway, **outward)
    assert route.physical_id == f"{table}|0.0.0.0/0"
    subnet = public.physical_id
    make("AWS::EC2::SubnetRouteTableAssociation", RouteTableId=table, SubnetId=subnet)
    address = make("AWS::EC2::EIP", Domain="vpc")
    allocation = address.attributes["AllocationId"]
    nat = make("AWS::EC2::NatGateway", SubnetId=subnet, AllocationId=allocation)
    inner = make("AWS::EC2::RouteTable", VpcId=identifier).physical_id
    outward = {"RouteTableId": inner, "DestinationCidrBlock": "0.0.0.0/0"}
    make("AWS::EC2::Route", NatGatewayId=nat.physical_id, **outward)
    s3 = "com.amazonaws.us-east-1.s3"
    make(
        "AWS::EC2::VPCEndpoint",
        VpcId=identifier,
        ServiceName=s3,
        VpcEndpointType="Gateway",
        RouteTableIds=[inner],
    )
    logs = drive("AWS::Logs::LogGroup").create({}).physical_id
    role = "arn:aws:iam::123456789012:role/flow-logs"
    local_aws.client("iam").create_role(RoleName="flow-logs", AssumeRolePolicyDocument="{}")
    make(
        "AWS::EC2::FlowLog",
        ResourceId=identifier,
        ResourceType="VPC",
        TrafficType="ALL",
        LogGroupName=logs,
        DeliverLogsPermissionArn=role,
    )

    ec2 = local_aws.client("ec2")
    own = [{"Name": "vpc-id", "Values": [identifier]}]
    endpoint = ec2.describe_vpc_endpoints(Filters=own)["VpcEndpoints"][0]
    assert (endpoint["ServiceName"], endpoint["RouteTableIds"]) == (s3, [inner])
    for driven, created, properties in reversed(made):
        driven.delete(created, properties)
        driven.delete(created, properties)
    assert ec2.describe_subnets(Filters=own)["Subnets"] == []
    endpoints = ec2.describe_vpc_endpoints(Filters=own)["VpcEndpoints"]
    assert {endpoint["State"].lower() for endpoint in endpoints} <= {"deleted"}
    assert len(ec2.describe_route_tables(Filters=own)["RouteTables"]) == 1
    assert ec2.describe_flow_logs()["FlowLogs"] == []
    assert [
        a for a in ec2.describe_addresses()["Addresses"] if a["AllocationId"] == allocation
    ] == []
    ec2.delete_vpc(VpcId=identifier)


def test_a_security_group_has_the_rules_of_the_template_only(
    drive: Any, vpc: Any, local_aws: Any
) -> None:
    """Egress rules replace the default one; a change touches only what differs."""
    group = drive("AWS::EC2::SecurityGroup")
    https = {"IpProtocol": "tcp", "FromPort": "443", "ToPort": 443, "CidrIp": "10.0.0.0/16"}
    nowhere = {"IpProtocol": "icmp", "FromPort": 252, "ToPort": 86, "CidrIp": "255.255.255.255/32"}
    old = {
        "GroupDescription": "endpoints",
        "VpcId": vpc.physical_id,
        "SecurityGroupEgress": [nowhere],
        "SecurityGroupIngress": [https],
    }
    created = group.create(old)
    assert created.attributes["GroupId"] == created.physical_id
    assert created.attributes["VpcId"] == vpc.physical_id

    def rules(direction: str) -> list[Any]:
        answer = local_aws.client("ec2").describe_security_groups(GroupIds=[created.physical_id])
        key = {"in": "IpPermissions", "out": "IpPermissionsEgress"}[direction]
        return [
            (rule["IpProtocol"], rule.get("FromPort"), [r["CidrIp"] for r in rule["IpRanges"]])
            for rule in answer["SecurityGroups"][0][key]
        ]

    assert rules("in") == [("tcp", 443, ["10.0.0.0/16"])]
    assert rules("out") == [("icmp", 252, ["255.255.255.255/32"])]
    new = {key: old[key] for key in ("GroupDescription", "VpcId")}
    group.update(created, old, new)
    assert rules("in") == []
    assert rules("out") == [("-1", None, ["0.0.0.0/0"])]

    beside = drive("AWS::EC2::SecurityGroupIngress")
    properties = {"GroupId": created.physical_id, **https}
    rule = beside.create(properties)
    assert rules("in") == [("tcp", 443, ["10.0.0.0/16"])]
    beside.delete(rule, properties)
    beside.delete(rule, properties)
    assert rules("in") == []
    group.delete(created, new)
    group.delete(created, new)
    beside.delete(rule, properties)
