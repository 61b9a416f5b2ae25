"""A shadow variant gets real copies of requests, and nobody notices."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.fixture(scope="module")
def models(hosting: Any) -> tuple[str, str]:
    """The model that answers, and one that takes half a second and then fails."""
    slow = "\ndef predict_fn(data, model):\n    time.sleep(0.5)\n    raise ValueError"
    handler = hosting.handler("shadow").decode().partition("\n")[2] + slow
    return hosting.create_model("main"), hosting.create_model(
        "shadow", hosting.artifact("shadow", handler)
    )


def shadow(model: str, weight: float = 1.0) -> dict[str, Any]:
    """A shadow variant."""
    return {
        "VariantName": "Shadow",
        "ModelName": model,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        "InitialVariantWeight": weight,
    }


def counted(hosting: Any, endpoint: str, variant: str, metric: str) -> float:
    """The sum of a metric of a variant over the last minutes."""
    now = datetime.now(UTC)
    found = hosting.connect("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=metric,
        Dimensions=[
            {"Name": "EndpointName", "Value": endpoint},
            {"Name": "VariantName", "Value": variant},
        ],
        StartTime=now - timedelta(minutes=30),
        EndTime=now + timedelta(minutes=30),
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    return sum(point["Sum"] for point in found)


def test_a_slow_and_failing_shadow_changes_nothing_for_the_caller(
    hosting: Any, models: tuple[str, str]
) -> None:
    """Answers and latency are the main variant's; what the shadow does is in its own metrics."""
    config = hosting.create_config(
        "mirrored", {"ModelName": models[0]}, ShadowProductionVariants=[shadow(models[1])]
    )
    endpoint = hosting.create_endpoint("mirrored", config)
    began = time.monotonic()
    answers = Counter(hosting.version(endpoint) for _ in range(10))
    # One after the other the shadow takes 5 s for them.
    assert time.monotonic() - began < 4
    assert answers == {"main": 10}
    deadline = time.monotonic() + 60
    while (
        counted(hosting, endpoint, "Shadow", "Invocation5XXErrors") < 10
        and time.monotonic() < deadline
    ):
        time.sleep(0.1)
    assert counted(hosting, endpoint, "Shadow", "Invocation5XXErrors") == 10
    assert counted(hosting, endpoint, "Shadow", "Invocations") == 10
    assert counted(hosting, endpoint, "AllTraffic", "Invocations") == 10
    assert counted(hosting, endpoint, "AllTraffic", "Invocation5XXErrors") == 0
    found = hosting.api.describe_endpoint(EndpointName=endpoint)
    assert [one["VariantName"] for one in found["ProductionVariants"]] == ["AllTraffic"]
    assert found["ShadowProductionVariants"][0]["CurrentInstanceCount"] == 1
    with pytest.raises(ClientError, match="Variant Shadow not found"):
        hosting.version(endpoint, TargetVariant="Shadow")
    hosting.remove(endpoint)


@pytest.mark.long
def test_the_shadow_s_weight_is_the_share_that_it_gets(
    hosting: Any, models: tuple[str, str]
) -> None:
    """A quarter of the main variant's weight is a quarter of its requests."""
    config = hosting.create_config(
        "sampled", {"ModelName": models[0]}, ShadowProductionVariants=[shadow(models[0], 0.25)]
    )
    endpoint = hosting.create_endpoint("sampled", config)
    for _ in range(200):
        hosting.version(endpoint)
    time.sleep(0.5)
    # Mean 50, standard deviation 6.1: five of them on either side.
    assert 19 < counted(hosting, endpoint, "Shadow", "Invocations") < 81
    hosting.remove(endpoint)


def test_what_a_shadow_excludes_is_refused(hosting: Any, models: tuple[str, str]) -> None:
    """Beside A/B variants, twice, serverless and asynchronous; each with the page that says so."""
    main = {"ModelName": models[0]}
    one = shadow(models[1])

    def refused(*variants: dict[str, Any], **options: Any) -> str:
        with pytest.raises(ClientError) as raised:
            hosting.create_config("refused", *variants, **options)
        assert raised.value.response["Error"]["Code"] == "ValidationException"
        message: str = raised.value.response["Error"]["Message"]
        return message

    a_b = refused(main, {**main, "VariantName": "Other"}, ShadowProductionVariants=[one])
    twice = refused(main, ShadowProductionVariants=[one, {**one, "VariantName": "Second"}])
    for message in (a_b, twice):
        assert "only one variant in ProductionVariants and one in Shadow" in message
        assert "API_CreateEndpointConfig.html" in message
    message = refused(
        main,
        ShadowProductionVariants=[one],
        AsyncInferenceConfig={"OutputConfig": {"S3OutputPath": f"s3://{hosting.bucket}/out"}},
    )
    assert "is not supported with asynchronous inference" in message
    assert "shadow-tests-exclusions.html" in message
    without = {
        "VariantName": "Shadow",
        "ModelName": models[1],
        "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1},
    }
    message = refused(main, ShadowProductionVariants=[without])
    assert "is not supported with serverless inference" in message
    message = refused({**main, "InstanceType": "ml.inf1.xlarge"}, ShadowProductionVariants=[one])
    assert "is not supported with Inf1 instances" in message
