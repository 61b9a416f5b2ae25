"""A serverless endpoint: its sizes, its scaling, and what SageMaker does not take of one."""

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import Duration, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Match, Template

from inference_constructs import (
    DataCapture,
    EncryptionKey,
    EndpointAlarms,
    FleetShare,
    InferenceModel,
    ModelArtifact,
    Network,
    Notifications,
    ProductionVariant,
    RealtimeEndpoint,
    Rollout,
    S3Prefix,
    Scaling,
    ServerlessEndpoint,
    ServerlessVariant,
    ShadowVariant,
    TargetTracking,
)

Find = Callable[[str], dict[str, Any]]

PAGE = "https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html"
GUARDRAILS = "https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html"
SHADOW = "https://docs.aws.amazon.com/sagemaker/latest/dg/model-shadow-deployment.html"


def utilization(least: int, most: int) -> Scaling:
    """A scaling of provisioned concurrency."""
    return Scaling(
        min_capacity=least,
        max_capacity=most,
        policies=[TargetTracking.provisioned_concurrency_utilization(0.7)],
    )


def test_the_variant_has_a_size_and_no_instances(
    stack: Stack, connected_model: InferenceModel, one: Find
) -> None:
    """What CreateEndpointConfig takes of a serverless variant."""
    ServerlessEndpoint(
        stack,
        "Endpoint",
        variants=[
            ServerlessVariant(model=connected_model, memory_mb=4096, max_concurrency=50),
        ],
    )
    (variant,) = one("AWS::SageMaker::EndpointConfig")["Properties"]["ProductionVariants"]
    assert variant["ServerlessConfig"] == {"MemorySizeInMB": 4096, "MaxConcurrency": 50}
    assert not {"InstanceType", "InitialInstanceCount"} & set(variant)


def test_its_storage_and_logs_have_a_key(
    stack: Stack, connected_model: InferenceModel, one: Find
) -> None:
    """NIST asks for a key on every endpoint config."""
    ServerlessEndpoint(stack, "Endpoint", variants=[ServerlessVariant(model=connected_model)])
    key = one("AWS::SageMaker::EndpointConfig")["Properties"]["KmsKeyId"]
    Template.from_stack(stack).has_resource_properties("AWS::Logs::LogGroup", {"KmsKeyId": key})


def test_provisioned_concurrency_is_kept_and_scaled(
    stack: Stack, connected_model: InferenceModel, one: Find
) -> None:
    """It begins at the scaling's minimum, and its dimension is not that of instances."""
    ServerlessEndpoint(
        stack,
        "Endpoint",
        variants=[
            ServerlessVariant(model=connected_model, max_concurrency=10, scaling=utilization(2, 8))
        ],
    )
    (variant,) = one("AWS::SageMaker::EndpointConfig")["Properties"]["ProductionVariants"]
    assert variant["ServerlessConfig"]["ProvisionedConcurrency"] == 2
    (target,) = one("Custom::EndpointScaling")["Properties"]["ScalableTargets"]
    assert target["ScalableDimension"] == "sagemaker:variant:DesiredProvisionedConcurrency"
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 8)
    (policy,) = target["ScalingPolicies"]
    configuration = policy["TargetTrackingScalingPolicyConfiguration"]
    assert configuration["TargetValue"] == 0.7
    assert configuration["PredefinedMetricSpecification"] == {
        "PredefinedMetricType": "SageMakerVariantProvisionedConcurrencyUtilization"
    }


def test_only_what_a_serverless_endpoint_publishes_is_watched(
    stack: Stack, connected_model: InferenceModel, encryption: EncryptionKey
) -> None:
    """An alarm on a metric that never comes is a false comfort."""
    endpoint = ServerlessEndpoint(
        stack, "Endpoint", variants=[ServerlessVariant(model=connected_model)]
    )
    notifications = Notifications(stack, "Notifications", encryption=encryption)
    alarms = endpoint.add_alarms(EndpointAlarms(), notifications)
    template = Template.from_stack(stack)
    watched = {
        alarm["Properties"]["MetricName"]
        for alarm in template.find_resources("AWS::CloudWatch::Alarm").values()
    }
    assert len(alarms) == 6
    assert watched == {
        *("Invocation5XXErrors", "Invocation4XXErrors"),
        *("ModelLatency", "OverheadLatency", "MemoryUtilization"),
    }


