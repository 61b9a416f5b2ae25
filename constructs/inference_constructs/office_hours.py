"""`OfficeHours`: takes an endpoint down after hours and up again, and tells what that saves."""

from collections.abc import Iterator

from aws_cdk import Annotations, Stack, Token
from constructs import Construct

from inference_constructs.async_endpoint import AsyncEndpoint
from inference_constructs.business_hours import HOURS_PER_WEEK, BusinessHours
from inference_constructs.closed_capacity import lower_capacity, lowering_faults
from inference_constructs.component_endpoint import InferenceComponentEndpoint
from inference_constructs.endpoint import RealtimeEndpoint
from inference_constructs.endpoint_closing import EndpointClosing, Reopening
from inference_constructs.faults import refuse
from inference_constructs.notifications import Notifications
from inference_constructs.saving import SavedInstances, describe_saving
from inference_constructs.variant import ProductionVariant
from sagemaker_prices import Usage

_Endpoint = RealtimeEndpoint | AsyncEndpoint | InferenceComponentEndpoint


class OfficeHours(Construct):
    """Has an endpoint that is not needed around the clock cost less when it is not.

    - A real-time endpoint with nothing left is deleted, and made again before the hours: see
      `EndpointClosing`. With some capacity left, its scaling keeps less.
    - The copies of inference components go down to what is left, and their instances with them.
    - An asynchronous endpoint goes down to what is left. With nothing left its requests wait for
      the next opening, unless they expire: see `InvocationTimeoutSeconds` and `RequestTTLSeconds`.

    What it saves in a month is told at synth, as far as the prices are known.

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        endpoint: the endpoint, in the same stack.
        hours: when it is needed.
        notifications: who is told when a closing or an opening fails.
        closed_capacity: instances, or copies of each component, that stay.
        reopening: how a deleted endpoint comes back; its `lead` counts for the others as well.

    Raises:
        ValueError: names all that is wrong with the hours of this endpoint.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint: _Endpoint,
        hours: BusinessHours,
        notifications: Notifications,
        closed_capacity: int = 0,
        reopening: Reopening | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        reopening = Reopening() if reopening is None else reopening
        lead_hours = reopening.lead.to_hours(integral=False)
        closed = HOURS_PER_WEEK - hours.hours_per_week - len(hours.days) * lead_hours
        deletes = isinstance(endpoint, RealtimeEndpoint) and closed_capacity == 0
        faults = [*_faults(endpoint, closed_capacity, deletes=deletes)]
        if hours.closed_between < lead_hours:
            faults.append(
                f"lead must be less than the {hours.closed_between:g} hours between closing and "
                f"opening, not {lead_hours:g} hours"
            )
        if Stack.of(endpoint) is not Stack.of(self):
            faults.append("the endpoint must be in the same stack: what opens it depends on it")
        refuse(f"office hours of endpoint {endpoint.endpoint_name!r}", faults)
        self.closing: EndpointClosing | None = None
        if deletes:
            self.closing = EndpointClosing(
                self,
                "Workflow",
                endpoint=endpoint,
                hours=hours,
                notifications=notifications,
                scaling=endpoint.scaling,
                reopening=reopening,
            )
        else:
            lower_capacity(
                endpoint.scaling,
                hours,
                capacity=closed_capacity,
                lead_minutes=int(reopening.lead.to_minutes()),
            )
        text = describe_saving(
            list(_saved(endpoint, closed_capacity)),
            hours_closed_per_week=closed,
            region=Stack.of(self).region,
        )
        Annotations.of(self).add_info(f"office hours of {endpoint.endpoint_name}: {text}")


def _faults(endpoint: _Endpoint, closed_capacity: int, *, deletes: bool) -> Iterator[str]:
    if Token.is_unresolved(closed_capacity) or closed_capacity < 0:
        yield "closed_capacity must be 0 or greater, and known at synth"
        return
    if deletes:
        return
    yield from lowering_faults(endpoint.scaling.resources, capacity=closed_capacity)
    if isinstance(endpoint, InferenceComponentEndpoint):
        if endpoint.fleet.min_instances > 0 and closed_capacity == 0:
            yield (
                f"min_instances of the fleet is {endpoint.fleet.min_instances}: with no copy left "
                "the instances would stay; set it to 0"
            )
        return
    if endpoint.rollout is not None:
        fleets = [
            variant.fleet._replace(smallest=min(variant.fleet.smallest, closed_capacity))
            for variant in endpoint.variants
        ]
        yield from endpoint.rollout.faults(fleets)


def _saved(endpoint: _Endpoint, closed_capacity: int) -> Iterator[SavedInstances]:
    if isinstance(endpoint, InferenceComponentEndpoint):
        # How many instances the copies need is SageMaker's to decide: one, at least.
        yield SavedInstances(instance_type=endpoint.fleet.instance_type, count=1)
        return
    usage: Usage = "asynchronous" if isinstance(endpoint, AsyncEndpoint) else "hosting"
    for variant in endpoint.variants:
        yield SavedInstances(
            instance_type=variant.instance_type,
            count=_open_count(variant) - closed_capacity,
            usage=usage,
        )
    shadow = endpoint.shadow if isinstance(endpoint, RealtimeEndpoint) else None
    if shadow is not None and closed_capacity == 0:
        yield SavedInstances(
            instance_type=shadow.instance_type, count=shadow.initial_instance_count
        )


def _open_count(variant: ProductionVariant) -> int:
    return variant.instance_count if variant.scaling is None else variant.scaling.min_capacity
