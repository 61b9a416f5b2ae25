"""Endpoints are created, updated, scaled and deleted while they serve."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

PING = (
    "The primary container for production variant AllTraffic did not pass the ping health check. "
    "Please check CloudWatch logs for this endpoint."
)


def processes_of(local_aws: Any) -> list[psutil.Process]:
    """The containers' processes of a local AWS."""
    children = psutil.Process(local_aws.process.pid).children()
    return [child for child in children if "local_aws.sagemaker.container" in child.cmdline()]


def variant(found: dict[str, Any], name: str = "AllTraffic") -> dict[str, Any]:
    """One variant of a DescribeEndpoint answer."""
    variants: list[dict[str, Any]] = found["ProductionVariants"]
    return next(entry for entry in variants if entry["VariantName"] == name)


def test_an_update_loses_no_request_and_ends_with_the_new_model(hosting: Any, traffic: Any) -> None:
    """Under steady traffic every request is answered, by v1 before and by v2 after the switch."""
    endpoint = hosting.serve("first")
    new = hosting.create_config("second", {"ModelName": hosting.create_model("second")})
    with traffic(endpoint) as got:
        time.sleep(0.3)
        hosting.api.update_endpoint(EndpointName=endpoint, EndpointConfigName=new)
        updating = hosting.api.describe_endpoint(EndpointName=endpoint)
        hosting.wait(endpoint, "InService")
        settled = Counter(got.answers)
        time.sleep(0.3)
        after = got.answers - settled
    assert got.failures == []
    assert set(got.answers) == {"first", "second"}
    # Two requests may have been under way at the switch.
    assert after["first"] <= 2 < after["second"]
    assert updating["EndpointStatus"] == "Updating"
    assert updating["EndpointConfigName"] == "lifecycle-first"
    assert updating["PendingDeploymentSummary"]["EndpointConfigName"] == new
    found = hosting.api.describe_endpoint(EndpointName=endpoint)
    assert found["EndpointConfigName"] == new
    assert found["LastModifiedTime"] > found["CreationTime"]
    assert "PendingDeploymentSummary" not in found


def test_a_request_under_way_is_answered_by_the_fleet_that_it_began_with(hosting: Any) -> None:
    """The old fleet is drained: its instances end after their last answer."""
    endpoint = hosting.serve("draining")
    new = hosting.create_config("drained", {"ModelName": hosting.create_model("drained")})
    answers: list[bytes] = []
    slow = threading.Thread(
        target=lambda: answers.append(hosting.command(endpoint, "version", sleep=6)["Body"].read())
    )
    slow.start()
    time.sleep(0.3)
    hosting.api.update_endpoint(EndpointName=endpoint, EndpointConfigName=new)
    while hosting.version(endpoint) != "drained":
        time.sleep(0.05)
    assert slow.is_alive()
    slow.join()
    assert answers == [b"draining"]
    hosting.wait(endpoint, "InService")


def test_scaling_starts_and_ends_real_processes_and_loses_no_request(
    hosting: Any, traffic: Any, local_aws: Any
) -> None:
    """1 → 3 → 1 instances: as many processes, and traffic goes on."""
    endpoint = hosting.serve("scaled")
    before = len(processes_of(local_aws))

    def scale(count: int) -> dict[str, Any]:
        hosting.api.update_endpoint_weights_and_capacities(
            EndpointName=endpoint,
            DesiredWeightsAndCapacities=[
                {"VariantName": "AllTraffic", "DesiredInstanceCount": count}
            ],
        )
        changing = variant(hosting.api.describe_endpoint(EndpointName=endpoint))
        assert changing["DesiredInstanceCount"] == count
        found: dict[str, Any] = hosting.wait(endpoint, "InService")
        return found

    with traffic(endpoint) as got:
        found = variant(scale(3))
        assert (found["CurrentInstanceCount"], found["DesiredInstanceCount"]) == (3, 3)
        assert len(processes_of(local_aws)) == before + 2
        found = variant(scale(1))
        assert (found["CurrentInstanceCount"], found["DesiredInstanceCount"]) == (1, 1)
        assert len(processes_of(local_aws)) == before
    assert got.failures == []
    assert got.answers["scaled"] > 0


def test_retained_variant_properties_survive_an_update(hosting: Any) -> None:
    """The scaled count is kept if asked; else it is the config's again; weights may be excluded."""
    endpoint = hosting.serve("kept")
    model = "lifecycle-kept"
    hosting.api.update_endpoint_weights_and_capacities(
        EndpointName=endpoint,
        DesiredWeightsAndCapacities=[
            {"VariantName": "AllTraffic", "DesiredInstanceCount": 2, "DesiredWeight": 0.25}
        ],
    )
    hosting.wait(endpoint, "InService")
    retaining = hosting.create_config("retaining", {"ModelName": model})
    hosting.api.update_endpoint(
        EndpointName=endpoint,
        EndpointConfigName=retaining,
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredWeight"}],
    )
    found = variant(hosting.wait(endpoint, "InService"))
    assert (found["CurrentInstanceCount"], found["CurrentWeight"]) == (2, 1.0)
    resetting = hosting.create_config("resetting", {"ModelName": model})
    hosting.api.update_endpoint(EndpointName=endpoint, EndpointConfigName=resetting)
    assert variant(hosting.wait(endpoint, "InService"))["CurrentInstanceCount"] == 1