@pytest.mark.parametrize("memory_mb", [1024, 2048, 3072, 4096, 5120, 6144])
def test_each_memory_size_of_sagemaker_is_taken(
    connected_model: InferenceModel, memory_mb: int
) -> None:
    """From 1 to 6 GB, in steps of one."""
    assert ServerlessVariant(model=connected_model, memory_mb=memory_mb).memory_mb == memory_mb


@pytest.mark.parametrize("memory_mb", [0, 512, 1500, 7168])
def test_another_memory_size_is_refused(connected_model: InferenceModel, memory_mb: int) -> None:
    """CreateEndpointConfig would refuse it at the deployment."""
    with pytest.raises(ValueError, match=rf"memory_mb must be 1024, .*, not {memory_mb} .*{PAGE}"):
        ServerlessVariant(model=connected_model, memory_mb=memory_mb)


@pytest.mark.parametrize("most", [1, 200])
def test_a_concurrency_within_the_limits_is_taken(
    connected_model: InferenceModel, most: int
) -> None:
    """Both ends belong to it."""
    assert ServerlessVariant(model=connected_model, max_concurrency=most).max_concurrency == most


@pytest.mark.parametrize("most", [0, 201])
def test_a_concurrency_beyond_the_limits_is_refused(
    connected_model: InferenceModel, most: int
) -> None:
    """The quota of one endpoint cannot be raised."""
    with pytest.raises(ValueError, match=rf"max_concurrency must be 1 to 200, not {most}"):
        ServerlessVariant(model=connected_model, max_concurrency=most)


def test_provisioned_concurrency_up_to_the_maximum_is_taken(
    connected_model: InferenceModel,
) -> None:
    """All containers may be kept started."""
    variant = ServerlessVariant(model=connected_model, max_concurrency=5, provisioned_concurrency=5)
    assert variant.initial_provisioned_concurrency == 5


@pytest.mark.parametrize(
    ("provisioned", "scaling", "reason"),
    [
        (6, None, r"must be 1 to max_concurrency \(5\), not 6"),
        (0, None, r"must be 1 to max_concurrency \(5\), not 0"),
        (None, utilization(1, 6), r"must be within 1 and max_concurrency \(5\)"),
        (4, utilization(1, 3), r"\(4\) must be within the scaling's bounds, 1 to 3"),
    ],
)
def test_provisioned_concurrency_beyond_the_maximum_is_refused(
    connected_model: InferenceModel, provisioned: int | None, scaling: Scaling | None, reason: str
) -> None:
    """SageMaker and Application Auto Scaling both refuse it."""
    with pytest.raises(ValueError, match=reason):
        ServerlessVariant(
            model=connected_model,
            max_concurrency=5,
            provisioned_concurrency=provisioned,
            scaling=scaling,
        )


def test_a_model_under_network_isolation_is_refused(model: InferenceModel) -> None:
    """Serverless inference has none, so it must not be promised."""
    with pytest.raises(ValueError, match=f"set network_isolation=False on the model .{PAGE}"):
        ServerlessVariant(model=model)


def test_a_model_in_a_vpc_is_refused(stack: Stack, artifact: ModelArtifact) -> None:
    """Serverless inference has no VPC configuration."""
    subnets = [
        ec2.Subnet.from_subnet_attributes(stack, name, subnet_id=name, availability_zone=zone)
        for name, zone in (("subnet-1", "a"), ("subnet-2", "b"))
    ]
    group = ec2.SecurityGroup.from_security_group_id(stack, "Group", "sg-1")
    model = InferenceModel(
        stack,
        "InVpc",
        artifact=artifact,
        network_isolation=False,
        network=Network(subnets=subnets, security_groups=[group]),
    )
    with pytest.raises(ValueError, match=f"serverless inference has no VPC.*{PAGE}"):
        ServerlessVariant(model=model)


def test_several_serverless_variants_are_refused(
    stack: Stack, connected_model: InferenceModel
) -> None:
    """AWS names multiple production variants among the exclusions."""
    variants = [ServerlessVariant(model=connected_model, name=name) for name in ("A", "B")]
    with pytest.raises(ValueError, match=f"one variant, not 2: use RealtimeEndpoint.*{PAGE}"):
        ServerlessEndpoint(stack, "Endpoint", variants=variants)


