"""Lowers what an endpoint's scaling keeps outside of business hours."""

from collections.abc import Iterator

from aws_cdk import aws_applicationautoscaling as autoscaling

from inference_constructs.business_hours import BusinessHours
from inference_constructs.endpoint_scaling import EndpointScaling
from inference_constructs.scaled_resource import ScaledResource
from inference_constructs.scheduled import ScheduledCapacity

# In time for SageMaker to have taken the capacity away.
_FREED_AFTER_MINUTES = 15


def lower_capacity(
    scaling: EndpointScaling, hours: BusinessHours, *, capacity: int, lead_minutes: int
) -> None:
    """Adds schedules that lower the capacity after hours, and raise it before the next.

    A lower minimum alone takes nothing away: a policy does so on low load, and without any requests
    there is no load to see. So the closing sets the maximum as well. With policies and capacity
    left, the maximum is raised again a quarter of an hour later, so that the policies may add what
    is asked for after hours.

    https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html

    Args:
        scaling: the endpoint's scaling.
        hours: the hours.
        capacity: instances or copies that stay.
        lead_minutes: how long before the hours it is raised.
    """
    for resource in scaling.resources:
        own = resource.scaling
        bounds = [
            (
                "Opening",
                hours.opening(minutes_before=lead_minutes),
                own.min_capacity,
                own.max_capacity,
            ),
            ("Closing", hours.closing(), capacity, capacity),
        ]
        if capacity > 0 and own.policies:
            freed = hours.closing(minutes_after=_FREED_AFTER_MINUTES)
            bounds.append(("Freed", freed, capacity, own.max_capacity))
        scaling.schedule(
            resource,
            *(
                ScheduledCapacity(
                    name=f"OfficeHours{name}",
                    schedule=autoscaling.Schedule.expression(cron),
                    time_zone=hours.time_zone,
                    min_capacity=least,
                    max_capacity=most,
                )
                for name, cron, least, most in bounds
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
