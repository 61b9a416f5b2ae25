"""What SageMaker asks of Application Auto Scaling about an endpoint's variants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from local_aws.cloud import Cloud
from local_aws.sagemaker.endpoint import Endpoint
from local_aws.sagemaker.errors import ValidationException
from local_aws.sagemaker.records import EndpointConfigRecord


def _targets(cloud: Cloud, prefix: str) -> Iterator[Mapping[str, Any]]:
    """The scalable targets whose resource id begins so."""
    client = cloud.client("application-autoscaling")
    pages = client.get_paginator("describe_scalable_targets").paginate(ServiceNamespace="sagemaker")
    for page in pages:
        yield from (
            target for target in page["ScalableTargets"] if target["ResourceId"].startswith(prefix)
        )


def check_update(cloud: Cloud, endpoint: Endpoint, config: EndpointConfigRecord) -> None:
    """Refuse an update that takes a scaled variant away or gives it another instance type.

    See https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-update.html.

    Raises:
        ValidationException: it does.
    """
    old = {found["VariantName"]: found.get("InstanceType") for found in endpoint.config.variants}
    new = {found["VariantName"]: found.get("InstanceType") for found in config.variants}
    changed = {name for name in old if old[name] != new.get(name)}
    if not changed:
        return
    scaled = {
        target["ResourceId"].rsplit("/", 1)[-1]
        for target in _targets(cloud, f"endpoint/{endpoint.endpoint_name}/variant/")
    }
    if names := sorted(changed & scaled):
        listed = ", ".join(names)
        raise ValidationException(
            f'The variant(s) "{listed}" must be deregistered as scalable targets with AWS Auto '
            f"Scaling before they can be removed or have their instance type changed. Call the "
            f"DeregisterScalableTarget API."
        )


def deregister(cloud: Cloud, endpoint_name: str) -> None:
    """Deregister every scalable target of an endpoint; its policies go with it."""
    _deregister(cloud, list(_targets(cloud, f"endpoint/{endpoint_name}/variant/")))


def deregister_component(cloud: Cloud, name: str) -> None:
    """Deregister the scalable target of an inference component; its policies go with it."""
    resource = f"inference-component/{name}"
    found = [one for one in _targets(cloud, resource) if one["ResourceId"] == resource]
    _deregister(cloud, found)


def _deregister(cloud: Cloud, targets: Sequence[Mapping[str, Any]]) -> None:
    client = cloud.client("application-autoscaling")
    for target in targets:
        client.deregister_scalable_target(
            ServiceNamespace="sagemaker",
            ResourceId=target["ResourceId"],
            ScalableDimension=target["ScalableDimension"],
        )
