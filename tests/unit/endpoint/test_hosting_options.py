"""What few variants need: routing, timeouts, fallback types; and an endpoint's finer metrics."""

from typing import Any

import pytest
from aws_cdk import Duration, Stack
from aws_cdk.assertions import Match, Template

from inference_constructs import (
    DetailedMetrics,
    EncryptionKey,
    EndpointAlarms,
    HostingOptions,
    InferenceModel,
    Notifications,
    ProductionVariant,
    RealtimeEndpoint,
    RetainedProperties,
    RoutingStrategy,
    Scaling,
    TargetTracking,
)

POOLS = "https://docs.aws.amazon.com/sagemaker/latest/dg/realtime-endpoints-heterogeneous.html"


def test_routing_and_timeouts_stand_in_the_config(stack: Stack, model: InferenceModel) -> None:
    """In seconds."""
    hosting = HostingOptions(
        routing=RoutingStrategy.LEAST_OUTSTANDING_REQUESTS,
        container_startup_timeout=Duration.minutes(2),
        model_download_timeout=Duration.minutes(20),
        provision_timeout=Duration.minutes(30),
    )
    RealtimeEndpoint(
        stack,
        "Endpoint",
        variants=[ProductionVariant(model=model, instance_type="ml.m5.large", hosting=hosting)],
    )
    Template.from_stack(stack).has_resource_properties(
        "AWS::SageMaker::EndpointConfig",
        {
            "ProductionVariants": [
                {
                    "VariantName": "AllTraffic",
                    "ModelName": Match.any_value(),
                    "InstanceType": "ml.m5.large",
                    "InitialInstanceCount": 1,
                    "InitialVariantWeight": 1,
                    "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
                    "ContainerStartupHealthCheckTimeoutInSeconds": 120,
                    "ModelDataDownloadTimeoutInSeconds": 1200,
                    "VariantInstanceProvisionTimeoutInSeconds": 1800,
                }
            ]
        },
    )


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"container_startup_timeout": Duration.seconds(59)}, "must be 60 to 3600"),
        ({"model_download_timeout": Duration.seconds(3601)}, "must be 60 to 3600"),
        ({"provision_timeout": Duration.seconds(299)}, "must be 300 to 3600"),
        ({"provision_timeout": Duration.millis(300_500)}, "must be 300 to 3600 whole seconds"),
        ({"fallback_instance_types": ["ml.m5.large"] * 5}, f"may hold 4 types, not 5.*{POOLS}"),
    ],
)
def test_options_that_sagemaker_refuses_are_refused(changes: dict[str, Any], fault: str) -> None:
    """With the bounds."""
    with pytest.raises(ValueError, match=fault):
        HostingOptions(**changes)


def test_fallback_types_are_pools_in_the_order_of_preference(
    stack: Stack, model: InferenceModel
) -> None:
    """The pools take the place of the one type. The lowest number is tried first."""
    variant = ProductionVariant(
        model=model,
        instance_type="ml.m5.large",
        hosting=HostingOptions(fallback_instance_types=["ml.m6i.large", "ml.c5.large"]),
    )
    RealtimeEndpoint(stack, "Endpoint", variants=[variant])
    Template.from_stack(stack).has_resource_properties(
        "AWS::SageMaker::EndpointConfig",
        {
            "ProductionVariants": [
                Match.object_like(
                    {
                        "InstanceType": Match.absent(),
                        "InstancePools": [
                            {"InstanceType": "ml.m5.large", "Priority": 1},
                            {"InstanceType": "ml.m6i.large", "Priority": 2},
                            {"InstanceType": "ml.c5.large", "Priority": 3},
                        ],
                    }
                )
            ]
        },
    )


@pytest.mark.parametrize(
    ("fallback", "fault"),
    [
        ("ml.m5.lage", "is not offered for hosting"),
        ("ml.m5.large", "instance types must differ"),
        ("ml.t2.medium", "burstable and cannot be autoscaled"),
    ],
)
def test_a_fallback_type_is_checked_like_the_first(
    model: InferenceModel, fallback: str, fault: str
) -> None:
    """The day on which it is needed is no day to find out."""
    with pytest.raises(ValueError, match=fault):
        ProductionVariant(
            model=model,
            instance_type="ml.m5.large",
            hosting=HostingOptions(fallback_instance_types=[fallback]),
            scaling=Scaling(
                min_capacity=1,
                max_capacity=2,
                policies=[TargetTracking.invocations_per_instance(60)],
            ),
        )