def test_a_failing_update_rolls_back_and_the_old_model_serves_on(
    hosting: Any, traffic: Any
) -> None:
    """A new fleet that does not come up changes nothing but the failure reason."""
    endpoint = hosting.serve("good")
    broken = hosting.create_model("broken", hosting.artifact("broken", "raise RuntimeError"))
    config = hosting.create_config("broken", {"ModelName": broken})
    with traffic(endpoint) as got:
        hosting.api.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
        found = hosting.wait(endpoint, "InService")
    assert got.failures == []
    assert set(got.answers) == {"good"}
    assert found["EndpointConfigName"] == "lifecycle-good"
    assert found["FailureReason"] == PING


@pytest.mark.parametrize(
    ("name", "handler", "environment"),
    [
        ("no-import", "import nothing_of_this_name", {}),
        ("no-load", "def model_fn(model_dir):\n    raise ValueError('cannot load')", {}),
        ("no-submit", "", {"SAGEMAKER_SUBMIT_DIRECTORY": None}),
        ("log-level", "", {"SAGEMAKER_CONTAINER_LOG_LEVEL": "INFO"}),
    ],
)
def test_a_model_that_does_not_load_fails_the_endpoint(
    hosting: Any, name: str, handler: str, environment: dict[str, str]
) -> None:
    """Failed, with the health check as the reason; the endpoint can then be deleted."""
    model = hosting.create_model(name, hosting.artifact(name, handler), environment=environment)
    config = hosting.create_config(name, {"ModelName": model})
    endpoint = hosting.create_endpoint(name, config, wait="Failed")
    assert hosting.api.describe_endpoint(EndpointName=endpoint)["FailureReason"] == PING
    with pytest.raises(ClientError, match=f"Endpoint {endpoint} of account"):
        hosting.version(endpoint)
    hosting.remove(endpoint)


def test_an_artifact_that_is_gone_fails_the_endpoint(hosting: Any) -> None:
    """What CreateModel saw may have been deleted since: the reason names the URL."""
    url = hosting.artifact("gone")
    model = hosting.create_model("gone", url)
    hosting.s3.delete_object(Bucket=hosting.bucket, Key="lifecycle/gone/model.tar.gz")
    config = hosting.create_config("gone", {"ModelName": model})
    endpoint = hosting.create_endpoint("gone", config, wait="Failed")
    assert hosting.api.describe_endpoint(EndpointName=endpoint)["FailureReason"] == (
        f'Failed to download model data for container "container_1" from URL: "{url}". Please '
        f"ensure that there is an object located at the URL and that the role passed to "
        f"CreateModel has permissions to download the object."
    )


def test_an_artifact_that_is_no_archive_fails_the_endpoint(hosting: Any) -> None:
    """A file that is not gzipped tar is said to be none."""
    hosting.s3.put_object(Bucket=hosting.bucket, Key="text.tar.gz", Body=b"just text")
    model = hosting.create_model("text", f"s3://{hosting.bucket}/text.tar.gz")
    config = hosting.create_config("text", {"ModelName": model})
    endpoint = hosting.create_endpoint("text", config, wait="Failed")
    reason = hosting.api.describe_endpoint(EndpointName=endpoint)["FailureReason"]
    assert reason.startswith('Failed to extract model data archive for container "container_1"')


def test_traffic_follows_the_weights_and_weight_zero_gets_none(hosting: Any) -> None:
    """3 : 1 within statistical bounds, nothing for 0, all of it for the named TargetVariant."""
    config = hosting.create_config(
        "weighted",
        *(
            {
                "VariantName": name,
                "ModelName": hosting.create_model(f"weighted-{name}"),
                "InitialVariantWeight": weight,
            }
            for name, weight in (("heavy", 3.0), ("light", 1.0), ("none", 0.0))
        ),
    )
    endpoint = hosting.create_endpoint("weighted", config)
    answers = Counter(hosting.version(endpoint) for _ in range(400))
    # Mean 300, standard deviation 8.7: six of them on either side.
    assert 248 < answers["weighted-heavy"] < 352
    assert answers["weighted-none"] == 0
    aimed = hosting.command(endpoint, "version", TargetVariant="none")
    assert aimed["InvokedProductionVariant"] == "none"
    assert aimed["Body"].read() == b"weighted-none"
    with pytest.raises(ClientError, match="Variant nobody not found") as raised:
        hosting.version(endpoint, TargetVariant="nobody")
    assert raised.value.response["Error"]["Code"] == "ValidationError"
    hosting.api.update_endpoint_weights_and_capacities(
        EndpointName=endpoint,
        DesiredWeightsAndCapacities=[
            {"VariantName": "heavy", "DesiredWeight": 0},
            {"VariantName": "none", "DesiredWeight": 1},
        ],
    )
    found = hosting.wait(endpoint, "InService")
    assert variant(found, "heavy")["CurrentWeight"] == 0
    answers = Counter(hosting.version(endpoint) for _ in range(60))
    assert answers["weighted-heavy"] == 0
    assert answers["weighted-none"] > 0


