"""What a deployment needs of the account's quotas: now, at its largest, and during an update."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from inference_ops.cost.batch import definition_of, find_jobs
from inference_ops.cost.capacity import mapping, mappings, whole
from inference_ops.cost.fleets import Fleet, Serverless, config_of, find_variants
from inference_ops.cost.rollout import instances_beside
from inference_ops.preflight.account import LiveEndpoint
from inference_ops.preflight.subject import Subject
from inference_rules.template import states
from sagemaker_prices import PriceTable

_STATE_MACHINE = "AWS::StepFunctions::StateMachine"
_RETAINED = "DesiredInstanceCount"


@dataclass(kw_only=True)
class Need:
    """What is needed of one quota.

    Attributes:
        now: what the deployment itself takes: a new fleet whole, of an update what stands beside
            the old fleet.
        most: what is there when everything is scaled out.
        beside: what an update of all that takes beside it.
        own: what the endpoints that are deployed use already.
        unknown: what of it only a deployment tells.
    """

    now: int = 0
    most: int = 0
    beside: int = 0
    own: int = 0
    unknown: list[str] = field(default_factory=list)


def hosting_needs(subject: Subject) -> dict[str, Need]:
    """What the endpoints need, by instance type.

    Args:
        subject: what is deployed.

    Raises:
        NotKnownError: what the account has may not be looked at.
    """
    found: dict[str, Need] = {}
    counted: set[str] = set()
    for fleet in find_variants(subject.model):
        if not isinstance(fleet, Fleet):
            continue
        name = subject.name_of(fleet.endpoint, "EndpointName")
        live = subject.account.endpoint(name)
        own = live if live is not None and subject.owns(fleet.endpoint, name) else None
        if own is not None and name is not None and name not in counted:
            counted.add(name)
            for instance_type, count in own.instances.items():
                found.setdefault(instance_type, Need()).own += count
        for instance_type in fleet.types or ("",):
            need = found.setdefault(instance_type, Need())
            if len(fleet.types) > 1:
                need.unknown.append(f"how many instances {fleet.variant} takes of each pool")
            else:
                _add(need, subject, fleet, own)
    return found


def serverless_need(subject: Subject) -> Need | None:
    """The concurrency that serverless variants need; None where there are none.

    Args:
        subject: what is deployed.

    Raises:
        NotKnownError: what the account has may not be looked at.
    """
    found = Need()
    variants = [each for each in find_variants(subject.model) if isinstance(each, Serverless)]
    for variant in variants:
        if variant.concurrency is None:
            found.unknown.append(f"the MaxConcurrency of {variant.variant}")
        found.most += variant.concurrency or 0
    endpoints = {variant.endpoint.logical_id: variant.endpoint for variant in variants}
    for endpoint in endpoints.values():
        live = subject.account.endpoint(subject.name_of(endpoint, "EndpointName"))
        if live is not None and subject.owns(endpoint):
            found.own += live.concurrency
    # An update has the new concurrency in the place of the old one.
    found.now = found.most - found.own
    return found if variants else None


def transform_needs(subject: Subject) -> dict[str, Need]:
    """What the transform jobs of the state machines need, by instance type.

    Args:
        subject: what is deployed.
    """
    found: dict[str, Need] = {}
    machines = {
        machine.logical_id: jobs_at_once(definition_of(machine))
        for machine in subject.model.of_type(_STATE_MACHINE)
    }
    jobs = find_jobs(
        subject.template.content,
        region=subject.account.region,
        prices=PriceTable(()),
        parameters=subject.parameters,
    )
    for job in jobs:
        need = found.setdefault(job.instance_type or "", Need())
        at_once = machines[job.state_machine]
        if job.instance_count is None:
            need.unknown.append(f"how many instances a job of {job.state_machine} has")
        elif at_once is None:
            need.unknown.append(f"how many jobs of {job.state_machine} run at once")
        need.most = max(need.most, (job.instance_count or 1) * (at_once or 1))
        need.now = 0
    return found


def jobs_at_once(definition: Any) -> int | None:
    """How many transform jobs one execution of a state machine runs at once.

    Args:
        definition: of the state machine.

    Returns:
        How many; None if a map starts as many as its input has items, or as the input says.
    """
    found = 1
    for _, state in states(mapping(definition)):
        inner = state.get("ItemProcessor") or state.get("Iterator")
        if state.get("Type") != "Map" or "createTransformJob" not in str(inner):
            continue
        limit = whole(state.get("MaxConcurrency"))
        path = state.get("MaxConcurrencyPath")
        if isinstance(path, str):
            # What the input may say is mostly in the definition as well, as the default.
            limit = _default(definition, path.rpartition(".")[2])
        if not limit:
            return None
        found *= limit
    return found


def _add(need: Need, subject: Subject, fleet: Fleet, own: LiveEndpoint | None) -> None:
    endpoint = fleet.endpoint.properties
    if fleet.capacity is None:
        need.unknown.append(f"how many instances {fleet.variant} has")
        return
    peak = fleet.capacity.peak
    need.most += peak
    config = config_of(subject.model, fleet.endpoint)
    size = _initial(mapping({} if config is None else config.properties), fleet.variant)
    if own is None:
        need.now += peak if size is None else size
        return
    if not subject.changes(fleet.endpoint):
        return
    if _retains(endpoint):
        size = own.variants.get(fleet.variant, size)
    for count, attribute in ((size, "now"), (peak, "beside")):
        beside = None if count is None else instances_beside(endpoint, count)
        if beside is None:
            need.unknown.append(f"how many instances of {fleet.variant} an update starts")
        else:
            setattr(need, attribute, getattr(need, attribute) + math.ceil(beside))


def _initial(config: Mapping[str, Any], variant: str) -> int | None:
    for kind in ("ProductionVariants", "ShadowProductionVariants"):
        for each in mappings(config.get(kind)):
            if each.get("VariantName") == variant:
                return whole(each.get("InitialInstanceCount", 1))
    return None


def _retains(endpoint: Mapping[str, Any]) -> bool:
    excluded = [
        each.get("VariantPropertyType")
        for each in mappings(endpoint.get("ExcludeRetainedVariantProperties"))
    ]
    retains = str(endpoint.get("RetainAllVariantProperties")).lower() == "true"
    return retains and _RETAINED not in excluded


def _default(value: Any, name: str) -> int | None:
    """The number that a definition has under a name, wherever it stands."""
    return next(_numbers(value, name), None)


def _numbers(value: Any, name: str) -> Iterator[int]:
    if isinstance(value, list):
        for member in value:
            yield from _numbers(member, name)
    elif isinstance(value, Mapping):
        for key, member in value.items():
            number = whole(member) if key == name else None
            if number is not None:
                yield number
            yield from _numbers(member, name)


def combined(needs: Iterator[dict[str, Need]] | list[dict[str, Need]]) -> dict[str, Need]:
    """What several stacks need together.

    Args:
        needs: of each.
    """
    found: dict[str, Need] = {}
    for each in needs:
        for name, need in each.items():
            total = found.setdefault(name, Need())
            total.now += need.now
            total.most += need.most
            total.beside += need.beside
            total.own += need.own
            total.unknown += need.unknown
    return found


def total_of(needs: dict[str, Need]) -> Need:
    """What is needed of all types together.

    Args:
        needs: by type.
    """
    return combined([{"": need} for need in needs.values()]).get("", Need())


def used_by_all(endpoints: Mapping[str, LiveEndpoint]) -> Counter[str]:
    """The instances of all endpoints, by type.

    Args:
        endpoints: of the account.
    """
    return sum((endpoint.instances for endpoint in endpoints.values()), Counter())
