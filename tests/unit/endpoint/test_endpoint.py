"""The endpoint: its name, its log group, its key, its permissions, the order of its resources."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Match, Template

from inference_constructs import (
    InferenceModel,
    ModelArtifact,
    ProductionVariant,
    RealtimeEndpoint,
    Scaling,
    ServiceRole,
    TargetTracking,
)

Resources = Callable[[str], dict[str, Any]]


def test_the_endpoint_has_the_only_physical_name_that_a_replacement_could_meet(
    whole: Template,
) -> None:
    """A fixed name on Model or EndpointConfig makes every replacement fail."""
    named = {
        resource["Type"]
        for resource in whole.to_json()["Resources"].values()
        if resource["Type"].startswith("AWS::")
        for key in resource.get("Properties", {})
        if key in {"ModelName", "EndpointConfigName", "EndpointName", "RoleName", "AlarmName",
                   "TopicName", "DashboardName", "ManagedPolicyName"}
        and isinstance(resource["Properties"][key], str)
    }  # fmt: skip
    assert named == {"AWS::SageMaker::Endpoint"}


def test_the_default_name_is_derived_from_the_path_and_stays(resources: Resources) -> None:
    """The name must be the same at every synth, and tell whose endpoint it is."""
    (endpoint,) = resources("AWS::SageMaker::Endpoint").values()
    name = endpoint["Properties"]["EndpointName"]
    assert name.startswith("shop-dev-realtime-Endpoint-")
    assert len(name) <= 63


def test_the_log_group_belongs_to_the_stack_and_comes_before_the_endpoint(
    resources: Resources,
) -> None:
    """Else the service makes one without a retention, which outlives the stack."""
    (endpoint,) = resources("AWS::SageMaker::Endpoint").values()
    ((group_id, group),) = resources("AWS::Logs::LogGroup").items()
    name = endpoint["Properties"]["EndpointName"]
    assert group["Properties"]["LogGroupName"] == f"/aws/sagemaker/Endpoints/{name}"
    assert group["Properties"]["RetentionInDays"] == 90
    assert "KmsKeyId" in group["Properties"]
    assert group["DeletionPolicy"] == "Delete"
    assert group_id in endpoint["DependsOn"]


def test_the_role_writes_streams_into_this_one_group_and_never_makes_a_group(
    resources: Resources,
) -> None:
    """A role that may make groups brings the endpoint's group back after the destroy."""
    (policy,) = resources("AWS::IAM::ManagedPolicy").values()
    ((group_id, _),) = resources("AWS::Logs::LogGroup").items()
    statements = policy["Properties"]["PolicyDocument"]["Statement"]
    (logs,) = [s for s in statements if "logs:PutLogEvents" in s["Action"]]
    assert sorted(logs["Action"]) == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert logs["Resource"] == {"Fn::GetAtt": [group_id, "Arn"]}
    assert "logs:CreateLogGroup" not in json.dumps(statements)


def test_metrics_may_be_put_into_the_endpoints_namespace_only(resources: Resources) -> None:
    """PutMetricData takes no resource, so the namespace is what confines it."""
    (policy,) = resources("AWS::IAM::ManagedPolicy").values()
    statements = policy["Properties"]["PolicyDocument"]["Statement"]
    (metrics,) = [s for s in statements if s["Action"] == "cloudwatch:PutMetricData"]
    assert metrics["Condition"] == {
        "StringEquals": {"cloudwatch:namespace": "/aws/sagemaker/Endpoints"}
    }


def test_endpoint_and_model_wait_for_the_roles_policy(resources: Resources) -> None:
    """Without the dependency the first deployment can fail to read the model data."""
    ((policy_id, _),) = resources("AWS::IAM::ManagedPolicy").items()
    for resource_type in ("AWS::SageMaker::Model", "AWS::SageMaker::Endpoint"):
        (resource,) = resources(resource_type).values()
        assert policy_id in resource["DependsOn"]


def test_storage_is_encrypted_with_the_key_that_was_given(
    whole: Template, resources: Resources
) -> None:
    """The volumes of the instances hold the model and what it writes."""
    ((key_id, _),) = resources("AWS::KMS::Key").items()
    whole.has_resource_properties(
        "AWS::SageMaker::EndpointConfig", {"KmsKeyId": {"Fn::GetAtt": [key_id, "Arn"]}}
    )


