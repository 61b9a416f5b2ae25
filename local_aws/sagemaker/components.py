"""The inference components of one account and region, and their operations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from local_aws.sagemaker import scaling
from local_aws.sagemaker.component import Component
from local_aws.sagemaker.component_rollout import check_batch
from local_aws.sagemaker.component_spec import ComponentSpec, specifications
from local_aws.sagemaker.deployment_policy import DeploymentPolicy, policy_of
from local_aws.sagemaker.endpoint import Endpoint
from local_aws.sagemaker.errors import ValidationException, existing, missing
from local_aws.sagemaker.host_fleet import Wanted

if TYPE_CHECKING:
    from local_aws.sagemaker.hosting import Hosting

Request = Mapping[str, Any]

_PAGE = (
    "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateInferenceComponent.html"
)


class Components:
    """What is deployed to endpoints without a model of their own."""

    def __init__(self, hosting: Hosting) -> None:
        self._hosting = hosting
        # By the name in lower case, as it stands in the ARN: two may not differ in case only.
        self._records: dict[str, Component] = {}

    def create(self, request: Request) -> Component:
        """CreateInferenceComponent: returns at once, the component is Creating."""
        name = request["InferenceComponentName"]
        arn = self._arn(name)
        if self.get(name) is not None:
            raise existing("inference component", arn)
        endpoint = self._hosting.endpoint(request["EndpointName"])
        variant = self._variant(endpoint, request.get("VariantName"))
        spec = self._spec(request, endpoint)
        copies = (request.get("RuntimeConfig") or {}).get("CopyCount")
        if not copies:
            given = "none" if copies is None else copies
            raise ValidationException(
                f"CopyCount must be at least 1 to create an inference component, got {given}. See "
                f"{_PAGE}"
            )
        self._check_endpoint(endpoint)
        component = Component(
            self._hosting.cloud,
            name=name,
            arn=arn,
            endpoint=endpoint,
            variant_name=variant,
            spec=spec,
            copies=copies,
            tags=list(request.get("Tags") or []),
        )
        # One step, so that of two requests at once one is refused.
        if self._records.setdefault(name.lower(), component) is not component:
            raise existing("inference component", arn)
        component.create()
        return component

    def get(self, name: str) -> Component | None:
        """The component of this name; None if there is none."""
        return self._records.get(name.lower())

    def find(self, name: str) -> Component:
        """The component of this name.

        Raises:
            ValidationException: there is none.
        """
        component = self.get(name)
        if component is None:
            raise missing("inference component", self._arn(name))
        return component

    def update(self, request: Request) -> Component:
        """UpdateInferenceComponent: returns at once, the component is Updating."""
        component = self.find(request["InferenceComponentName"])
        copies = (request.get("RuntimeConfig") or {}).get("CopyCount", component.desired)
        spec = None
        if request.get("Specification") or request.get("Specifications"):
            spec = self._spec(request, component.endpoint)
        deployment_config = request.get("DeploymentConfig")
        policy = DeploymentPolicy()
        if deployment_config:
            policy = policy_of(deployment_config)
            check_batch(policy.step, copies)
        self._check_endpoint(component.endpoint)
        component.update(spec, copies, policy, deployment_config)
        return component

    def update_runtime_config(self, request: Request) -> Component:
        """UpdateInferenceComponentRuntimeConfig: returns at once, the component is Updating."""
        component = self.find(request["InferenceComponentName"])
        self._check_endpoint(component.endpoint)
        component.scale(request["DesiredRuntimeConfig"]["CopyCount"])
        return component

    def delete(self, name: str) -> None:
        """DeleteInferenceComponent: returns at once; its scalable target goes with it."""
        component = self.find(name)
        component.delete(lambda: self._forget(component))
        scaling.deregister_component(self._hosting.cloud, component.name)

    def listed(self, request: Request) -> list[Component]:
        """Those that ListInferenceComponents asks for, in its order."""
        found = [one for one in list(self._records.values()) if _selected(one, request)]
        keys = {
            "Name": lambda one: one.name,
            "Status": lambda one: one.status,
            "CreationTime": lambda one: one.creation_time,
        }
        return sorted(
            found,
            key=keys[request.get("SortBy", "CreationTime")],
            reverse=request.get("SortOrder", "Descending") == "Descending",
        )

    def on(self, endpoint_name: str) -> list[Component]:
        """The components of an endpoint."""
        return [
            one
            for one in list(self._records.values())
            if one.endpoint.endpoint_name == endpoint_name
        ]

    def wanted(self, endpoint_name: str, variant_name: str) -> Iterable[Wanted]:
        """What a new fleet of an endpoint's variant is to run."""
        return [one.wanted for one in self.on(endpoint_name) if one.variant_name == variant_name]

    def check_update(self, endpoint_name: str, variants: Iterable[str]) -> None:
        """Refuse an update of an endpoint that its components would not survive.

        Raises:
            ValidationException: a component changes, or is on a variant that goes away.
        """
        names = set(variants)
        for component in self.on(endpoint_name):
            if not component.resting:
                raise ValidationException(
                    f'Cannot update endpoint while the inference component "{component.arn}" is '
                    f"{component.status}."
                )
            if component.variant_name not in names:
                raise ValidationException(
                    f"Cannot remove variant {component.variant_name}: it hosts the inference "
                    f'component "{component.arn}".'
                )

    def check_deletion(self, endpoint: Endpoint) -> None:
        """Refuse to delete an endpoint that hosts components.

        Raises:
            ValidationException: it does.
        """
        if names := sorted(one.name for one in self.on(endpoint.endpoint_name)):
            raise ValidationException(
                f'Cannot delete endpoint "{endpoint.arn}": it hosts the inference component(s) '
                f"{', '.join(names)}. Delete them first."
            )

    def _forget(self, component: Component) -> None:
        del self._records[component.name.lower()]

    def _arn(self, name: str) -> str:
        return self._hosting.arn("inference-component", name.lower())

    def _spec(self, request: Request, endpoint: Endpoint) -> ComponentSpec:
        given = specifications(request)
        for specification in given:
            if specification.get("ModelName"):
                self._hosting.servable_model(specification["ModelName"])
        role = endpoint.config.request.get("ExecutionRoleArn", "")
        return ComponentSpec(
            given=given, role_arn=role, several=bool(request.get("Specifications"))
        )

    @staticmethod
    def _variant(endpoint: Endpoint, name: str | None) -> str:
        variants = {one["VariantName"]: one for one in endpoint.config.variants}
        if name is None and len(variants) > 1:
            raise ValidationException(
                "VariantName is required for an endpoint with several variants."
            )
        chosen: str = next(iter(variants)) if name is None else name
        if chosen not in variants:
            raise ValidationException(
                f'The variant name(s) "{chosen}" is/are not present within endpoint configuration '
                f'"{endpoint.config.endpoint_config_name}".'
            )
        if variants[chosen].get("ModelName"):
            raise ValidationException(
                f"Inference components cannot be deployed to variant {chosen} of endpoint "
                f"{endpoint.endpoint_name}: it has a model. See {_PAGE}"
            )
        return chosen

    @staticmethod
    def _check_endpoint(endpoint: Endpoint) -> None:
        if endpoint.endpoint_status != "InService":
            raise ValidationException(
                f'Endpoint "{endpoint.arn}" must be InService to change its inference components, '
                f"it is {endpoint.endpoint_status}."
            )


def _selected(component: Component, request: Request) -> bool:
    return (
        request.get("NameContains", "") in component.name
        and request.get("StatusEquals") in {None, component.status}
        and request.get("EndpointNameEquals") in {None, component.endpoint.endpoint_name}
        and request.get("VariantNameEquals") in {None, component.variant_name}
        and _within(component.creation_time, request, "CreationTime")
        and _within(component.last_modified_time, request, "LastModifiedTime")
    )


def _within(at: Any, request: Request, name: str) -> bool:
    after, before = request.get(f"{name}After"), request.get(f"{name}Before")
    return (after is None or at > after) and (before is None or at < before)
