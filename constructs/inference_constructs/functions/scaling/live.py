"""What is at the endpoint now."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_UNDER_WAY = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
_LONGEST_PAUSE = 15.0
_NOT_FOUND = "ValidationException"
_COMPONENT = "inference-component"


class EndpointMissing(Exception):
    """There is no endpoint that could be scaled."""


class Patience:
    """Waits, until the time is over.

    Args:
        seconds: how much time there is.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def pauses(self, subject: str) -> Any:
        """Yields after ever longer pauses.

        Args:
            subject: what is waited for, as the error names it.

        Raises:
            TimeoutError: the time is over.
        """
        pause = 0.5
        while time.monotonic() + pause < self._end:
            yield
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        raise TimeoutError(f"{subject} took too long: deploy again when it has ended")


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An endpoint with nothing under way, or none.

    Attributes:
        shapes: instance types by resource id; empty without an endpoint.
        in_service: whether it serves.
        sagemaker: a boto3 client.
    """

    shapes: Mapping[str, str]
    in_service: bool
    sagemaker: Any

    @classmethod
    def settled(cls, sagemaker: Any, name: str, patience: Patience) -> Endpoint:
        """The endpoint, when whatever is under way has ended.

        Args:
            sagemaker: a boto3 client.
            name: the endpoint.
            patience: how long that may take.

        Raises:
            TimeoutError: it took longer.
        """
        for _ in patience.pauses(f"what is under way at the endpoint {name}"):
            found = _described(sagemaker.describe_endpoint, EndpointName=name)
            if found is None:
                break
            if found["EndpointStatus"] not in _UNDER_WAY:
                return cls(
                    shapes=_shapes(sagemaker, name, found["EndpointConfigName"]),
                    in_service=found["EndpointStatus"] == "InService",
                    sagemaker=sagemaker,
                )
        return cls(shapes={}, in_service=False, sagemaker=sagemaker)

    def shape_of(self, resource_id: str) -> str | None:
        """What a resource is now; None if it is not there.

        Args:
            resource_id: a variant or an inference component.
        """
        kind, _, name = resource_id.partition("/")
        if kind != _COMPONENT:
            return self.shapes.get(resource_id)
        found = _described(self.sagemaker.describe_inference_component, InferenceComponentName=name)
        return None if found is None else _COMPONENT


def _shapes(sagemaker: Any, name: str, config_name: str) -> dict[str, str]:
    config = sagemaker.describe_endpoint_config(EndpointConfigName=config_name)
    return {
        f"endpoint/{name}/variant/{variant['VariantName']}": _shape(variant)
        for variant in config["ProductionVariants"]
    }


def _shape(variant: Mapping[str, Any]) -> str:
    if "ServerlessConfig" in variant:
        return "serverless"
    if pools := variant.get("InstancePools"):
        return ",".join(pool["InstanceType"] for pool in pools)
    return str(variant.get("InstanceType", ""))


def _described(describe: Any, **name: str) -> Mapping[str, Any] | None:
    """What SageMaker knows of something; it has no error of its own for what it does not know."""
    try:
        found: Mapping[str, Any] = describe(**name)
    except describe.__self__.exceptions.ClientError as error:
        told = error.response["Error"]
        if told["Code"] == _NOT_FOUND and "Could not find" in told["Message"]:
            return None
        raise
    return found