@pytest.mark.parametrize("instance_type", ["ml.m5d.large", "ml.g4dn.xlarge", "ml.g5.xlarge"])
def test_instances_with_local_disks_get_no_key(
    stack: Stack, model: InferenceModel, instance_type: str
) -> None:
    """SageMaker refuses a key for local NVMe disks, which their hardware encrypts."""
    RealtimeEndpoint(
        stack,
        "Endpoint",
        variants=[ProductionVariant(model=model, instance_type=instance_type)],
    )
    Template.from_stack(stack).has_resource_properties(
        "AWS::SageMaker::EndpointConfig", {"KmsKeyId": Match.absent()}
    )


def test_an_update_keeps_the_scaled_count_and_takes_the_weights_of_the_code(
    whole: Template,
) -> None:
    """Retained properties hold the weights as well, unless they are excluded."""
    whole.has_resource_properties(
        "AWS::SageMaker::Endpoint",
        {
            "RetainAllVariantProperties": True,
            "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DesiredWeight"}],
        },
    )


def test_an_update_takes_the_count_of_the_code_where_nothing_scales(
    stack: Stack, model: InferenceModel
) -> None:
    """Else a count that was edited in code would be ignored."""
    RealtimeEndpoint(
        stack, "Endpoint", variants=[ProductionVariant(model=model, instance_type="ml.m5.large")]
    )
    Template.from_stack(stack).has_resource_properties(
        "AWS::SageMaker::Endpoint", {"RetainAllVariantProperties": Match.absent()}
    )


