"""The operations on inference components over HTTP."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from moto.core.responses import ActionResult, EmptyResult

from local_aws.sagemaker.components import Components

_PAGE = 100


class ComponentOperations(ABC):
    """A part of SageMaker's responses."""

    @property
    @abstractmethod
    def _components(self) -> Components:
        """The components of the caller's account and region."""

    @abstractmethod
    def _request(self) -> dict[str, Any]:
        """The request's parameters, judged by the service model."""

    def create_inference_component(self) -> ActionResult:
        """CreateInferenceComponent."""
        return _arn(self._components.create(self._request()).arn)

    def describe_inference_component(self) -> ActionResult:
        """DescribeInferenceComponent."""
        name = self._request()["InferenceComponentName"]
        return ActionResult(self._components.find(name).describe())

    def update_inference_component(self) -> ActionResult:
        """UpdateInferenceComponent."""
        return _arn(self._components.update(self._request()).arn)

    def update_inference_component_runtime_config(self) -> ActionResult:
        """UpdateInferenceComponentRuntimeConfig."""
        return _arn(self._components.update_runtime_config(self._request()).arn)

    def delete_inference_component(self) -> ActionResult:
        """DeleteInferenceComponent."""
        self._components.delete(self._request()["InferenceComponentName"])
        return EmptyResult()

    def list_inference_components(self) -> ActionResult:
        """ListInferenceComponents, the newest first unless asked otherwise."""
        request = self._request()
        found = self._components.listed(request)
        start = int(request.get("NextToken") or 0)
        end = start + int(request.get("MaxResults") or _PAGE)
        answer: dict[str, Any] = {
            "InferenceComponents": [one.summary() for one in found[start:end]]
        }
        if end < len(found):
            answer["NextToken"] = str(end)
        return ActionResult(answer)


def _arn(arn: str) -> ActionResult:
    return ActionResult({"InferenceComponentArn": arn})
