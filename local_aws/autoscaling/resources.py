"""What can be scaled here: how much of it there is, and how to ask SageMaker for another amount.

The dimensions are those of
https://docs.aws.amazon.com/autoscaling/application/userguide/services-that-can-integrate-sagemaker.html.
"""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from botocore.exceptions import ClientError, ParamValidationError
from moto.applicationautoscaling.exceptions import AWSValidationException

from local_aws.cloud import Cloud

POLL_SECONDS = 0.2
GUIDE = "https://docs.aws.amazon.com/sagemaker/latest/dg"


class ResourceError(Exception):
    """SageMaker refused or failed the change."""


@dataclass(frozen=True)
class Scalable(ABC):
    """One scalable dimension of one resource.

    Attributes:
        dimension: as Application Auto Scaling names it.
        pattern: what its resource ids look like.
        unit: what is counted, as scaling activities call it.
        cloud: the local AWS.
        resource_id: as Application Auto Scaling names the resource.
    """

    dimension: ClassVar[str]
    pattern: ClassVar[str]
    unit: ClassVar[str]

    cloud: Cloud
    resource_id: str

    @abstractmethod
    def check(self, minimum: int) -> None:
        """Refuse to register what does not exist or cannot be scaled to ``minimum``.

        Raises:
            AWSValidationException: as the service words it.
        """

    @abstractmethod
    def describe(self) -> Mapping[str, Any] | None:
        """The resource; None if it does not exist."""

    @abstractmethod
    def status(self, found: Mapping[str, Any]) -> str:
        """What state a described resource is in."""

    @abstractmethod
    def desired(self, found: Mapping[str, Any]) -> int | None:
        """How much is asked for now; None if there is nothing of it."""

    @abstractmethod
    def current(self, found: Mapping[str, Any]) -> int | None:
        """How much there is now."""

    @abstractmethod
    def ask(self, amount: int) -> None:
        """Ask SageMaker for another amount."""

    @property
    def _sagemaker(self) -> Any:
        return self.cloud.client("sagemaker")

    def capacity(self) -> int | None:
        """The desired amount while the resource can be changed; None while it cannot."""
        found = self.describe()
        if found is None or self.status(found) != "InService":
            return None
        return self.desired(found)

    def set(self, amount: int) -> None:
        """Ask for an amount and return when the resource has it.

        Raises:
            ResourceError: SageMaker refuses, or the resource does not get there.
        """
        try:
            self.ask(amount)
        except (ClientError, ParamValidationError) as error:
            told = error.response["Error"]["Message"] if isinstance(error, ClientError) else error
            raise ResourceError(str(told)) from error
        while True:
            found = self.describe()
            if found is None or self.status(found) in {"Deleting", "Failed"}:
                raise ResourceError(f"{self.resource_id} is gone or failed")
            if self.status(found) == "InService":
                break
            time.sleep(POLL_SECONDS)
        if self.current(found) != amount:
            raise ResourceError(found.get("FailureReason") or f"the {self.unit} was not reached")