def test_two_scaled_variants_with_models_of_their_own_fit_one_endpoint(
    stack: Stack, artifact: ModelArtifact
) -> None:
    """The CDK's alpha module cannot scale two variants of one endpoint."""
    scaling = Scaling(
        min_capacity=1, max_capacity=2, policies=[TargetTracking.invocations_per_instance(60)]
    )
    RealtimeEndpoint(
        stack,
        "Endpoint",
        variants=[
            ProductionVariant(
                name=name,
                model=InferenceModel(stack, name, artifact=artifact),
                instance_type="ml.m5.large",
                weight=weight,
                scaling=scaling,
            )
            for name, weight in (("Champion", 9), ("Challenger", 0))
        ],
    )
    template = Template.from_stack(stack)
    target = {"ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}
    template.has_resource_properties(
        "Custom::EndpointScaling",
        {"ScalableTargets": [Match.object_like(target), Match.object_like(target)]},
    )
    template.has_resource_properties(
        "AWS::SageMaker::EndpointConfig",
        {
            "ProductionVariants": [
                Match.object_like({"VariantName": "Champion", "InitialVariantWeight": 9}),
                Match.object_like({"VariantName": "Challenger", "InitialVariantWeight": 0}),
            ]
        },
    )


def test_whoever_is_granted_may_invoke_this_endpoint_and_no_other(
    stack: Stack, model: InferenceModel
) -> None:
    """The grant names the endpoint's ARN."""
    endpoint = RealtimeEndpoint(
        stack, "Endpoint", variants=[ProductionVariant(model=model, instance_type="ml.m5.large")]
    )
    caller = ServiceRole(stack, "Caller", service="lambda.amazonaws.com", description="asks")
    endpoint.grant_invoke(caller.grantee)
    template = Template.from_stack(stack)
    (endpoint_id,) = template.find_resources("AWS::SageMaker::Endpoint")
    template.has_resource_properties(
        "AWS::IAM::ManagedPolicy",
        {
            "PolicyDocument": {
                "Statement": [
                    {
                        "Action": "sagemaker:InvokeEndpoint",
                        "Effect": "Allow",
                        "Resource": {"Ref": endpoint_id},
                    }
                ],
                "Version": "2012-10-17",
            }
        },
    )


def test_no_policy_is_inline_and_none_is_of_aws(whole: Template) -> None:
    """Inline policies are in nobody's view, and AWS's own allow far more than is needed."""
    whole.resource_count_is("AWS::IAM::Policy", 0)
    whole.all_resources_properties(
        "AWS::IAM::Role", {"Policies": Match.absent(), "ManagedPolicyArns": Match.absent()}
    )


def test_lineage_is_on_model_and_endpoint(resources: Resources) -> None:
    """The tags lead from the live endpoint to the bytes that it serves."""
    (model,) = resources("AWS::SageMaker::Model").values()
    url = json.dumps(model["Properties"]["PrimaryContainer"]["ModelDataUrl"])
    tags = {tag["Key"]: tag["Value"] for tag in model["Properties"]["Tags"]}
    assert f"/{tags['inference:artifact-sha256']}.tar.gz" in url
    (endpoint,) = resources("AWS::SageMaker::Endpoint").values()
    of_endpoint = {tag["Key"]: tag["Value"] for tag in endpoint["Properties"]["Tags"]}
    assert of_endpoint == {f"{key}/AllTraffic": value for key, value in tags.items()}


@pytest.mark.parametrize("name", ["my-endpoint", "a" * 63])
def test_a_name_that_sagemaker_takes_is_taken(
    stack: Stack, model: InferenceModel, name: str
) -> None:
    """The name may be chosen."""
    endpoint = RealtimeEndpoint(
        stack,
        "Endpoint",
        endpoint_name=name,
        variants=[ProductionVariant(model=model, instance_type="ml.m5.large")],
    )
    assert endpoint.endpoint_name == name


@pytest.mark.parametrize("name", ["my_endpoint", "a" * 64, "-a", "a-"])
def test_a_name_that_sagemaker_refuses_is_refused(
    stack: Stack, model: InferenceModel, name: str
) -> None:
    """Better now than in the middle of a deployment."""
    with pytest.raises(ValueError, match="up to 63 letters, digits and inner hyphens"):
        RealtimeEndpoint(
            stack,
            "Endpoint",
            endpoint_name=name,
            variants=[ProductionVariant(model=model, instance_type="ml.m5.large")],
        )


def test_variants_of_one_name_are_refused(stack: Stack, model: InferenceModel) -> None:
    """The name is a dimension of the metrics."""
    variant = ProductionVariant(model=model, instance_type="ml.m5.large")
    with pytest.raises(ValueError, match="2 variants are called 'AllTraffic'"):
        RealtimeEndpoint(stack, "Endpoint", variants=[variant, variant])


def test_an_endpoint_whose_traffic_goes_nowhere_is_refused(
    stack: Stack, model: InferenceModel
) -> None:
    """Weight 0 is nothing, and all the traffic has to go somewhere."""
    variant = ProductionVariant(model=model, instance_type="ml.m5.large", weight=0)
    with pytest.raises(ValueError, match="every variant has weight 0"):
        RealtimeEndpoint(stack, "Endpoint", variants=[variant])


def test_an_endpoint_without_a_variant_is_refused(stack: Stack) -> None:
    """There would be nothing to ask."""
    with pytest.raises(ValueError, match="between 1 and 10 variants are needed, not 0"):
        RealtimeEndpoint(stack, "Endpoint", variants=[])


def test_metrics_of_several_variants_must_be_told_apart(
    stack: Stack, model: InferenceModel
) -> None:
    """A metric of the wrong variant is worse than none."""
    endpoint = RealtimeEndpoint(
        stack,
        "Endpoint",
        variants=[
            ProductionVariant(name=name, model=model, instance_type="ml.m5.large")
            for name in ("A", "B")
        ],
    )
    assert endpoint.metric_invocations("B").dimensions == {
        "EndpointName": endpoint.endpoint_name,
        "VariantName": "B",
    }
    with pytest.raises(ValueError, match="one of A, B, and no name was given"):
        endpoint.metric_invocations()


def test_an_imported_role_is_left_alone(stack: Stack, artifact: ModelArtifact) -> None:
    """No policy is attached to it, and nothing waits for one."""
    role = iam.Role.from_role_arn(stack, "Theirs", "arn:aws:iam::123456789012:role/theirs")
    model = InferenceModel(stack, "Model", artifact=artifact, role=role)
    RealtimeEndpoint(
        stack, "Endpoint", variants=[ProductionVariant(model=model, instance_type="ml.m5.large")]
    )
    template = Template.from_stack(stack)
    for resource_type in ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy"):
        (own,) = template.find_resources(resource_type)
        assert own.startswith("ScalingOwner")
    template.has_resource_properties(
        "AWS::SageMaker::Model", {"ExecutionRoleArn": "arn:aws:iam::123456789012:role/theirs"}
    )
