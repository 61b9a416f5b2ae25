"""The Model: its environment, its network, its role."""

from collections.abc import Callable, Mapping

import pytest
from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk.assertions import Match, Template

from inference_constructs import InferenceModel, ModelArtifact, Network


def subnet(stack: Stack, name: str, zone: str | None) -> ec2.ISubnet:
    """An imported subnet, in a zone if it is told."""
    return ec2.Subnet.from_subnet_attributes(
        stack, name, subnet_id=f"subnet-0000000{name}", availability_zone=zone
    )


def group(stack: Stack, name: str = "sg-00000001") -> ec2.ISecurityGroup:
    """An imported security group."""
    return ec2.SecurityGroup.from_security_group_id(stack, name, name, mutable=False)


def test_further_variables_reach_the_container(stack: Stack, artifact: ModelArtifact) -> None:
    """Such as what the handler answers."""
    InferenceModel(
        stack,
        "Model",
        artifact=artifact,
        environment={"INFERENCE_OUTPUT": "class", "SAGEMAKER_CONTAINER_LOG_LEVEL": "10"},
    )
    Template.from_stack(stack).has_resource_properties(
        "AWS::SageMaker::Model",
        {
            "PrimaryContainer": {
                "Environment": Match.object_like(
                    {"INFERENCE_OUTPUT": "class", "SAGEMAKER_CONTAINER_LOG_LEVEL": "10"}
                )
            }
        },
    )


@pytest.mark.parametrize(
    ("environment", "fault"),
    [
        ({"SAGEMAKER_PROGRAM": "other.py"}, "SAGEMAKER_PROGRAM is set by the artifact"),
        ({"SAGEMAKER_CONTAINER_LOG_LEVEL": "INFO"}, "must be a number such as 20, not 'INFO'"),
        ({"not-a-name": "1"}, "'not-a-name' is no name of a variable"),
    ],
)
def test_variables_that_break_the_start_are_refused(
    stack: Stack, artifact: ModelArtifact, environment: Mapping[str, str], fault: str
) -> None:
    """The container casts its log level to an integer."""
    with pytest.raises(ValueError, match=fault):
        InferenceModel(stack, "Model", artifact=artifact, environment=environment)


def test_a_model_is_attached_to_the_given_network(stack: Stack, artifact: ModelArtifact) -> None:
    """Network isolation and a VPC go together: SageMaker itself uses the interfaces."""
    network = Network(
        subnets=[subnet(stack, "a", "us-east-1a"), subnet(stack, "b", "us-east-1b")],
        security_groups=[group(stack)],
    )
    InferenceModel(stack, "Model", artifact=artifact, network=network)
    template = Template.from_stack(stack)
    template.has_resource_properties(
        "AWS::SageMaker::Model",
        {
            "EnableNetworkIsolation": True,
            "VpcConfig": {
                "Subnets": ["subnet-0000000a", "subnet-0000000b"],
                "SecurityGroupIds": ["sg-00000001"],
            },
        },
    )
    template.has_resource_properties(
        "AWS::IAM::ManagedPolicy",
        {
            "PolicyDocument": {
                "Statement": Match.array_with(
                    [
                        Match.object_like(
                            {"Action": Match.array_with(["ec2:CreateNetworkInterface"])}
                        )
                    ]
                )
            }
        },
    )


@pytest.mark.parametrize("zones", [["us-east-1a", "us-east-1b"], [None, None]])
def test_subnets_in_two_zones_or_unknown_ones_are_taken(
    stack: Stack, zones: list[str | None]
) -> None:
    """What is not known at synth is not judged."""
    subnets = [subnet(stack, str(index), zone) for index, zone in enumerate(zones)]
    assert len(Network(subnets=subnets, security_groups=[group(stack)]).subnet_ids) == 2


@pytest.mark.parametrize("zones", [["us-east-1a"], ["us-east-1a", "us-east-1a"]])
def test_subnets_in_a_single_zone_are_refused(stack: Stack, zones: list[str]) -> None:
    """The loss of a zone would be the loss of the endpoint."""
    subnets = [subnet(stack, str(index), zone) for index, zone in enumerate(zones)]
    with pytest.raises(ValueError, match="two subnets in different availability zones"):
        Network(subnets=subnets, security_groups=[group(stack)])


@pytest.mark.parametrize("count", [0, 6])
def test_the_number_of_security_groups_is_the_services(stack: Stack, count: int) -> None:
    """One to five."""
    subnets = [subnet(stack, "a", "us-east-1a"), subnet(stack, "b", "us-east-1b")]
    groups = [group(stack, f"sg-{index}") for index in range(count)]
    with pytest.raises(ValueError, match="between 1 and 5 security groups"):
        Network(subnets=subnets, security_groups=groups)


def test_an_artifact_under_a_customers_key_can_be_decrypted(
    stack: Stack, artifact: ModelArtifact
) -> None:
    """Reading an encrypted object needs its key."""
    arn = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    key = kms.Key.from_key_arn(stack, "Key", arn)
    InferenceModel(stack, "Model", artifact=artifact, artifact_key=key)
    Template.from_stack(stack).has_resource_properties(
        "AWS::IAM::ManagedPolicy",
        {
            "PolicyDocument": {
                "Statement": Match.array_with(
                    [{"Action": "kms:Decrypt", "Effect": "Allow", "Resource": arn}]
                )
            }
        },
    )


def test_a_changed_environment_makes_no_named_resource_collide(
    stack: Stack, artifact: ModelArtifact
) -> None:
    """The Model is replaced at any change, so it has no name."""
    InferenceModel(stack, "Model", artifact=artifact)
    Template.from_stack(stack).has_resource_properties(
        "AWS::SageMaker::Model", {"ModelName": Match.absent()}
    )


def test_the_image_may_be_pulled_in_a_stack_for_any_region(
    new_stack: Callable[..., Stack], artifact: ModelArtifact
) -> None:
    """The registry's account differs by region, and the policy names it by the same mapping."""
    stack = new_stack(region=None)
    InferenceModel(stack, "Model", artifact=artifact)
    template = Template.from_stack(stack).to_json()
    (policy,) = (
        resource["Properties"]["PolicyDocument"]["Statement"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::IAM::ManagedPolicy"
    )
    (statement,) = [s for s in policy if "ecr:BatchGetImage" in s["Action"]]
    parts = statement["Resource"]["Fn::Join"][1]
    assert parts[-2]["Fn::FindInMap"][1:] == [{"Ref": "AWS::Region"}, "account"]
    assert parts[-1] == ":repository/sagemaker-xgboost"
