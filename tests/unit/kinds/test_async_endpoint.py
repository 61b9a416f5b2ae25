"""An asynchronous endpoint: the way from S3 to S3, who is told, and the backlog that scales it."""

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import Duration, Stack
from aws_cdk.assertions import Match, Template

from inference_constructs import (
    AsyncEndpoint,
    AsyncInference,
    DataBucket,
    EncryptionKey,
    FleetShare,
    InferenceModel,
    Notifications,
    ProductionVariant,
    Rollout,
    Scaling,
    ServiceRole,
    ShadowVariant,
    StepScaling,
    TargetTracking,
)

Find = Callable[[str], dict[str, Any]]
Statements = Callable[[str], list[dict[str, Any]]]

PAGE = "https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html"
AUTOSCALE = "https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html"
SHADOW = "https://docs.aws.amazon.com/sagemaker/latest/dg/model-shadow-deployment.html"

FROM_ZERO = Scaling(
    min_capacity=0,
    max_capacity=3,
    policies=[TargetTracking.backlog_per_instance(5), StepScaling.waking_on_backlog()],
)


@pytest.fixture
def bucket(stack: Stack, encryption: EncryptionKey) -> DataBucket:
    """A bucket under a customer-managed key."""
    return DataBucket(stack, "Data", encryption=encryption)


@pytest.fixture
def notifications(stack: Stack, encryption: EncryptionKey) -> Notifications:
    """A topic under a customer-managed key."""
    return Notifications(stack, "Notifications", encryption=encryption)


@pytest.fixture
def inference(bucket: DataBucket, notifications: Notifications) -> AsyncInference:
    """The way of a request, with everyone told."""
    return AsyncInference(
        input=bucket.prefix("input/"),
        output=bucket.prefix("output/"),
        failures=bucket.prefix("failures/"),
        success=notifications,
        error=notifications,
        max_concurrent_invocations=4,
    )


@pytest.fixture
def make(stack: Stack, model: InferenceModel, inference: AsyncInference) -> Any:
    """Makes the endpoint."""

    def endpoint(scaling: Scaling | None = None, **options: Any) -> AsyncEndpoint:
        variant = ProductionVariant(model=model, instance_type="ml.m5.large", scaling=scaling)
        return AsyncEndpoint(
            stack, "Endpoint", **{"variants": [variant], "inference": inference, **options}
        )

    return endpoint


def test_answers_failures_and_messages_have_their_places(make: Any, stack: Stack) -> None:
    """What CreateEndpointConfig takes of an asynchronous endpoint."""
    make()
    template = Template.from_stack(stack)
    (topic,) = template.find_resources("AWS::SNS::Topic")
    template.has_resource_properties(
        "AWS::SageMaker::EndpointConfig",
        {
            "AsyncInferenceConfig": {
                "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 4},
                "OutputConfig": {
                    "KmsKeyId": {"Fn::GetAtt": [Match.any_value(), "Arn"]},
                    "S3OutputPath": {
                        "Fn::Join": ["", ["s3://", {"Ref": Match.any_value()}, "/output"]]
                    },
                    "S3FailurePath": {
                        "Fn::Join": ["", ["s3://", {"Ref": Match.any_value()}, "/failures"]]
                    },
                    "NotificationConfig": {
                        "SuccessTopic": {"Ref": topic},
                        "ErrorTopic": {"Ref": topic},
                        "IncludeInferenceResponseIn": Match.absent(),
                    },
                },
            }
        },
    )


def test_answers_can_be_in_the_messages(
    make: Any, bucket: DataBucket, notifications: Notifications, one: Find
) -> None:
    """Only in those of topics that there are."""
    make(
        inference=AsyncInference(
            input=bucket.prefix("input/"),
            output=bucket.prefix("output/"),
            failures=bucket.prefix("failures/"),
            success=notifications,
            include_response=True,
        )
    )
    config = one("AWS::SageMaker::EndpointConfig")["Properties"]["AsyncInferenceConfig"]
    told = config["OutputConfig"]["NotificationConfig"]
    assert told["IncludeInferenceResponseIn"] == ["SUCCESS_NOTIFICATION_TOPIC"]
    assert "ErrorTopic" not in told


