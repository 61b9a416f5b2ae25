"""SageMaker's view of a template: endpoints with their variants, and what scales them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from inference_rules.template import Resource, Template, dig, known, mappings, number

CONFIG = "AWS::SageMaker::EndpointConfig"
ENDPOINT = "AWS::SageMaker::Endpoint"
MODEL = "AWS::SageMaker::Model"
SCALABLE_TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
SCALING_POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"
OWNED_SCALING = "Custom::EndpointScaling"

_RESOURCE_ID = re.compile(r"endpoint/(?P<endpoint>.+)/variant/(?P<variant>.+)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A production or shadow variant of a config.

    Attributes:
        name: its name.
        path: where it stands in the config, such as `Properties/ProductionVariants/0`.
        properties: as declared.
    """

    name: str
    path: str
    properties: Mapping[str, Any]

    def get(self, *path: str | int) -> Any:
        """Goes down the properties; None if it is not there."""
        return dig(self.properties, *path)

    @property
    def instance_type(self) -> str | None:
        """The type, if it is known."""
        given = self.get("InstanceType")
        return given if known(given) else None

    @property
    def count(self) -> float | None:
        """The initial number of instances, if it is known."""
        return number(self.get("InitialInstanceCount"))

    @property
    def serverless(self) -> bool:
        """Whether it has no instances."""
        return self.get("ServerlessConfig") is not None

    @property
    def weight(self) -> float | None:
        """Its share before it is set in proportion, if it is known; 1 by default."""
        given = self.get("InitialVariantWeight")
        return 1.0 if given is None else number(given)


Kind = Literal["ProductionVariants", "ShadowProductionVariants"]


def variants(config: Resource | None, kind: Kind = "ProductionVariants") -> list[Variant]:
    """Lists the variants of a config.

    Args:
        config: an endpoint config, or None if it is not in the template.
        kind: which of the two lists.
    """
    found = []
    given = None if config is None else config.get(kind)
    for index, properties in enumerate(given if isinstance(given, list) else []):
        if isinstance(properties, Mapping):
            name = str(properties.get("VariantName"))
            path = f"Properties/{kind}/{index}"
            found.append(Variant(name=name, path=path, properties=properties))
    return found


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An endpoint and what the template knows of its config.

    Attributes:
        resource: the endpoint.
        name: the text that stands for its name.
        config: its config, or None if that is elsewhere.
        variants: the production variants.
    """

    resource: Resource
    name: str
    config: Resource | None
    variants: list[Variant]

    @property
    def retains(self) -> frozenset[str]:
        """The variant properties that an update keeps as they are by then."""
        if str(self.resource.get("RetainAllVariantProperties")).lower() != "true":
            return frozenset()
        excluded = {
            str(entry.get("VariantPropertyType"))
            for entry in self.resource.mappings("ExcludeRetainedVariantProperties")
        }
        return frozenset({"DesiredInstanceCount", "DesiredWeight"} - excluded)

    @property
    def is_async(self) -> bool:
        """Whether it takes its requests from a queue."""
        return self.config is not None and self.config.get("AsyncInferenceConfig") is not None


def endpoints(template: Template) -> list[Endpoint]:
    """Lists the endpoints of a template."""
    found = []
    for resource in template.of_type(ENDPOINT):
        config = template.find(CONFIG, resource.get("EndpointConfigName"))
        found.append(
            Endpoint(
                resource=resource,
                name=template.name(resource),
                config=config,
                variants=variants(config),
            )
        )
    return found


@dataclass(frozen=True, kw_only=True)
class Target:
    """A variant that is registered with Application Auto Scaling.

    Attributes:
        resource: what registers it.
        path: where it stands there.
        owned: whether a function registers it, which withdraws it when the variant changes.
        endpoint: the endpoint's name.
        variant: the variant's name.
        properties: of the scalable target.
        policies: the properties of its scaling policies.
    """

    resource: Resource
    path: str
    owned: bool
    endpoint: str
    variant: str
    properties: Mapping[str, Any]
    policies: list[Mapping[str, Any]]

    @property
    def least(self) -> float | None:
        """The minimum capacity, if it is known."""
        return number(self.properties.get("MinCapacity"))

    @property
    def most(self) -> float | None:
        """The maximum capacity, if it is known."""
        return number(self.properties.get("MaxCapacity"))

    @property
    def counts_instances(self) -> bool:
        """Whether it is instances that it scales, and not concurrency or copies."""
        return self.properties.get("ScalableDimension") == "sagemaker:variant:DesiredInstanceCount"


def targets(template: Template) -> list[Target]:
    """Lists the scalable targets of variants, CloudFormation's own and those of a function."""
    found = []
    for resource in template.of_type(SCALABLE_TARGET):
        target = _target(resource, "Properties", resource.properties, owned=False, policies=[])
        if target is not None:
            target.policies.extend(_policies(template, target))
            found.append(target)
    for resource in template.of_type(OWNED_SCALING):
        for index, properties in enumerate(resource.mappings("ScalableTargets")):
            path = f"Properties/ScalableTargets/{index}"
            policies = mappings(properties.get("ScalingPolicies"))
            target = _target(resource, path, properties, owned=True, policies=policies)
            if target is not None:
                found.append(target)
    return found


def target_of(template: Template, endpoint: Endpoint, variant: str) -> Target | None:
    """Finds what scales the instances of a variant."""
    for target in targets(template):
        names = (endpoint.name, f"${{{endpoint.resource.logical_id}}}")
        if target.endpoint in names and target.variant == variant:
            return target
    return None


def smallest_fleet(template: Template, endpoint: Endpoint, variant: Variant) -> float | None:
    """Says how few instances a variant may have, if that is known."""
    target = target_of(template, endpoint, variant.name)
    counts = [variant.count, None if target is None else target.least]
    return min((count for count in counts if count is not None), default=None)


def largest_fleet(template: Template, endpoint: Endpoint, variant: Variant) -> float | None:
    """Says how many instances a variant may have, if that is known."""
    target = target_of(template, endpoint, variant.name)
    counts = [variant.count, None if target is None else target.most]
    return max((count for count in counts if count is not None), default=None)


def _target(
    resource: Resource,
    path: str,
    properties: Mapping[str, Any],
    *,
    owned: bool,
    policies: list[Mapping[str, Any]],
) -> Target | None:
    match = _RESOURCE_ID.fullmatch(str(properties.get("ResourceId")))
    if match is None:
        return None
    return Target(
        resource=resource,
        path=path,
        owned=owned,
        endpoint=match["endpoint"],
        variant=match["variant"],
        properties=properties,
        policies=policies,
    )


def _policies(template: Template, target: Target) -> list[Mapping[str, Any]]:
    return [
        policy.properties
        for policy in template.of_type(SCALING_POLICY)
        if policy.get("ScalingTargetId") == f"${{{target.resource.logical_id}}}"
        or policy.get("ResourceId") == target.properties.get("ResourceId")
    ]
