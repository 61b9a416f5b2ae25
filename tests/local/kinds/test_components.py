"""Inference components: placement, scaling to zero and back, updates, refusals."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError

ALLOWED = ("cloudwatch:DescribeAlarms",)
# Of an ml.m5.large, which has 2 CPUs and 8192 MB.
HALF = {"NumberOfCpuCoresRequired": 1, "MinMemoryRequiredInMb": 1024}
WHOLE = {"NumberOfCpuCoresRequired": 2, "MinMemoryRequiredInMb": 1024}


@pytest.fixture(scope="module")
def hosts(kinds: Any) -> Callable[..., str]:
    """Makes endpoints without a model, scaled by SageMaker from ``low`` to ``high`` instances."""

    def make(*, low: int = 0, high: int = 2, **variant: Any) -> str:
        scaling = {"Status": "ENABLED", "MinInstanceCount": low, "MaxInstanceCount": high}
        config = kinds.config(
            {
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 1,
                "ManagedInstanceScaling": scaling,
                "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
                **variant,
            },
            ExecutionRoleArn=kinds.role,
        )
        endpoint: str = kinds.endpoint(config)
        return endpoint

    return make


@pytest.fixture(scope="module")
def model(kinds: Any) -> str:
    """A model that does as it is told."""
    name: str = kinds.command_model()
    return name


def specification(model: str, needs: dict[str, Any] = HALF) -> dict[str, Any]:
    """What a component runs."""
    return {"ModelName": model, "ComputeResourceRequirements": needs}


def rest(kinds: Any, component: str, status: str = "InService") -> dict[str, Any]:
    """Wait until a component rests; it must be in this status then."""

    def look() -> Any:
        found = kinds.api.describe_inference_component(InferenceComponentName=component)
        return found if not found["InferenceComponentStatus"].endswith("ing") else None

    found: dict[str, Any] = kinds.until(look)
    assert found["InferenceComponentStatus"] == status, found.get("FailureReason")
    return found


def deploy(
    kinds: Any, endpoint: str, model: str, *, copies: int = 1, needs: dict[str, Any] = HALF
) -> str:
    """A component that has come to rest; its name."""
    name: str = kinds.name("component")
    kinds.api.create_inference_component(
        InferenceComponentName=name,
        EndpointName=endpoint,
        Specification=specification(model, needs),
        RuntimeConfig={"CopyCount": copies},
    )
    rest(kinds, name)
    return name


def scale(kinds: Any, component: str, copies: int) -> dict[str, Any]:
    """Another number of copies; the component as it is then."""
    kinds.api.update_inference_component_runtime_config(
        InferenceComponentName=component, DesiredRuntimeConfig={"CopyCount": copies}
    )
    found = rest(kinds, component)
    runtime = {"DesiredCopyCount": copies, "CurrentCopyCount": copies}
    assert found["RuntimeConfig"].items() >= runtime.items()
    return found


def instances(kinds: Any, endpoint: str) -> int:
    """How many instances an endpoint has now."""
    (variant,) = kinds.api.describe_endpoint(EndpointName=endpoint)["ProductionVariants"]
    count: int = variant["CurrentInstanceCount"]
    return count


def test_a_component_predicts_with_the_real_model(
    kinds: Any, real_model: Any, hosts: Callable[..., str]
) -> None:
    """The answer is XGBoost's own, and each component has metrics of its own."""
    endpoint = hosts()
    component = deploy(kinds, endpoint, real_model.name)
    answer = kinds.runtime.invoke_endpoint(
        EndpointName=endpoint,
        InferenceComponentName=component,
        ContentType="text/csv",
        Accept="text/csv",
        Body=real_model.csv,
    )
    predicted = [float(line) for line in answer["Body"].read().decode().split()]
    np.testing.assert_allclose(predicted, real_model.expected, rtol=1e-5)
    own = {"InferenceComponentName": component}
    for metric in ("Invocations", "InvocationsPerCopy"):
        assert kinds.statistic(metric, own) == 1
    assert kinds.statistic("ModelLatency", own) > 0
    assert kinds.until(
        lambda: kinds.statistic("ConcurrentRequestsPerCopy", own, statistic="Maximum") is not None
    )


