"""A VPC of one's own: private subnets, S3 through a gateway, and what else was asked for."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk.assertions import Match, Template
from botocore.exceptions import ClientError
from moto import mock_aws

from inference_constructs import EncryptionKey, InferenceModel, InferenceVpc, ModelArtifact
from inference_constructs.functions.default_security_group.custom_resource import close

Find = Callable[[str], dict[str, Any]]


def test_there_is_a_private_subnet_in_each_of_two_zones_and_no_way_out(
    stack: Stack, encryption: EncryptionKey
) -> None:
    """SageMaker wants two zones; an internet or NAT gateway would be a way out, and cost."""
    InferenceVpc(stack, "Network", encryption=encryption)
    template = Template.from_stack(stack)
    subnets = template.find_resources("AWS::EC2::Subnet").values()
    zones = [json.dumps(subnet["Properties"]["AvailabilityZone"]) for subnet in subnets]
    assert len(zones) == len(set(zones)) == 2
    assert not any(subnet["Properties"].get("MapPublicIpOnLaunch") for subnet in subnets)
    for resource_type in ("InternetGateway", "NatGateway", "Route", "EIP"):
        template.resource_count_is(f"AWS::EC2::{resource_type}", 0)


def test_the_synth_asks_aws_for_no_zones(stack: Stack, encryption: EncryptionKey) -> None:
    """They are chosen when it is deployed, so that a synth needs no account."""
    InferenceVpc(stack, "Network", encryption=encryption)
    template = Template.from_stack(stack)
    template.has_resource_properties(
        "AWS::EC2::Subnet", {"AvailabilityZone": {"Fn::Select": [0, {"Fn::GetAZs": ""}]}}
    )


def test_the_gateway_to_s3_lets_the_accounts_own_buckets_through_only(
    stack: Stack, encryption: EncryptionKey, one: Find
) -> None:
    """What a container could send to a bucket of somebody else's stops here."""
    InferenceVpc(stack, "Network", encryption=encryption)
    endpoint = one("AWS::EC2::VPCEndpoint")["Properties"]
    assert endpoint["VpcEndpointType"] == "Gateway"
    assert len(endpoint["RouteTableIds"]) == 2
    (statement,) = endpoint["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["s3:GetObject", "s3:ListBucket", "s3:PutObject"]
    account = {"Ref": "AWS::AccountId"}
    assert statement["Condition"] == {
        "StringEquals": {"aws:PrincipalAccount": account, "aws:ResourceAccount": account}
    }


def test_interface_endpoints_are_there_when_they_are_asked_for(
    stack: Stack, encryption: EncryptionKey
) -> None:
    """Each costs by the hour and zone; only the containers get to it."""
    InferenceVpc(
        stack,
        "Network",
        encryption=encryption,
        interface_endpoints=[ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS],
    )
    template = Template.from_stack(stack)
    template.resource_properties_count_is(
        "AWS::EC2::VPCEndpoint", {"VpcEndpointType": "Interface"}, 1
    )
    template.has_resource_properties(
        "AWS::EC2::SecurityGroupIngress",
        {
            "FromPort": 443,
            "ToPort": 443,
            "SourceSecurityGroupId": {"Fn::GetAtt": [Match.any_value(), "GroupId"]},
        },
    )


def test_nothing_may_come_in_to_the_containers(stack: Stack, encryption: EncryptionKey) -> None:
    """SageMaker reaches them on its own side."""
    InferenceVpc(stack, "Network", encryption=encryption)
    template = Template.from_stack(stack)
    template.all_resources_properties(
        "AWS::EC2::SecurityGroup", {"SecurityGroupIngress": Match.absent()}
    )
    template.has_resource_properties(
        "AWS::EC2::SecurityGroup",
        {"SecurityGroupEgress": [Match.object_like({"FromPort": 443, "ToPort": 443})]},
    )


def test_all_traffic_is_logged_under_the_key(
    stack: Stack, encryption: EncryptionKey, statements: Callable[[str], list[dict[str, Any]]]
) -> None:
    """And the role that writes the logs makes no groups."""
    InferenceVpc(stack, "Network", encryption=encryption)
    template = Template.from_stack(stack)
    template.has_resource_properties(
        "AWS::EC2::FlowLog", {"ResourceType": "VPC", "TrafficType": "ALL"}
    )
    template.all_resources_properties(
        "AWS::Logs::LogGroup", {"KmsKeyId": Match.any_value(), "RetentionInDays": 90}
    )
    (statement,) = statements("Writes the flow logs")
    assert sorted(statement["Action"]) == ["logs:CreateLogStream", "logs:PutLogEvents"]


def test_models_are_attached_to_it(
    stack: Stack, artifact: ModelArtifact, encryption: EncryptionKey, one: Find
) -> None:
    """The whole of it is a network for `InferenceModel`."""
    vpc = InferenceVpc(stack, "Network", encryption=encryption)
    InferenceModel(stack, "Model", artifact=artifact, network=vpc.network)
    config = one("AWS::SageMaker::Model")["Properties"]["VpcConfig"]
    subnets = Template.from_stack(stack).find_resources("AWS::EC2::Subnet")
    assert config["Subnets"] == [{"Ref": subnet_id} for subnet_id in subnets]


@pytest.mark.parametrize("zones", [1, 7])
def test_too_few_and_too_many_zones_are_refused(stack: Stack, zones: int) -> None:
    """One zone is one outage; no region has seven."""
    page = "https://docs.aws.amazon.com/sagemaker/latest/dg/host-vpc.html"
    with pytest.raises(ValueError, match=f"zones must be 2 to 6, not {zones}.*{page}"):
        InferenceVpc(stack, "Network", zones=zones)


def test_three_zones_are_taken(stack: Stack, encryption: EncryptionKey) -> None:
    """More zones outlive more."""
    InferenceVpc(stack, "Network", encryption=encryption, zones=3)
    Template.from_stack(stack).resource_count_is("AWS::EC2::Subnet", 3)


@mock_aws
def test_the_default_group_is_closed_and_closing_it_again_is_no_fault() -> None:
    """CloudFormation may repeat a request."""
    client = boto3.client("ec2", region_name="us-east-1")
    vpc_id = client.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    of_vpc = {"Name": "vpc-id", "Values": [vpc_id]}
    [group] = client.describe_security_groups(Filters=[of_vpc])["SecurityGroups"]
    for _ in range(2):
        close(client, group["GroupId"], group["OwnerId"])
    [closed] = client.describe_security_groups(GroupIds=[group["GroupId"]])["SecurityGroups"]
    assert closed["IpPermissions"] == closed["IpPermissionsEgress"] == []


@mock_aws
def test_a_group_that_cannot_be_closed_is_told() -> None:
    """CloudFormation has to hear of it."""
    client = boto3.client("ec2", region_name="us-east-1")
    with pytest.raises(ClientError, match=r"InvalidGroup\.NotFound"):
        close(client, "sg-00000000", "123456789012")


def test_the_function_may_change_the_default_group_only(
    stack: Stack, encryption: EncryptionKey, statements: Callable[[str], list[dict[str, Any]]]
) -> None:
    """The resource is the one group."""
    InferenceVpc(stack, "Network", encryption=encryption)
    (statement,) = [
        s
        for s in statements("default security group")
        if any(action.startswith("ec2:") for action in s["Action"])
    ]
    assert statement["Action"] == [
        "ec2:RevokeSecurityGroupEgress",
        "ec2:RevokeSecurityGroupIngress",
    ]
    assert statement["Resource"]["Fn::Join"][1][-1] == {
        "Fn::GetAtt": [_vpc_id(stack), "DefaultSecurityGroup"]
    }


def _vpc_id(stack: Stack) -> str:
    """The VPC's logical id."""
    (vpc_id,) = Template.from_stack(stack).find_resources("AWS::EC2::VPC")
    return str(vpc_id)
