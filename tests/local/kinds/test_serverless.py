"""Serverless endpoints: processes for requests, limits, provisioned concurrency, metrics."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

MEBIBYTE = 1024 * 1024


def serverless(model: str, *, concurrency: int = 2, **config: Any) -> dict[str, Any]:
    """A serverless variant."""
    return {
        "ModelName": model,
        "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": concurrency, **config},
    }


@pytest.fixture(scope="module")
def model(kinds: Any) -> str:
    """A model that does as it is told."""
    name: str = kinds.command_model()
    return name


def test_a_serverless_endpoint_predicts_with_the_real_model(kinds: Any, real_model: Any) -> None:
    """The answer is XGBoost's own, and the endpoint has no instances to show."""
    endpoint = kinds.endpoint(kinds.config(serverless(real_model.name)))
    answer = kinds.runtime.invoke_endpoint(
        EndpointName=endpoint, ContentType="text/csv", Accept="text/csv", Body=real_model.csv
    )
    predicted = [float(line) for line in answer["Body"].read().decode().split()]
    np.testing.assert_allclose(predicted, real_model.expected, rtol=1e-5)
    (variant,) = kinds.api.describe_endpoint(EndpointName=endpoint)["ProductionVariants"]
    assert variant["CurrentServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 2}
    assert "CurrentInstanceCount" not in variant


def test_processes_come_with_requests_and_go_when_idle(kinds: Any, model: str) -> None:
    """Two requests at once have two processes, the third is throttled, and idle ones end."""
    endpoint = kinds.endpoint(kinds.config(serverless(model)))
    dimensions = {"EndpointName": endpoint, "VariantName": "main"}
    first = kinds.command(endpoint)
    with ThreadPoolExecutor(2) as executor:
        under_way = [executor.submit(kinds.command, endpoint, sleep=3) for _ in range(2)]
        time.sleep(1)
        refused = kinds.refused(
            kinds.runtime.invoke_endpoint,
            EndpointName=endpoint,
            ContentType="application/json",
            Body=b"{}",
        )
    assert (refused["Code"], refused["Status"]) == ("ThrottlingException", 400)
    processes = {future.result()["pid"] for future in under_way}
    assert len(processes) == 2
    assert first["pid"] in processes
    (setup,) = [kinds.statistic("ModelSetupTime", dimensions, statistic="SampleCount")]
    assert setup == 1
    assert kinds.statistic("ModelSetupTime", dimensions) > 100_000
    used = kinds.statistic(
        "ServerlessConcurrentExecutionsUtilization", dimensions, statistic="Maximum"
    )
    assert used == 1.0
    assert kinds.statistic("Invocations", dimensions) == 3
    assert kinds.statistic("InvocationsPerInstance", dimensions) is None
    # They are kept for some minutes, which pass 60 times faster here.
    time.sleep(1.5)
    assert kinds.command(endpoint)["pid"] in processes
    time.sleep(7)
    assert kinds.command(endpoint)["pid"] not in processes


def test_payloads_end_at_four_megabytes(kinds: Any, model: str) -> None:
    """Both ways, where an instance-backed endpoint would take six."""
    endpoint = kinds.endpoint(kinds.config(serverless(model)))
    invoke = kinds.runtime.invoke_endpoint
    whole = {"EndpointName": endpoint, "ContentType": "application/json"}
    body = json.dumps({"size": 1, "pad": "x" * (4 * MEBIBYTE)}).encode()
    assert kinds.refused(invoke, **whole, Body=body)["Status"] == 413
    assert invoke(**whole, Body=json.dumps({"size": 4 * MEBIBYTE}))["Body"].read()[-1:] == b"x"
    larger = json.dumps({"size": 4 * MEBIBYTE + 1})
    assert kinds.refused(invoke, **whole, Body=larger)["Status"] == 413


def test_provisioned_concurrency_is_kept_ready_and_can_be_changed(kinds: Any, model: str) -> None:
    """What is provisioned outlives idleness; more can be had, and the overflow is counted."""
    endpoint = kinds.endpoint(kinds.config(serverless(model, ProvisionedConcurrency=1)))
    dimensions = {"EndpointName": endpoint, "VariantName": "main"}
    process = kinds.command(endpoint)["pid"]
    kinds.api.update_endpoint_weights_and_capacities(
        EndpointName=endpoint,
        DesiredWeightsAndCapacities=[
            {
                "VariantName": "main",
                "ServerlessUpdateConfig": {"MaxConcurrency": 3, "ProvisionedConcurrency": 2},
            }
        ],
    )
    (variant,) = kinds.wait(endpoint)["ProductionVariants"]
    expected = {"MemorySizeInMB": 2048, "MaxConcurrency": 3, "ProvisionedConcurrency": 2}
    assert variant["CurrentServerlessConfig"] == variant["DesiredServerlessConfig"] == expected
    with ThreadPoolExecutor(3) as executor:
        answers = list(executor.map(lambda _: kinds.command(endpoint, sleep=1), range(3)))
    assert len({answer["pid"] for answer in answers}) == 3
    assert process in {answer["pid"] for answer in answers}
    spilled = kinds.statistic("ServerlessProvisionedConcurrencySpilloverInvocations", dimensions)
    handled = kinds.statistic("ServerlessProvisionedConcurrencyInvocations", dimensions)
    assert (spilled, handled) == (1, 3)
    kinds.command(endpoint)
    assert kinds.statistic("ServerlessProvisionedConcurrencyInvocations", dimensions) == 4
    used = kinds.statistic(
        "ServerlessProvisionedConcurrencyUtilization", dimensions, statistic="Maximum"
    )
    assert used == 1.0
    time.sleep(7)
    assert kinds.statistic("ModelSetupTime", dimensions, statistic="SampleCount") == 1
    assert process in {kinds.command(endpoint)["pid"] for _ in range(4)}


def test_an_update_goes_from_one_serverless_config_to_another(kinds: Any, model: str) -> None:
    """Another memory size and another model take over."""
    endpoint = kinds.endpoint(kinds.config(serverless(model)))
    other = kinds.config(serverless(kinds.command_model("two"), MemorySizeInMB=4096))
    kinds.api.update_endpoint(EndpointName=endpoint, EndpointConfigName=other)
    (variant,) = kinds.wait(endpoint)["ProductionVariants"]
    assert variant["CurrentServerlessConfig"]["MemorySizeInMB"] == 4096
    assert kinds.command(endpoint)["version"] == "two"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"MemorySizeInMB": 1536}, "must be one of 1024, 2048, 3072, 4096, 5120, 6144"),
        ({"ProvisionedConcurrency": 3}, "less than or equal to its MaxConcurrency: 3 > 2"),
        ({"MaxConcurrency": 201}, "Member must have value less than or equal to 200"),
    ],
)
def test_sizes_that_aws_does_not_have_are_refused(
    kinds: Any, model: str, config: dict[str, int], words: str
) -> None:
    """In the config already."""
    refused = kinds.refused(
        kinds.api.create_endpoint_config,
        EndpointConfigName=kinds.name("refused"),
        ProductionVariants=[{"VariantName": "main", **serverless(model, **config)}],
    )
    assert refused["Code"] == "ValidationException"
    assert words in refused["Message"]


def test_a_serverless_variant_takes_no_instances_and_an_isolated_model_no_serverless(
    kinds: Any, model: str
) -> None:
    """Two kinds of capacity at once, and what serverless endpoints do not support."""
    isolated = kinds.command_model(EnableNetworkIsolation=True)
    capture = {
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://kinds/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    for variant, options, words in (
        (
            {**serverless(model), "InstanceType": "ml.m5.large", "InitialInstanceCount": 1},
            {},
            "InstanceType and InitialInstanceCount cannot be specified",
        ),
        (serverless(model), {"DataCaptureConfig": capture}, "does not support data capture"),
        (serverless(isolated), {}, "does not support network isolation: see https://docs.aws"),
    ):
        refused = kinds.refused(
            kinds.api.create_endpoint_config,
            EndpointConfigName=kinds.name("refused"),
            ProductionVariants=[{"VariantName": "main", **variant}],
            **options,
        )
        assert words in refused["Message"]