def test_copies_are_placed_by_what_they_need_and_instances_follow(
    kinds: Any, model: str, hosts: Callable[..., str]
) -> None:
    """Two halves share an instance, the third has a second one, and the fourth no room."""
    endpoint = hosts()
    component = deploy(kinds, endpoint, model, copies=2)
    assert instances(kinds, endpoint) == 1
    found = scale(kinds, component, 3)
    assert found["RuntimeConfig"]["PlacementStatus"] == [
        {"InstanceType": "ml.m5.large", "CurrentCopyCount": 3}
    ]
    assert instances(kinds, endpoint) == 2
    processes = {kinds.command(endpoint, component=component)["pid"] for _ in range(30)}
    assert len(processes) == 3
    # A whole instance is free nowhere, and there may be no third one.
    refused = kinds.name("component")
    kinds.api.create_inference_component(
        InferenceComponentName=refused,
        EndpointName=endpoint,
        Specification=specification(model, WHOLE),
        RuntimeConfig={"CopyCount": 1},
    )
    reason = rest(kinds, refused, "Failed")["FailureReason"]
    assert reason.startswith("There is not enough hardware resources on the instances")


def test_an_endpoint_goes_to_zero_and_back(
    kinds: Any, model: str, hosts: Callable[..., str]
) -> None:
    """At zero copies requests fail and are counted; then the instances go, and come back."""
    endpoint = hosts()
    component = deploy(kinds, endpoint, model)
    own = {"InferenceComponentName": component}
    scale(kinds, component, 0)
    refused = kinds.refused(
        kinds.runtime.invoke_endpoint,
        EndpointName=endpoint,
        InferenceComponentName=component,
        Body=b"{}",
    )
    assert (refused["Code"], refused["Status"]) == ("ValidationError", 400)
    assert refused["Message"].startswith("Inference Component has no capacity to process")
    assert kinds.statistic("NoCapacityInvocationFailures", own) == 1
    kinds.until(lambda: instances(kinds, endpoint) == 0)
    scale(kinds, component, 1)
    assert instances(kinds, endpoint) == 1
    assert kinds.command(endpoint, component=component)["version"] == "one"


def test_an_update_replaces_copies_without_a_failed_request(
    kinds: Any, model: str, hosts: Callable[..., str]
) -> None:
    """Batch by batch under traffic; both versions answer meanwhile, only the new one after it."""
    endpoint = hosts(high=3)
    component = deploy(kinds, endpoint, model, copies=2, needs=WHOLE)
    other = kinds.command_model("two")
    seen: list[str] = []
    done = threading.Event()

    def traffic() -> None:
        while not done.wait(0.05):
            try:
                seen.append(kinds.command(endpoint, component=component)["version"])
            except ClientError as error:
                seen.append(str(error))

    client = threading.Thread(target=traffic)
    client.start()
    kinds.api.update_inference_component(
        InferenceComponentName=component,
        Specification=specification(other, WHOLE),
        DeploymentConfig={
            "RollingUpdatePolicy": {
                "MaximumBatchSize": {"Type": "COPY_COUNT", "Value": 1},
                "WaitIntervalInSeconds": 60,
            }
        },
    )
    found = rest(kinds, component)
    sent = len(seen)
    kinds.until(lambda: len(seen) > sent + 5)
    done.set()
    client.join()
    assert set(seen) == {"one", "two"}
    assert set(seen[sent + 1 :]) == {"two"}
    assert found["Specification"]["ModelName"] == other
    assert found["RuntimeConfig"]["CurrentCopyCount"] == 2


def test_an_update_that_cannot_start_is_rolled_back(
    kinds: Any, model: str, hosts: Callable[..., str]
) -> None:
    """The old copies serve on, and the reason is told."""
    endpoint = hosts()
    component = deploy(kinds, endpoint, model)
    broken = kinds.command_model(
        PrimaryContainer={"Image": "683313688378.dkr.ecr.us-east-1.amazonaws.com/xgboost:3.2-0"}
    )
    kinds.api.update_inference_component(
        InferenceComponentName=component,
        Specification=specification(broken),
        RuntimeConfig={"CopyCount": 2},
    )
    found = rest(kinds, component)
    runtime = {"DesiredCopyCount": 1, "CurrentCopyCount": 1}
    assert found["RuntimeConfig"].items() >= runtime.items()
    assert "did not pass the ping health check" in found["FailureReason"]
    assert found["Specification"]["ModelName"] == model
    assert kinds.command(endpoint, component=component)["version"] == "one"


