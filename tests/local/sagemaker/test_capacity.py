"""Instance pools, capacity that runs out, and what is measured of instances."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

LimitCapacity = Callable[[str, int | None], None]


def pooled(model: str, **options: Any) -> dict[str, Any]:
    """A variant that takes c5 instances, and m5 ones where there are none."""
    return {
        "VariantName": "AllTraffic",
        "ModelName": model,
        "InitialInstanceCount": 2,
        "InstancePools": [
            {"InstanceType": "ml.m5.xlarge", "Priority": 2},
            {"InstanceType": "ml.c5.xlarge", "Priority": 1},
        ],
        **options,
    }


def create(hosting: Any, name: str, variant: dict[str, Any]) -> str:
    """An endpoint config; its name."""
    full = f"{hosting.prefix}-{name}"
    hosting.api.create_endpoint_config(EndpointConfigName=full, ProductionVariants=[variant])
    return full


def test_the_next_pool_stands_in_for_one_without_capacity(
    hosting: Any, limit_capacity: LimitCapacity
) -> None:
    """One c5 is left: the second instance is an m5, with the model that its pool names."""
    model, other = hosting.create_model("pooled"), hosting.create_model("override")
    variant = pooled(model)
    variant["InstancePools"][0]["ModelNameOverride"] = other
    limit_capacity("ml.c5.xlarge", 1)
    endpoint = hosting.create_endpoint("pooled", create(hosting, "pooled", variant))
    (found,) = hosting.api.describe_endpoint(EndpointName=endpoint)["ProductionVariants"]
    assert found["InstancePools"] == [
        {"InstanceType": "ml.c5.xlarge", "CurrentInstanceCount": 1},
        {"InstanceType": "ml.m5.xlarge", "CurrentInstanceCount": 1},
    ]
    assert {hosting.version(endpoint) for _ in range(40)} == {"pooled", "override"}
    hosting.remove(endpoint)


def test_without_capacity_an_endpoint_fails_in_aws_s_words(
    hosting: Any, limit_capacity: LimitCapacity
) -> None:
    """And serves once there is some: an update of a Failed endpoint is its second try."""
    limit_capacity("ml.r5.large", 0)
    config = hosting.create_config(
        "scarce",
        {
            "ModelName": hosting.create_model("scarce"),
            "InstanceType": "ml.r5.large",
            "InitialInstanceCount": 2,
        },
    )
    endpoint = hosting.create_endpoint("scarce", config, wait="Failed")
    assert hosting.api.describe_endpoint(EndpointName=endpoint)["FailureReason"] == (
        "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity "
        "error. Please retry using a different ML instance type or after some time."
    )
    limit_capacity("ml.r5.large", None)
    # There is nothing to roll from: it starts as a whole.
    batch = {
        "MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1},
        "WaitIntervalInSeconds": 60,
    }
    hosting.api.update_endpoint(
        EndpointName=endpoint,
        EndpointConfigName=config,
        DeploymentConfig={"RollingUpdatePolicy": batch},
    )
    hosting.wait(endpoint, "InService")
    assert hosting.version(endpoint) == "scarce"
    hosting.remove(endpoint)


def test_pools_that_contradict_themselves_are_refused(hosting: Any) -> None:
    """A type beside them, a type or a priority twice, a model that is not there."""
    model = hosting.create_model("contradictory")
    create(hosting, "pools", pooled(model))
    same = [{"InstanceType": "ml.m5.large", "Priority": priority} for priority in (1, 2)]
    priorities = [{"InstanceType": f"ml.m5.{size}", "Priority": 1} for size in ("large", "xlarge")]
    missing = [{"InstanceType": "ml.m5.large", "Priority": 1, "ModelNameOverride": "nobody"}]
    for options, message in (
        ({"InstanceType": "ml.m5.large"}, "Only one of InstanceType and InstancePools"),
        ({"InstancePools": same}, "must have a InstanceType of its own"),
        ({"InstancePools": priorities}, "must have a Priority of its own"),
        ({"InstancePools": missing}, "Could not find model"),
    ):
        with pytest.raises(ClientError, match=message):
            create(hosting, "refused", pooled(model, **options))


def test_detailed_metrics_are_published_for_each_instance(hosting: Any) -> None:
    """Concurrent requests in high resolution; with enhanced metrics for each instance as well."""
    config = hosting.create_config(
        "measured",
        {"ModelName": hosting.create_model("measured")},
        MetricsConfig={"EnableEnhancedMetrics": True, "MetricPublishFrequencyInSeconds": 10},
    )
    endpoint = hosting.create_endpoint("measured", config)
    busy = [
        threading.Thread(target=lambda: hosting.command(endpoint, "version", sleep=1.5))
        for _ in range(3)
    ]
    for thread in busy:
        thread.start()
    for thread in busy:
        thread.join()
    time.sleep(0.8)
    cloudwatch = hosting.connect("cloudwatch")
    found = cloudwatch.list_metrics(
        Namespace="AWS/SageMaker",
        MetricName="Invocations",
        Dimensions=[{"Name": "EndpointName", "Value": endpoint}, {"Name": "InstanceId"}],
    )["Metrics"]
    (dimensions,) = (one["Dimensions"] for one in found)
    assert {one["Name"] for one in dimensions} == {"EndpointName", "VariantName", "InstanceId"}
    by_variant = [one for one in dimensions if one["Name"] != "InstanceId"]
    for where in (dimensions, by_variant):
        assert maximum(cloudwatch, "AWS/SageMaker", "ConcurrentRequestsPerModel", where) == 3
        # Published every 10 s, that is here every half second at the most.
        used = maximum(cloudwatch, "/aws/sagemaker/Endpoints", "MemoryUtilization", where)
        assert 0 < used < 100
    described = hosting.api.describe_endpoint(EndpointName=endpoint)["MetricsConfig"]
    assert described["MetricPublishFrequencyInSeconds"] == 10
    with pytest.raises(ClientError, match="MetricPublishFrequencyInSeconds must be one of 10, 30"):
        hosting.create_config(
            "often",
            {"ModelName": "capacity-measured"},
            MetricsConfig={"MetricPublishFrequencyInSeconds": 20},
        )
    hosting.remove(endpoint)


def maximum(cloudwatch: Any, namespace: str, metric: str, dimensions: list[Any]) -> float:
    """The largest value of a metric over the last minutes."""
    now = datetime.now(UTC)
    found = cloudwatch.get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=dimensions,
        StartTime=now - timedelta(minutes=30),
        EndTime=now + timedelta(minutes=30),
        Period=3600,
        Statistics=["Maximum"],
    )["Datapoints"]
    return max(point["Maximum"] for point in found)
