"""Endpoints that scale have less after hours, without being deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import time
from typing import Any

import pytest
from aws_cdk import Stack, TimeZone

from inference_constructs import (
    BusinessHours,
    ComputeRequirements,
    InferenceComponent,
    InferenceComponentEndpoint,
    InferenceModel,
    ManagedFleet,
    Notifications,
    OfficeHours,
    Scaling,
    TargetTracking,
)

pytestmark = pytest.mark.long


@pytest.fixture
def office(new_office: Callable[[str], Any]) -> Iterator[Any]:
    """A stack that is not deployed yet, and is gone afterwards."""
    found = new_office("capacity")
    yield found
    assert found.at_rest(found.begin_to_destroy()) == "DELETE_COMPLETE"


def test_a_fleet_shrinks_after_hours_and_grows_before_the_next(office: Any, code: Any) -> None:
    """It serves all the while; later in the evening it may grow again under load."""
    status = office.deploy(code(minimum=2, closed_capacity=1))
    assert status == "CREATE_COMPLETE", office.failures()
    resource = f"endpoint/{office.endpoint}/variant/AllTraffic"
    api = office.aws.client("sagemaker")

    def instances() -> int:
        described = api.describe_endpoint(EndpointName=office.endpoint)
        count: int = described["ProductionVariants"][0]["CurrentInstanceCount"]
        return count

    def bounds() -> tuple[int, int]:
        (target,) = office.scaling()["targets"]
        return target["MinCapacity"], target["MaxCapacity"]

    office.act(resource, "OfficeHoursOpening")
    office.until(lambda: (instances(), bounds()) == (2, (2, 3)))
    office.act(resource, "OfficeHoursClosing")
    office.until(lambda: instances() == 1)
    assert bounds() == (1, 1)
    assert office.answer() == "1"
    office.act(resource, "OfficeHoursFreed")
    office.until(lambda: bounds() == (1, 3))
    office.act(resource, "OfficeHoursOpening")
    office.until(lambda: instances() == 2)
    assert bounds() == (2, 3)


def test_components_go_to_zero_after_hours_and_come_back(office: Any, code: Any) -> None:
    """Their instances go with them, and the endpoint stays."""
    names: list[str] = []

    def define(stack: Stack, deployed: Any) -> None:
        model = InferenceModel(stack, "Model", artifact=office.artifact(deployed))
        policies = [TargetTracking.invocations_per_copy(600)]
        endpoint = InferenceComponentEndpoint(
            stack,
            "Endpoint",
            endpoint_name=office.endpoint,
            fleet=ManagedFleet(instance_type="ml.c5.4xlarge", max_instances=2),
            components=[
                InferenceComponent(
                    name="Shop",
                    model=model,
                    requirements=ComputeRequirements(memory_mb=512, cpus=1),
                    scaling=Scaling(min_capacity=1, max_capacity=2, policies=policies),
                )
            ],
        )
        OfficeHours(
            stack,
            "OfficeHours",
            endpoint=endpoint,
            hours=BusinessHours(opens=time(7), closes=time(19), time_zone=TimeZone.EUROPE_ZURICH),
            notifications=Notifications(stack, "Told", encryption=endpoint.encryption),
        )
        names.append(endpoint.component_name())

    assert office.deploy(code(), define) == "CREATE_COMPLETE", office.failures()
    (name,) = names
    api = office.aws.client("sagemaker")

    def copies() -> int:
        described = api.describe_inference_component(InferenceComponentName=name)
        count: int = described["RuntimeConfig"]["CurrentCopyCount"]
        return count

    def instances() -> int:
        described = api.describe_endpoint(EndpointName=office.endpoint)
        count: int = described["ProductionVariants"][0]["CurrentInstanceCount"]
        return count

    # What is deployed after hours has what the schedules would have set by then.
    office.act(f"inference-component/{name}", "OfficeHoursOpening")
    office.until(lambda: (copies(), instances()) == (1, 1))
    office.act(f"inference-component/{name}", "OfficeHoursClosing")
    office.until(lambda: (copies(), instances()) == (0, 0))
    assert office.status() == "InService"
    office.act(f"inference-component/{name}", "OfficeHoursOpening")
    office.until(lambda: (copies(), instances()) == (1, 1))
    answer = office.aws.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=office.endpoint,
        InferenceComponentName=name,
        ContentType="text/csv",
        Body=b"1",
    )
    assert answer["Body"].read() == b"1"
