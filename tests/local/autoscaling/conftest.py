"""An endpoint that answers anything, cheap enough to have several instances of."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass(frozen=True)
class Variant:
    """A variant of an endpoint in service."""

    local_aws: Any
    endpoint: str
    resource: dict[str, str]

    def counts(self) -> tuple[int, int]:
        """Current and desired instances."""
        found = self.local_aws.client("sagemaker").describe_endpoint(EndpointName=self.endpoint)
        assert found["EndpointStatus"] != "Failed", found["FailureReason"]
        if "ProductionVariants" not in found:
            return 0, 0
        (variant,) = found["ProductionVariants"]
        return variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]

    def wait_for(self, count: int, *, seconds: float = 60) -> None:
        """Wait until so many instances are in service."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.counts() == (count, count):
                return
            time.sleep(0.2)
        raise AssertionError(f"expected {count} instances, there are {self.counts()}")

    @functools.cached_property
    def _runtime(self) -> Any:
        return self.local_aws.client("sagemaker-runtime")

    def invoke(self) -> None:
        """Predict."""
        self._runtime.invoke_endpoint(EndpointName=self.endpoint, ContentType="text/csv", Body=b"1")

    def activities(self) -> list[dict[str, Any]]:
        """Scaling activities, the newest first."""
        found: list[dict[str, Any]] = self.local_aws.client(
            "application-autoscaling"
        ).describe_scaling_activities(**self.resource)["ScalingActivities"]
        return found


@pytest.fixture(scope="module")
def make_variant(
    local_aws: Any, make_echo_model: Callable[[str], None]
) -> Iterator[Callable[..., Variant]]:
    """Makes endpoints of one variant, ``all``; removes them at the end."""
    api = local_aws.client("sagemaker")
    names: list[str] = []

    def make(
        name: str,
        *,
        count: int = 1,
        kind: str = "ml.m5.large",
        serverless: dict[str, int] | None = None,
        dimension: str = "sagemaker:variant:DesiredInstanceCount",
    ) -> Variant:
        make_echo_model(name)
        capacity: dict[str, Any] = {"InstanceType": kind, "InitialInstanceCount": count}
        if serverless is not None:
            capacity = {"ServerlessConfig": serverless}
        variant = {"VariantName": "all", "ModelName": name, **capacity}
        api.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        api.create_endpoint(EndpointName=name, EndpointConfigName=name)
        names.append(name)
        resource = {
            "ServiceNamespace": "sagemaker",
            "ResourceId": f"endpoint/{name}/variant/all",
            "ScalableDimension": dimension,
        }
        made = Variant(local_aws, name, resource)
        if serverless is None:
            made.wait_for(count)
        else:
            api.get_waiter("endpoint_in_service").wait(
                EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 90}
            )
        return made

    yield make
    for name in names:
        api.delete_endpoint(EndpointName=name)
