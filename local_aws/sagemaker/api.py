"""SageMaker's operations over HTTP: those of hosting, and those that moto lacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import camelcase_to_underscores
from moto.sagemaker.responses import SageMakerResponse

from local_aws.sagemaker import packages
from local_aws.sagemaker.backend import LiveSageMakerBackend
from local_aws.sagemaker.components import Components
from local_aws.sagemaker.components_api import ComponentOperations
from local_aws.sagemaker.description import describe
from local_aws.sagemaker.errors import ValidationException
from local_aws.sagemaker.hosting import Hosting
from local_aws.sagemaker.records import ModelRecord
from local_aws.sagemaker.validation import validate

_PAGE = 100


class LiveSageMakerResponse(ComponentOperations, SageMakerResponse):
    """moto's responses with the operations of hosting replaced."""

    @property
    def _backend(self) -> LiveSageMakerBackend:
        return cast(LiveSageMakerBackend, self.sagemaker_backend)

    @property
    def _hosting(self) -> Hosting:
        return self._backend.hosting

    @property
    def _components(self) -> Components:
        return self._hosting.components

    def _request(self) -> dict[str, Any]:
        """The request's parameters, judged by the service model."""
        request = {key: value for key, value in self.params.items() if value is not None}
        validate(self._get_action(), request)
        return request

    def call_action(self) -> Any:
        """Refuse an operation that nobody implements, by its name."""
        name = self._get_action() or ""
        if not hasattr(self, camelcase_to_underscores(name)):
            error = ValidationException(f"The local AWS does not implement sagemaker:{name}.")
            return self.serialized(ActionResult(error))
        return super().call_action()

    def create_model(self) -> ActionResult:
        """CreateModel."""
        return ActionResult({"ModelArn": self._hosting.create_model(self._request()).arn})

    def describe_model(self) -> ActionResult:
        """DescribeModel."""
        model = self._hosting.model(self._request()["ModelName"])
        return ActionResult(model.response_object)

    def list_models(self) -> ActionResult:
        """ListModels, the newest first unless asked otherwise."""
        request = self._request()
        models = [model for model in self._hosting.models.values() if _selected(model, request)]
        by_name = request.get("SortBy") == "Name"
        models.sort(
            key=lambda model: model.model_name if by_name else model.creation_time.isoformat(),
            reverse=request.get("SortOrder", "Descending") == "Descending",
        )
        start = int(request.get("NextToken") or 0)
        end = start + int(request.get("MaxResults") or _PAGE)
        answer: dict[str, Any] = {"Models": [model.summary() for model in models[start:end]]}
        if end < len(models):
            answer["NextToken"] = str(end)
        return ActionResult(answer)

    def delete_model(self) -> ActionResult:
        """DeleteModel."""
        self._hosting.delete_model(self._request()["ModelName"])
        return EmptyResult()

    def create_endpoint_config(self) -> ActionResult:
        """CreateEndpointConfig."""
        config = self._hosting.create_endpoint_config(self._request())
        return ActionResult({"EndpointConfigArn": config.arn})

    def describe_endpoint_config(self) -> ActionResult:
        """DescribeEndpointConfig."""
        config = self._hosting.config(self._request()["EndpointConfigName"])
        return ActionResult(config.response_object)

    def delete_endpoint_config(self) -> ActionResult:
        """DeleteEndpointConfig."""
        self._hosting.delete_endpoint_config(self._request()["EndpointConfigName"])
        return EmptyResult()

    def create_endpoint(self) -> ActionResult:
        """CreateEndpoint."""
        return ActionResult({"EndpointArn": self._hosting.create_endpoint(self._request()).arn})

    def describe_endpoint(self) -> ActionResult:
        """DescribeEndpoint."""
        endpoint = self._hosting.endpoint(self._request()["EndpointName"])
        return ActionResult(describe(endpoint))

    def update_endpoint(self) -> ActionResult:
        """UpdateEndpoint."""
        return ActionResult({"EndpointArn": self._hosting.update_endpoint(self._request()).arn})

    def update_endpoint_weights_and_capacities(self) -> ActionResult:
        """UpdateEndpointWeightsAndCapacities."""
        endpoint = self._hosting.update_endpoint_weights_and_capacities(self._request())
        return ActionResult({"EndpointArn": endpoint.arn})

    def delete_endpoint(self) -> ActionResult:
        """DeleteEndpoint."""
        self._hosting.delete_endpoint(self._request()["EndpointName"])
        return EmptyResult()

    def delete_model_package(self) -> ActionResult:
        """DeleteModelPackage."""
        packages.delete_model_package(self._backend, self._request()["ModelPackageName"])
        return EmptyResult()

    def delete_model_package_group(self) -> ActionResult:
        """DeleteModelPackageGroup."""
        name = self._request()["ModelPackageGroupName"]
        packages.delete_model_package_group(self._backend, name)
        return EmptyResult()

    def put_model_package_group_policy(self) -> ActionResult:
        """PutModelPackageGroupPolicy."""
        request = self._request()
        arn = packages.group_arn(self._backend, request["ModelPackageGroupName"])
        self._backend.group_policies[arn] = request["ResourcePolicy"]
        return ActionResult({"ModelPackageGroupArn": arn})

    def get_model_package_group_policy(self) -> ActionResult:
        """GetModelPackageGroupPolicy."""
        name = self._request()["ModelPackageGroupName"]
        return ActionResult({"ResourcePolicy": packages.group_policy(self._backend, name)})

    def delete_model_package_group_policy(self) -> ActionResult:
        """DeleteModelPackageGroupPolicy."""
        arn = packages.group_arn(self._backend, self._request()["ModelPackageGroupName"])
        self._backend.group_policies.pop(arn, None)
        return EmptyResult()


def _selected(model: ModelRecord, request: Mapping[str, Any]) -> bool:
    after, before = request.get("CreationTimeAfter"), request.get("CreationTimeBefore")
    return (
        request.get("NameContains", "") in model.model_name
        and (after is None or model.creation_time > after)
        and (before is None or model.creation_time < before)
    )
