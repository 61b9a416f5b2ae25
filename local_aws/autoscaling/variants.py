"""The instance count of an endpoint's variant, as Application Auto Scaling sees and sets it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from moto.applicationautoscaling.exceptions import AWSValidationException

from local_aws.cloud import Cloud

DIMENSION = "sagemaker:variant:DesiredInstanceCount"
POLL_SECONDS = 0.2


class ResourceError(Exception):
    """SageMaker refused or failed the change."""


@dataclass(frozen=True)
class Variant:
    """One variant of an endpoint, by the resource id ``endpoint/NAME/variant/NAME``."""

    cloud: Cloud
    resource_id: str

    @property
    def _names(self) -> tuple[str, str]:
        _, endpoint, _, variant = self.resource_id.split("/")
        return endpoint, variant

    def check(self, minimum: int) -> None:
        """Refuse a variant that does not exist or cannot be scaled.

        Raises:
            AWSValidationException: as the service words it.
        """
        endpoint, variant = self._names
        config = self._config()
        variants = [] if config is None else config["ProductionVariants"]
        configured = next((one for one in variants if one["VariantName"] == variant), None)
        if config is None or configured is None:
            raise AWSValidationException(f"SageMaker variant doesn't exist: {self.resource_id}")
        if "ServerlessConfig" in configured:
            raise AWSValidationException(
                f"Scalable dimension {DIMENSION} is not supported for the serverless variant "
                f"{variant} of endpoint {endpoint}"
            )
        kind = configured.get("InstanceType", "")
        if kind.startswith("ml.t2."):
            raise AWSValidationException(
                f"Instance type {kind} of variant {variant} does not support automatic scaling: "
                "burstable instances are not supported"
            )
        if minimum < 1 and "AsyncInferenceConfig" not in config:
            raise AWSValidationException(
                "Minimum capacity must be at least 1 for a variant of a real-time endpoint, "
                f"got {minimum}"
            )

    def describe(self) -> Any:
        """The endpoint; None if it does not exist."""
        try:
            return self.cloud.client("sagemaker").describe_endpoint(EndpointName=self._names[0])
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationException":
                return None
            raise

    def _config(self) -> Any:
        """The config of the endpoint; None if there is no endpoint."""
        endpoint = self.describe()
        if endpoint is None:
            return None
        return self.cloud.client("sagemaker").describe_endpoint_config(
            EndpointConfigName=endpoint["EndpointConfigName"]
        )

    def _described(self, endpoint: Any) -> Any:
        variants = endpoint.get("ProductionVariants") or ()
        return next((one for one in variants if one["VariantName"] == self._names[1]), None)

    def capacity(self) -> int | None:
        """The desired instance count while the endpoint can be changed; None while it cannot."""
        endpoint = self.describe()
        if endpoint is None or endpoint["EndpointStatus"] != "InService":
            return None
        variant = self._described(endpoint)
        return None if variant is None else int(variant["DesiredInstanceCount"])

    def set(self, count: int) -> None:
        """Ask for a count and return when the endpoint has it.

        Raises:
            ResourceError: SageMaker refuses, or the endpoint does not get there.
        """
        endpoint, variant = self._names
        try:
            self.cloud.client("sagemaker").update_endpoint_weights_and_capacities(
                EndpointName=endpoint,
                DesiredWeightsAndCapacities=[
                    {"VariantName": variant, "DesiredInstanceCount": count}
                ],
            )
        except ClientError as error:
            raise ResourceError(error.response["Error"]["Message"]) from error
        while True:
            found = self.describe()
            if found is None or found["EndpointStatus"] in {"Deleting", "Failed"}:
                raise ResourceError(f"the endpoint {endpoint} is gone or failed")
            if found["EndpointStatus"] == "InService":
                break
            time.sleep(POLL_SECONDS)
        described = self._described(found)
        if described is None or int(described["CurrentInstanceCount"]) != count:
            raise ResourceError(found.get("FailureReason") or "the count was not reached")