def test_a_shadow_of_a_serverless_endpoint_is_refused(
    stack: Stack, model: InferenceModel, connected_model: InferenceModel
) -> None:
    """Shadow tests are for real-time endpoints."""
    with pytest.raises(ValueError, match=f"a serverless endpoint has no shadow.*{SHADOW}"):
        ServerlessEndpoint(
            stack,
            "Endpoint",
            variants=[ServerlessVariant(model=connected_model)],
            shadow=ShadowVariant(model=model, instance_type="ml.m5.large"),
        )


def test_guardrails_on_a_serverless_endpoint_are_refused(
    stack: Stack, connected_model: InferenceModel
) -> None:
    """They would not guard anything."""
    rollout = Rollout.canary(size=FleetShare.percent(10), bake=Duration.minutes(10))
    with pytest.raises(ValueError, match=f"has no deployment guardrails.*{GUARDRAILS}"):
        ServerlessEndpoint(
            stack,
            "Endpoint",
            variants=[ServerlessVariant(model=connected_model)],
            rollout=rollout,
        )


def test_data_capture_on_a_serverless_endpoint_is_refused(
    stack: Stack, connected_model: InferenceModel
) -> None:
    """AWS names it among the exclusions."""
    bucket = s3.Bucket.from_bucket_name(stack, "Captured", "captured")
    with pytest.raises(ValueError, match=f"captures no data.*{PAGE}"):
        ServerlessEndpoint(
            stack,
            "Endpoint",
            variants=[ServerlessVariant(model=connected_model)],
            data_capture=DataCapture(destination=S3Prefix(bucket=bucket, prefix="captured/")),
        )


def test_all_that_is_wrong_is_told_at_once(stack: Stack) -> None:
    """Nobody likes to hear of faults one by one."""
    with pytest.raises(ValueError, match=r"one variant, not 0.*no deployment guardrails"):
        ServerlessEndpoint(stack, "Endpoint", variants=[], rollout=Rollout.all_at_once())


def test_an_endpoint_that_turns_serverless_is_another_one(
    stack: Stack, connected_model: InferenceModel
) -> None:
    """SageMaker refuses the change under the same name; another name is a replacement."""
    endpoint = ServerlessEndpoint(
        stack, "Endpoint", variants=[ServerlessVariant(model=connected_model)]
    )
    stack.node.try_remove_child("Endpoint")
    before = RealtimeEndpoint(
        stack,
        "Endpoint",
        variants=[ProductionVariant(model=connected_model, instance_type="ml.m5.large")],
    )
    assert endpoint.endpoint_name == f"{before.endpoint_name}-serverless"


def test_a_name_that_an_endpoint_with_instances_could_have_is_refused(
    stack: Stack, connected_model: InferenceModel
) -> None:
    """Else an endpoint of that name could already be there."""
    with pytest.raises(ValueError, match=f"must end in '-serverless'.*{PAGE}"):
        ServerlessEndpoint(
            stack,
            "Endpoint",
            endpoint_name="churn",
            variants=[ServerlessVariant(model=connected_model)],
        )
    endpoint = ServerlessEndpoint(
        stack,
        "Serverless",
        endpoint_name="churn-serverless",
        variants=[ServerlessVariant(model=connected_model)],
    )
    assert endpoint.endpoint_name == "churn-serverless"


def test_a_name_that_says_serverless_is_refused_to_an_endpoint_with_instances(
    stack: Stack, model: InferenceModel
) -> None:
    """The change back cannot be undone."""
    with pytest.raises(ValueError, match=f"must not end in '-serverless'.*{PAGE}"):
        RealtimeEndpoint(
            stack,
            "Endpoint",
            endpoint_name="churn-serverless",
            variants=[ProductionVariant(model=model, instance_type="ml.m5.large")],
        )


def test_a_long_path_leaves_room_for_the_kind(
    stack: Stack, connected_model: InferenceModel
) -> None:
    """SageMaker takes names of 63 characters."""
    endpoint = ServerlessEndpoint(
        stack, "E" * 100, variants=[ServerlessVariant(model=connected_model)]
    )
    assert len(endpoint.endpoint_name) <= 63
    assert endpoint.endpoint_name.endswith("-serverless")


def test_nothing_is_retained_over_an_update(stack: Stack, connected_model: InferenceModel) -> None:
    """There are neither instances nor shared traffic to keep."""
    ServerlessEndpoint(stack, "Endpoint", variants=[ServerlessVariant(model=connected_model)])
    Template.from_stack(stack).has_resource_properties(
        "AWS::SageMaker::Endpoint",
        {"RetainAllVariantProperties": Match.absent(), "DeploymentConfig": Match.absent()},
    )
