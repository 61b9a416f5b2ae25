"""What the account's quotas leave: a request that needs more is refused before anything begins.

AWS documents the quotas and the error, not how it counts. Here it counts as its messages say: what
is in use now, and what the request adds. A blue/green update adds the whole new fleet, which stands
beside the old one, and a rolling one a batch of it; a serverless variant adds what its concurrency
grows by.
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from local_aws.quotas.registry import (
    ENDPOINT,
    ENDPOINT_INSTANCES,
    QUOTAS,
    SERVERLESS_CONCURRENCY,
    TRANSFORM_INSTANCES,
    TRANSFORM_JOB,
    instances_of,
)
from local_aws.sagemaker.deployment_policy import DeploymentPolicy
from local_aws.sagemaker.endpoint import Endpoint
from local_aws.sagemaker.errors import limit_exceeded
from local_aws.sagemaker.fleet import Fleet
from local_aws.sagemaker.serverless import ServerlessVariant
from local_aws.sagemaker.variant_fleet import VariantFleet


def check_fleet(
    endpoints: Iterable[Endpoint], fleet: Fleet, policy: DeploymentPolicy | None = None
) -> None:
    """Judge a fleet that is to start beside all that run.

    Args:
        endpoints: all of the account and region.
        fleet: the fleet, not started yet.
        policy: how it takes over from the one before; None for the first one of an endpoint.

    Raises:
        SagemakerClientError: a quota does not leave that much.
    """
    wanted = _instances(fleet)
    if policy is not None and policy.shifting == "ROLLING" and policy.step is not None:
        wanted = Counter({name: policy.step.instances(count) for name, count in wanted.items()})
    running = [one for endpoint in endpoints for one in endpoint.fleets()]
    _check(sum((_instances(one) for one in running), Counter()), wanted)
    # An update of a serverless variant has its new concurrency in the place of the old one.
    before = [
        one
        for endpoint in endpoints
        if policy is None or endpoint.endpoint_name != fleet.endpoint_name
        for one in endpoint.fleets()
    ]
    _refuse(
        SERVERLESS_CONCURRENCY,
        sum(_concurrency(one) for one in before),
        _concurrency(fleet),
        unit="",
    )


def check_change(
    endpoints: Iterable[Endpoint], fleet: Fleet, wanted: Iterable[Mapping[str, Any]]
) -> None:
    """Judge other counts of a fleet's variants, as UpdateEndpointWeightsAndCapacities asks.

    Args:
        endpoints: all of the account and region.
        fleet: the fleet.
        wanted: its DesiredWeightsAndCapacities.

    Raises:
        SagemakerClientError: a quota does not leave that much.
    """
    more: Counter[str] = Counter()
    for one in wanted:
        variant, count = fleet.members[one["VariantName"]], one.get("DesiredInstanceCount")
        if count is not None:
            grown = count - sum(_of_variant(variant).values())
            more[_first_type(variant)] += max(grown, 0)
    running = [found for endpoint in endpoints for found in endpoint.fleets()]
    _check(sum((_instances(found) for found in running), Counter()), more)


def check_job(running: Iterable[Mapping[str, Any]], resources: Mapping[str, Any]) -> None:
    """Judge the instances of a transform job.

    Args:
        running: the TransformResources of the jobs that have not ended.
        resources: those of the new one.

    Raises:
        SagemakerClientError: a quota does not leave that much.
    """
    used: Counter[str] = Counter()
    for one in running:
        used[one["InstanceType"]] += one["InstanceCount"]
    instance_type, count = resources["InstanceType"], resources["InstanceCount"]
    _refuse(instances_of(instance_type, TRANSFORM_JOB), used[instance_type], count)
    _refuse(TRANSFORM_INSTANCES, used.total(), count)


def _check(used: Counter[str], wanted: Counter[str]) -> None:
    for instance_type, count in wanted.items():
        _refuse(instances_of(instance_type, ENDPOINT), used[instance_type], count)
    _refuse(ENDPOINT_INSTANCES, used.total(), wanted.total())


def _refuse(quota: str, used: int, delta: int, *, unit: str = "Instances") -> None:
    most = QUOTAS[quota]
    if delta > 0 and used + delta > most:
        raise limit_exceeded(quota, most=most, used=used, delta=delta, unit=unit)


def _instances(fleet: Fleet) -> Counter[str]:
    """The instances of a fleet by type: as many as it has, or is to have."""
    return sum((_of_variant(variant) for variant in fleet.members.values()), Counter())


def _of_variant(variant: VariantFleet) -> Counter[str]:
    if isinstance(variant, ServerlessVariant):
        return Counter()
    running = variant.shown()
    pools = running.get("InstancePools", ())
    found = Counter({pool["InstanceType"]: pool["CurrentInstanceCount"] for pool in pools})
    count = max(running["CurrentInstanceCount"], running["DesiredInstanceCount"])
    # Which pools the others will come from is known when they start.
    found[_first_type(variant)] += count - found.total()
    return +found


def _first_type(variant: VariantFleet) -> str:
    pools = sorted(variant.config.get("InstancePools", ()), key=lambda pool: pool["Priority"])
    return str(pools[0]["InstanceType"] if pools else variant.instance_type)


def _concurrency(fleet: Fleet) -> int:
    return sum(
        variant.capacity.maximum
        for variant in fleet.members.values()
        if isinstance(variant, ServerlessVariant)
    )