def test_the_model_reads_requests_and_writes_answers_and_no_more(
    make: Any, statements: Statements
) -> None:
    """Input is read, output and failures are written, the topic is told, the keys are used."""
    make()
    found = {
        (action, place)
        for statement in statements("Runs the containers")
        for action in statement["Action"]
        if action.startswith("s3:") and action != "s3:ListBucket"
        for resource in _listed(statement["Resource"])
        for place in [_literal_end(resource)]
    }
    assert found >= {
        ("s3:GetObject", "/input/*"),
        ("s3:PutObject", "/output/*"),
        ("s3:PutObject", "/failures/*"),
    }
    assert not {(action, place) for action, place in found if place == "/*"}
    assert ("s3:PutObject", "/input/*") not in found
    assert ("s3:GetObject", "/output/*") not in found
    actions = {action for s in statements("Runs the containers") for action in s["Action"]}
    assert {"sns:Publish", "kms:Decrypt", "kms:GenerateDataKey"} <= actions


def test_a_client_may_put_requests_ask_and_read_the_answers(
    make: Any, stack: Stack, statements: Statements
) -> None:
    """All three are needed, and none of them alone is of use."""
    client = ServiceRole(stack, "Client", service="lambda.amazonaws.com", description="the client")
    make().grant_invoke(client.grantee)
    granted = statements("the client")
    (invoke,) = [s for s in granted if "sagemaker:InvokeEndpointAsync" in s["Action"]]
    (endpoint_id,) = Template.from_stack(stack).find_resources("AWS::SageMaker::Endpoint")
    assert invoke["Resource"] == {"Ref": endpoint_id}
    places = {
        (action, _literal_end(resource))
        for statement in granted
        for action in statement["Action"]
        for resource in _listed(statement["Resource"])
    }
    assert ("s3:PutObject", "/input/*") in places
    assert {("s3:GetObject", "/output/*"), ("s3:GetObject", "/failures/*")} <= places
    assert ("s3:GetObject", "/input/*") not in places
    assert ("s3:PutObject", "/output/*") not in places


def test_the_backlog_scales_it_from_zero_with_the_dimension_that_aws_publishes(
    make: Any, one: Find
) -> None:
    """With a variant's dimension beside the endpoint's the policy would never fire."""
    endpoint = make(scaling=FROM_ZERO)
    (target,) = one("Custom::EndpointScaling")["Properties"]["ScalableTargets"]
    assert target["ScalableDimension"] == "sagemaker:variant:DesiredInstanceCount"
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 3)
    dimensions = [{"Name": "EndpointName", "Value": endpoint.endpoint_name}]
    tracking = next(
        p for p in target["ScalingPolicies"] if p["PolicyType"] == "TargetTrackingScaling"
    )
    assert tracking["TargetTrackingScalingPolicyConfiguration"][
        "CustomizedMetricSpecification"
    ] == {
        "Namespace": "AWS/SageMaker",
        "MetricName": "ApproximateBacklogSizePerInstance",
        "Dimensions": dimensions,
        "Statistic": "Average",
    }
    (alarm,) = target["Alarms"]
    assert alarm["MetricName"] == "HasBacklogWithoutCapacity"
    assert alarm["Dimensions"] == dimensions


def test_it_begins_with_an_instance_although_it_may_have_none(make: Any, one: Find) -> None:
    """CreateEndpointConfig takes no initial count of 0."""
    make(scaling=FROM_ZERO)
    (variant,) = one("AWS::SageMaker::EndpointConfig")["Properties"]["ProductionVariants"]
    assert variant["InitialInstanceCount"] == 1


def test_a_minimum_of_zero_that_nothing_wakes_is_refused(make: Any) -> None:
    """Target tracking cannot divide a backlog by no instance."""
    asleep = Scaling(
        min_capacity=0, max_capacity=3, policies=[TargetTracking.backlog_per_instance(5)]
    )
    with pytest.raises(ValueError, match=f"add StepScaling.waking_on_backlog.*{AUTOSCALE}"):
        make(scaling=asleep)


def test_an_update_keeps_the_scaled_count(make: Any, stack: Stack) -> None:
    """Else each deployment would wake an endpoint, or take its instances away."""
    make(scaling=FROM_ZERO)
    Template.from_stack(stack).has_resource_properties(
        "AWS::SageMaker::Endpoint",
        {
            "RetainAllVariantProperties": True,
            "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DesiredWeight"}],
        },
    )


