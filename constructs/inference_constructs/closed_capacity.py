"""Lowers what an endpoint's scaling keeps outside of business hours."""

from collections.abc import Iterator

from aws_cdk import aws_applicationautoscaling as autoscaling

from inference_constructs.business_hours import BusinessHours
from inference_constructs.endpoint_scaling import EndpointScaling
from inference_constructs.scaled_resource import ScaledResource
from inference_constructs.scheduled import ScheduledCapacity


def lower_capacity(
    scaling: EndpointScaling, hours: BusinessHours, *, capacity: int, lead_minutes: int
) -> None:
    """Adds schedules that lower the minimum after hours, and raise it before the next.

    With policies more capacity stays possible, as far as it is asked for. Without, and down to
    zero, the closed capacity is a maximum as well.

    Args:
        scaling: the endpoint's scaling.
        hours: the hours.
        capacity: instances or copies that stay.
        lead_minutes: how long before the hours it is raised.
    """
    for resource in scaling.resources:
        own = resource.scaling
        capped = capacity == 0 or not own.policies
        scaling.schedule(
            resource,
            ScheduledCapacity(
                name="OfficeHoursOpening",
                schedule=autoscaling.Schedule.expression(
                    hours.opening(minutes_before=lead_minutes)
                ),
                time_zone=hours.time_zone,
                min_capacity=own.min_capacity,
                max_capacity=own.max_capacity,
            ),
            ScheduledCapacity(
                name="OfficeHoursClosing",
                schedule=autoscaling.Schedule.expression(hours.closing()),
                time_zone=hours.time_zone,
                min_capacity=capacity,
                max_capacity=capacity if capped else own.max_capacity,
            ),
        )


def lowering_faults(resources: tuple[ScaledResource, ...], *, capacity: int) -> Iterator[str]:
    """Says why the capacity of an endpoint cannot be lowered.

    Args:
        resources: what is scaled.
        capacity: instances or copies that are to stay.
    """
    if not resources:
        yield f"closed_capacity is {capacity}, and nothing is scaled: give it a scaling"
    for resource in resources:
        least = resource.scaling.min_capacity
        if least <= capacity:
            yield (
                f"closed_capacity must be less than the minimum of {resource.resource_id}, which "
                f"is {least}, not {capacity}"
            )