def test_a_dead_instance_is_replaced_and_the_others_answer_meanwhile(
    hosting: Any, traffic: Any
) -> None:
    """One of two containers is killed under traffic: no request fails, and two serve again."""
    endpoint = hosting.serve("killed", InitialInstanceCount=2)
    container = int(hosting.command(endpoint, "pid")["Body"].read())
    with traffic(endpoint) as got:
        os.kill(container, signal.SIGKILL)
        deadline = time.monotonic() + 60
        seen = set()
        while len(seen) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
            seen = {int(hosting.command(endpoint, "pid")["Body"].read()) for _ in range(4)}
    assert got.failures == []
    assert len(seen) == 2
    assert container not in seen


def test_the_least_busy_instance_answers_where_the_config_says_so(hosting: Any) -> None:
    """While one of two instances is busy, LEAST_OUTSTANDING_REQUESTS gives it nothing more."""
    endpoint = hosting.serve(
        "least",
        InitialInstanceCount=2,
        RoutingConfig={"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
    )
    busy: list[int] = []

    def ask() -> None:
        busy.append(int(hosting.command(endpoint, "pid", sleep=1.5)["Body"].read()))

    slow = threading.Thread(target=ask)
    slow.start()
    time.sleep(0.2)
    others = {int(hosting.command(endpoint, "pid")["Body"].read()) for _ in range(6)}
    assert slow.is_alive()
    slow.join()
    assert len(others) == 1
    assert others.isdisjoint(busy)


def test_an_endpoint_at_work_refuses_other_changes(hosting: Any) -> None:
    """While it is Updating, it can be neither updated nor scaled nor deleted."""
    endpoint = hosting.serve("busy")
    config = hosting.create_config("busier", {"ModelName": "lifecycle-busy"})
    hosting.api.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:endpoint/{endpoint}"
    for call in (
        lambda: hosting.api.update_endpoint(EndpointName=endpoint, EndpointConfigName=config),
        lambda: hosting.api.delete_endpoint(EndpointName=endpoint),
        lambda: hosting.api.update_endpoint_weights_and_capacities(
            EndpointName=endpoint,
            DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredWeight": 2}],
        ),
    ):
        with pytest.raises(ClientError, match="Cannot update in-progress endpoint") as raised:
            call()
        message = raised.value.response["Error"]["Message"]
        assert message == f'Cannot update in-progress endpoint "{arn}".'
    hosting.wait(endpoint, "InService")


def test_deleting_ends_the_processes_and_what_is_under_way_is_answered(
    hosting: Any, local_aws: Any
) -> None:
    """A request that runs while its endpoint is deleted still gets its answer."""
    before = {process.pid for process in processes_of(local_aws)}
    endpoint = hosting.serve("deleted")
    container = {process.pid for process in processes_of(local_aws)} - before
    assert len(container) == 1
    answers = []
    slow = threading.Thread(
        target=lambda: answers.append(hosting.command(endpoint, "version", sleep=1)["Body"].read())
    )
    slow.start()
    time.sleep(0.3)
    hosting.remove(endpoint)
    slow.join()
    assert answers == [b"deleted"]
    assert not any(psutil.pid_exists(pid) for pid in container)
    with pytest.raises(ClientError, match="Could not find endpoint"):
        hosting.api.describe_endpoint(EndpointName=endpoint)


def test_a_request_is_not_cut_off_by_scaling_in(hosting: Any) -> None:
    """An instance that leaves finishes the request that it has, instead of passing it on."""
    endpoint = hosting.serve(
        "leaving",
        InitialInstanceCount=2,
        RoutingConfig={"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
    )
    answers: set[bytes] = set()

    def ask() -> None:
        answers.add(hosting.command(endpoint, "pid", sleep=1)["Body"].read())

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    hosting.api.update_endpoint_weights_and_capacities(
        EndpointName=endpoint,
        DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 1}],
    )
    for thread in threads:
        thread.join()
    assert len(answers) == 2
    hosting.wait(endpoint, "InService")