def test_an_alarm_brings_the_old_copies_back(
    kinds: Any, model: str, hosts: Callable[..., str]
) -> None:
    """Half of the copies are new when it goes off; all are old again."""
    endpoint = hosts(high=3)
    component = deploy(kinds, endpoint, model, copies=2, needs=WHOLE)
    alarm = kinds.name("alarm")
    kinds.cloudwatch.put_metric_alarm(
        AlarmName=alarm,
        Namespace="kinds",
        MetricName="errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    kinds.api.update_inference_component(
        InferenceComponentName=component,
        Specification=specification(kinds.command_model("two"), WHOLE),
        DeploymentConfig={
            "RollingUpdatePolicy": {
                "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50},
                "WaitIntervalInSeconds": 1800,
            },
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]},
        },
    )

    def version() -> str:
        found: str = kinds.command(endpoint, component=component)["version"]
        return found

    kinds.until(lambda: version() == "two")
    kinds.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="test")
    found = rest(kinds, component)
    assert alarm in found["FailureReason"]
    assert found["RuntimeConfig"]["CurrentCopyCount"] == 2
    assert {version() for _ in range(20)} == {"one"}


def test_components_survive_an_update_of_their_endpoint(
    kinds: Any, model: str, hosts: Callable[..., str]
) -> None:
    """Another instance type: the copies are started on the new instances before the old ones go."""
    endpoint = hosts()
    component = deploy(kinds, endpoint, model)
    before = kinds.command(endpoint, component=component)["pid"]
    config = kinds.config(
        {
            "InstanceType": "ml.m5.xlarge",
            "InitialInstanceCount": 1,
            "ManagedInstanceScaling": {
                "Status": "ENABLED",
                "MinInstanceCount": 0,
                "MaxInstanceCount": 1,
            },
        },
        ExecutionRoleArn=kinds.role,
    )
    update = {"EndpointName": endpoint, "EndpointConfigName": config}
    rolling = {
        "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50},
        "WaitIntervalInSeconds": 0,
    }
    refused = kinds.refused(
        kinds.api.update_endpoint, **update, DeploymentConfig={"RollingUpdatePolicy": rolling}
    )
    assert refused["Code"] == "ValidationException"
    kinds.api.update_endpoint(**update)
    kinds.wait(endpoint)
    assert kinds.command(endpoint, component=component)["pid"] != before
    found = rest(kinds, component)
    assert found["RuntimeConfig"]["PlacementStatus"] == [
        {"InstanceType": "ml.m5.xlarge", "CurrentCopyCount": 1}
    ]


def test_a_container_can_be_named_instead_of_a_model(
    kinds: Any, hosts: Callable[..., str], kinds_bucket: str
) -> None:
    """It runs as the endpoint config's role; the description tells the image."""
    model = kinds.command_model("own container")
    container = kinds.api.describe_model(ModelName=model)["PrimaryContainer"]
    endpoint, name = hosts(), kinds.name("component")
    kinds.api.create_inference_component(
        InferenceComponentName=name,
        EndpointName=endpoint,
        Specification={
            "Container": {
                "Image": container["Image"],
                "ArtifactUrl": container["ModelDataUrl"],
                "Environment": container["Environment"],
            },
            "ComputeResourceRequirements": HALF,
        },
        RuntimeConfig={"CopyCount": 1},
        Tags=[{"Key": "team", "Value": "one"}],
    )
    found = rest(kinds, name)
    deployed = found["Specification"]["Container"]["DeployedImage"]
    assert deployed["SpecifiedImage"] == container["Image"]
    assert kinds.command(endpoint, component=name)["version"] == "own container"
    tags = kinds.api.list_tags(ResourceArn=found["InferenceComponentArn"])["Tags"]
    assert tags == [{"Key": "team", "Value": "one"}]
    assert kinds.components(endpoint) == [name]