class _OfVariant(Scalable):
    """A dimension of an endpoint's variant, by the id ``endpoint/NAME/variant/NAME``."""

    pattern = "endpoint/[^/]+/variant/[^/]+"

    @property
    def _names(self) -> tuple[str, str]:
        _, endpoint, _, variant = self.resource_id.split("/")
        return endpoint, variant

    def describe(self) -> Mapping[str, Any] | None:
        """The endpoint."""
        try:
            found: Mapping[str, Any] = self._sagemaker.describe_endpoint(
                EndpointName=self._names[0]
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationException":
                return None
            raise
        return found

    def status(self, found: Mapping[str, Any]) -> str:
        """The endpoint's."""
        return str(found["EndpointStatus"])

    def _variant(self, found: Mapping[str, Any]) -> Mapping[str, Any]:
        variants = found.get("ProductionVariants") or ()
        return next((one for one in variants if one["VariantName"] == self._names[1]), {})

    def _configured(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """The endpoint's config, and what it says of the variant.

        Raises:
            AWSValidationException: there is no such endpoint or variant.
        """
        endpoint = self.describe()
        if endpoint is not None:
            config = self._sagemaker.describe_endpoint_config(
                EndpointConfigName=endpoint["EndpointConfigName"]
            )
            for configured in config["ProductionVariants"]:
                if configured["VariantName"] == self._names[1]:
                    return config, configured
        raise AWSValidationException(f"SageMaker variant doesn't exist: {self.resource_id}")

    def _adjust(self, change: Mapping[str, Any]) -> None:
        endpoint, variant = self._names
        self._sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=endpoint,
            DesiredWeightsAndCapacities=[{"VariantName": variant, **change}],
        )


class InstanceCount(_OfVariant):
    """The instances of a variant."""

    dimension = "sagemaker:variant:DesiredInstanceCount"
    unit = "desired instance count"

    def check(self, minimum: int) -> None:
        """Refuse serverless variants, burstable instances, and zero where requests are not queued.

        Raises:
            AWSValidationException: it is one of these, or does not exist.
        """
        config, variant = self._configured()
        endpoint, name = self._names
        if "ServerlessConfig" in variant:
            raise AWSValidationException(
                f"Scalable dimension {self.dimension} is not supported for the serverless variant "
                f"{name} of endpoint {endpoint}"
            )
        kind = variant.get("InstanceType", "")
        if kind.startswith("ml.t2."):
            raise AWSValidationException(
                f"Instance type {kind} of variant {name} does not support automatic scaling: "
                "burstable instances are not supported"
            )
        if minimum < 1 and "AsyncInferenceConfig" not in config:
            raise AWSValidationException(
                "Minimum capacity must be at least 1 for a variant of a real-time endpoint, got "
                f"{minimum}. See {GUIDE}/endpoint-auto-scaling-prerequisites.html."
            )

    def desired(self, found: Mapping[str, Any]) -> int | None:
        """Instances that are wanted."""
        return self._variant(found).get("DesiredInstanceCount")

    def current(self, found: Mapping[str, Any]) -> int | None:
        """Instances in service."""
        return self._variant(found).get("CurrentInstanceCount")

    def ask(self, amount: int) -> None:
        """Ask for so many instances."""
        self._adjust({"DesiredInstanceCount": amount})


class ProvisionedConcurrency(_OfVariant):
    """The provisioned concurrency of a serverless variant."""

    dimension = "sagemaker:variant:DesiredProvisionedConcurrency"
    unit = "desired provisioned concurrency"

    def check(self, minimum: int) -> None:
        """Refuse a variant that has no provisioned concurrency.

        Raises:
            AWSValidationException: it has none, or does not exist.
        """
        del minimum
        _, variant = self._configured()
        if not (variant.get("ServerlessConfig") or {}).get("ProvisionedConcurrency"):
            raise AWSValidationException(
                f"Scalable dimension {self.dimension} needs a serverless variant with "
                f"ProvisionedConcurrency: {self.resource_id} has none. See "
                f"{GUIDE}/serverless-endpoints-autoscale.html."
            )

    def desired(self, found: Mapping[str, Any]) -> int | None:
        """Provisioned concurrency that is wanted."""
        variant = self._variant(found)
        wanted = variant.get("DesiredServerlessConfig") or variant.get("CurrentServerlessConfig")
        return None if wanted is None else int(wanted.get("ProvisionedConcurrency", 0))

    def current(self, found: Mapping[str, Any]) -> int | None:
        """Provisioned concurrency that stands ready."""
        present = self._variant(found).get("CurrentServerlessConfig") or {}
        return int(present.get("ProvisionedConcurrency", 0))

    def ask(self, amount: int) -> None:
        """Ask for so much provisioned concurrency."""
        self._adjust({"ServerlessUpdateConfig": {"ProvisionedConcurrency": amount}})


class CopyCount(Scalable):
    """The copies of an inference component, by the id ``inference-component/NAME``."""

    dimension = "sagemaker:inference-component:DesiredCopyCount"
    pattern = "inference-component/[^/]+"
    unit = "desired copy count"

    @property
    def _name(self) -> str:
        return self.resource_id.split("/", 1)[1]

    def check(self, minimum: int) -> None:
        """Refuse a component that does not exist; zero copies are allowed.

        Raises:
            AWSValidationException: it does not exist.
        """
        del minimum
        if self.describe() is None:
            raise AWSValidationException(
                f"SageMaker inference component doesn't exist: {self.resource_id}"
            )

    def describe(self) -> Mapping[str, Any] | None:
        """The component."""
        try:
            found: Mapping[str, Any] = self._sagemaker.describe_inference_component(
                InferenceComponentName=self._name
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in {"ValidationException", "ResourceNotFound"}:
                return None
            raise
        return found

    def status(self, found: Mapping[str, Any]) -> str:
        """The component's."""
        return str(found["InferenceComponentStatus"])

    def desired(self, found: Mapping[str, Any]) -> int | None:
        """Copies that are wanted."""
        return (found.get("RuntimeConfig") or {}).get("DesiredCopyCount")

    def current(self, found: Mapping[str, Any]) -> int | None:
        """Copies in service."""
        return (found.get("RuntimeConfig") or {}).get("CurrentCopyCount")

    def ask(self, amount: int) -> None:
        """Ask for so many copies."""
        self._sagemaker.update_inference_component_runtime_config(
            InferenceComponentName=self._name, DesiredRuntimeConfig={"CopyCount": amount}
        )


KINDS: Mapping[str, type[Scalable]] = {
    kind.dimension: kind for kind in (InstanceCount, ProvisionedConcurrency, CopyCount)
}


def scalable(cloud: Cloud, dimension: str, resource_id: str) -> Scalable | None:
    """What a target scales; None for what exists on AWS only: its target is kept, nothing more.

    Raises:
        AWSValidationException: the dimension is not one of such a resource.
    """
    kind = KINDS.get(dimension)
    if kind is None:
        return None
    if not re.fullmatch(kind.pattern, resource_id):
        raise AWSValidationException(
            "Unsupported service namespace, resource type or scalable dimension"
        )
    return kind(cloud, resource_id)