@pytest.mark.parametrize(
    ("fallback", "threshold"), [("ml.m6i.large", [170]), ("ml.m6i.2xlarge", [])]
)
def test_the_load_is_watched_where_all_types_have_as_many_vcpus(
    stack: Stack, model: InferenceModel, fallback: str, threshold: list[int]
) -> None:
    """CPUUtilization is a sum over the vCPUs, so other numbers of them have no threshold."""
    encryption = EncryptionKey(stack, "Encryption")
    endpoint = RealtimeEndpoint(
        stack,
        "Endpoint",
        encryption=encryption,
        variants=[
            ProductionVariant(
                model=model,
                instance_type="ml.m5.large",
                hosting=HostingOptions(fallback_instance_types=[fallback]),
            )
        ],
    )
    endpoint.add_alarms(EndpointAlarms(), Notifications(stack, "Topic", encryption=encryption))
    alarms = Template.from_stack(stack).find_resources(
        "AWS::CloudWatch::Alarm", {"Properties": {"MetricName": "CPUUtilization"}}
    )
    assert [alarm["Properties"]["Threshold"] for alarm in alarms.values()] == threshold


def test_a_fallback_type_with_local_disks_leaves_the_config_without_a_key(
    stack: Stack, model: InferenceModel
) -> None:
    """SageMaker refuses the key for any instance with NVMe disks."""
    hosting = HostingOptions(fallback_instance_types=["ml.m5d.large"])
    RealtimeEndpoint(
        stack,
        "Endpoint",
        variants=[ProductionVariant(model=model, instance_type="ml.m5.large", hosting=hosting)],
    )
    Template.from_stack(stack).has_resource_properties(
        "AWS::SageMaker::EndpointConfig", {"KmsKeyId": Match.absent()}
    )


def test_metrics_come_every_ten_seconds_and_by_instance(
    stack: Stack, model: InferenceModel
) -> None:
    """Invocations come as often as utilization only with the metrics by instance."""
    RealtimeEndpoint(
        stack,
        "Endpoint",
        variants=[ProductionVariant(model=model, instance_type="ml.m5.large")],
        detailed_metrics=DetailedMetrics(),
    )
    Template.from_stack(stack).has_resource_properties(
        "AWS::SageMaker::EndpointConfig",
        {"MetricsConfig": {"EnableEnhancedMetrics": True, "MetricPublishFrequencyInSeconds": 10}},
    )


def test_metrics_less_often_than_alarms_look_are_refused() -> None:
    """An alarm that looks each minute would miss most of them."""
    with pytest.raises(ValueError, match="every_seconds must be 10, 30 or 60: 300"):
        DetailedMetrics(every_seconds=300)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("retained", "scaled", "excluded"),
    [
        (RetainedProperties(), True, ["DesiredWeight"]),
        (RetainedProperties(), False, None),
        (RetainedProperties(instance_counts=False), True, None),
        (RetainedProperties(instance_counts=True), False, ["DesiredWeight"]),
        (RetainedProperties(weights=True), False, ["DesiredInstanceCount"]),
        (RetainedProperties(weights=True), True, []),
    ],
)
def test_what_an_update_keeps_is_a_choice(
    stack: Stack,
    model: InferenceModel,
    retained: RetainedProperties,
    scaled: bool,
    excluded: list[str] | None,
) -> None:
    """By default the counts of what scales, and never the weights."""
    scaling = Scaling(
        min_capacity=1, max_capacity=2, policies=[TargetTracking.invocations_per_instance(60)]
    )
    RealtimeEndpoint(
        stack,
        "Endpoint",
        variants=[
            ProductionVariant(
                model=model, instance_type="ml.m5.large", scaling=scaling if scaled else None
            )
        ],
        retained=retained,
    )
    expected = (
        {"RetainAllVariantProperties": Match.absent()}
        if excluded is None
        else {
            "RetainAllVariantProperties": True,
            "ExcludeRetainedVariantProperties": [
                {"VariantPropertyType": name} for name in excluded
            ],
        }
    )
    Template.from_stack(stack).has_resource_properties("AWS::SageMaker::Endpoint", expected)