def test_who_invokes_names_a_component_and_only_where_there_are_any(
    kinds: Any, model: str, hosts: Callable[..., str]
) -> None:
    """In the service's own words."""
    endpoint = hosts()
    instance = {"ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    classic = kinds.endpoint(kinds.config(instance))
    for parameters, words in (
        ({"EndpointName": endpoint}, "Inference Component Name header is required for endpoints"),
        (
            {"EndpointName": classic, "InferenceComponentName": "some"},
            "Inference Component Name header is not allowed for endpoints",
        ),
        ({"EndpointName": endpoint, "InferenceComponentName": "some"}, "some of account"),
    ):
        refused = kinds.refused(kinds.runtime.invoke_endpoint, **parameters, Body=b"{}")
        assert refused["Code"] == "ValidationError"
        assert words in refused["Message"]


def test_what_aws_refuses_of_components_is_refused(
    kinds: Any, model: str, hosts: Callable[..., str]
) -> None:
    """No copies, no needs, two of a name, a variant with a model, an endpoint in use."""
    endpoint = hosts()
    component = deploy(kinds, endpoint, model)
    instance = {"ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    classic = kinds.endpoint(kinds.config(instance))
    whole = {
        "InferenceComponentName": kinds.name("refused"),
        "EndpointName": endpoint,
        "Specification": specification(model),
        "RuntimeConfig": {"CopyCount": 1},
    }
    for changes, words in (
        ({"RuntimeConfig": {"CopyCount": 0}}, "CopyCount must be at least 1"),
        ({"Specification": {"ModelName": model}}, "ComputeResourceRequirements is required"),
        ({"InferenceComponentName": component}, "Cannot create already existing inference comp"),
        ({"EndpointName": classic}, "it has a model"),
        ({"EndpointName": "none"}, "Could not find endpoint"),
        ({"VariantName": "other"}, "not present within endpoint configuration"),
    ):
        refused = kinds.refused(kinds.api.create_inference_component, **{**whole, **changes})
        assert refused["Code"] == "ValidationException"
        assert words in refused["Message"]
    refused = kinds.refused(kinds.api.delete_endpoint, EndpointName=endpoint)
    assert f"it hosts the inference component(s) {component}" in refused["Message"]
    assert kinds.wait(endpoint)["EndpointStatus"] == "InService"


def test_an_endpoint_for_components_needs_a_role_and_room_to_scale(kinds: Any) -> None:
    """In the config already."""
    variant = {"VariantName": "main", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    scaling = {"Status": "ENABLED", "MinInstanceCount": 2, "MaxInstanceCount": 3}
    for parameters, words in (
        ({"ProductionVariants": [variant]}, "ExecutionRoleArn is required"),
        (
            {
                "ProductionVariants": [{**variant, "ManagedInstanceScaling": scaling}],
                "ExecutionRoleArn": kinds.role,
            },
            "must be from MinInstanceCount to MaxInstanceCount",
        ),
    ):
        refused = kinds.refused(
            kinds.api.create_endpoint_config,
            EndpointConfigName=kinds.name("refused"),
            **parameters,
        )
        assert words in refused["Message"]


def test_a_copy_that_ends_is_replaced(kinds: Any, model: str, hosts: Callable[..., str]) -> None:
    """As instances are."""
    endpoint = hosts()
    component = deploy(kinds, endpoint, model)
    first = kinds.command(endpoint, component=component)["pid"]
    os.kill(first, signal.SIGKILL)

    def answered() -> Any:
        try:
            return kinds.command(endpoint, component=component)["pid"]
        except ClientError:
            return None

    assert kinds.until(answered) != first


@pytest.mark.long
def test_consolidation_moves_copies_together(
    kinds: Any, model: str, hosts: Callable[..., str]
) -> None:
    """Two instances with one half each become one with both, and nobody notices."""
    policy = {"Strategy": "CONSOLIDATION", "CooldownInMinutes": 5}
    scaling = {
        "Status": "ENABLED",
        "MinInstanceCount": 1,
        "MaxInstanceCount": 2,
        "ScaleInPolicy": policy,
    }
    endpoint = hosts(ManagedInstanceScaling=scaling)
    first = deploy(kinds, endpoint, model, copies=2)
    second = deploy(kinds, endpoint, model, copies=1)
    assert instances(kinds, endpoint) == 2
    scale(kinds, first, 1)
    deadline = time.monotonic() + 90
    while instances(kinds, endpoint) == 2:
        assert kinds.command(endpoint, component=second)["version"] == "one"
        assert kinds.command(endpoint, component=first)["version"] == "one"
        assert time.monotonic() < deadline
    assert kinds.command(endpoint, component=second)["version"] == "one"