def test_an_update_can_be_guarded(make: Any, stack: Stack) -> None:
    """Deployment guardrails are for real-time and asynchronous endpoints."""
    scaling = Scaling(
        min_capacity=2, max_capacity=4, policies=[TargetTracking.backlog_per_instance(5)]
    )
    rollout = Rollout.canary(size=FleetShare.percent(50), bake=Duration.minutes(10))
    make(scaling=scaling, rollout=rollout)
    Template.from_stack(stack).has_resource_properties(
        "AWS::SageMaker::Endpoint",
        {
            "DeploymentConfig": Match.object_like(
                {"AutoRollbackConfiguration": {"Alarms": Match.any_value()}}
            )
        },
    )


def test_a_canary_of_a_fleet_that_may_be_empty_is_refused(make: Any) -> None:
    """There would be no instance to move."""
    with pytest.raises(ValueError, match="set the minimum to 2, or use all_at_once"):
        make(scaling=FROM_ZERO, rollout=Rollout.canary(size=FleetShare.percent(10)))


def test_a_shadow_of_an_asynchronous_endpoint_is_refused(make: Any, model: InferenceModel) -> None:
    """Shadow tests are for real-time endpoints."""
    shadow = ShadowVariant(model=model, instance_type="ml.m5.large")
    with pytest.raises(ValueError, match=f"an asynchronous endpoint has no shadow.*{SHADOW}"):
        make(shadow=shadow)


def test_several_variants_of_an_asynchronous_endpoint_are_refused(
    make: Any, model: InferenceModel
) -> None:
    """The metric of the backlog does not tell them apart."""
    variants = [
        ProductionVariant(model=model, instance_type="ml.m5.large", name=name)
        for name in ("A", "B")
    ]
    with pytest.raises(ValueError, match=f"one variant, not 2.*{PAGE}"):
        make(variants=variants)


def test_instances_with_local_disks_get_no_key(
    make: Any, model: InferenceModel, stack: Stack
) -> None:
    """SageMaker refuses a key for local NVMe disks, which their hardware encrypts."""
    make(variants=[ProductionVariant(model=model, instance_type="ml.g4dn.xlarge")])
    Template.from_stack(stack).has_resource_properties(
        "AWS::SageMaker::EndpointConfig", {"KmsKeyId": Match.absent()}
    )


@pytest.mark.parametrize("most", [1, 1000])
def test_invocations_at_once_within_the_limits_are_taken(bucket: DataBucket, most: int) -> None:
    """Both ends belong to it."""
    inference = AsyncInference(
        input=bucket.prefix("input/"),
        output=bucket.prefix("output/"),
        failures=bucket.prefix("failures/"),
        max_concurrent_invocations=most,
    )
    assert inference.max_concurrent_invocations == most


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"max_concurrent_invocations": 0}, r"must be 1 to 1000, not 0"),
        ({"max_concurrent_invocations": 1001}, r"must be 1 to 1000, not 1001"),
        ({"include_response": True}, "include_response needs success or error"),
        ({"output": "input/"}, "input and output must not share a prefix"),
        ({"failures": "output/failures/"}, "output and failures must not share a prefix"),
    ],
)
def test_what_sagemaker_would_refuse_or_mix_up_is_refused(
    bucket: DataBucket, changes: dict[str, Any], reason: str
) -> None:
    """Better now than in the middle of a deployment."""
    places = {"input": "input/", "output": "output/", "failures": "failures/"}
    given = {**places, **changes}
    values = {
        name: bucket.prefix(value) if name in places else value for name, value in given.items()
    }
    with pytest.raises(ValueError, match=reason):
        AsyncInference(**values)


def test_the_queue_is_measured_by_the_endpoints_name_only(make: Any) -> None:
    """Under other dimensions there are no such metrics."""
    endpoint = make()
    metrics = endpoint.queue_metrics
    for metric in (
        metrics.approximate_backlog_size(),
        metrics.approximate_backlog_size_per_instance(),
        metrics.approximate_age_of_oldest_request(),
        metrics.has_backlog_without_capacity(),
    ):
        assert metric.namespace == "AWS/SageMaker"
        assert metric.dimensions == {"EndpointName": endpoint.endpoint_name}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _literal_end(resource: Any) -> str:
    """The last literal part of an ARN."""
    if isinstance(resource, dict) and "Fn::Join" in resource:
        resource = resource["Fn::Join"][1][-1]
    return resource if isinstance(resource, str) else ""
