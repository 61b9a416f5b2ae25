"""``AWS::ApplicationAutoScaling::*``."""

from __future__ import annotations

from typing import Any

from local_aws.cloudformation.provider import Context, Created, Properties, Provider
from local_aws.cloudformation.providers._api import (
    client,
    gone_is_fine,
    parameters,
    retag,
    tags,
)

SERVICE = "application-autoscaling"
TARGET = ("ServiceNamespace", "ResourceId", "ScalableDimension")
GONE = ("ObjectNotFoundException", "ValidationException")


class ScalableTarget(Provider):
    """Something that can be scaled, e.g. a variant of an endpoint.

    ``Ref`` is ``resource id|dimension|namespace``.
    """

    type_names = ("AWS::ApplicationAutoScaling::ScalableTarget",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Register the target with its bounds and scheduled actions."""
        self._register(context, properties, Tags=tags(context, properties))
        for action in properties.get("ScheduledActions", []):
            self._schedule(context, properties, action)
        return self._created(properties)

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change the bounds, what is suspended, and the scheduled actions."""
        del physical_id
        api = client(context, SERVICE)
        arn = self._register(context, new)
        retag(
            context,
            old,
            new,
            put=lambda values: api.tag_resource(ResourceARN=arn, Tags=values),
            remove=lambda keys: api.untag_resource(ResourceARN=arn, TagKeys=keys),
        )
        kept = {action["ScheduledActionName"] for action in new.get("ScheduledActions", [])}
        for action in old.get("ScheduledActions", []):
            if action["ScheduledActionName"] not in kept:
                api.delete_scheduled_action(
                    ScheduledActionName=action["ScheduledActionName"], **_target(new)
                )
        for action in new.get("ScheduledActions", []):
            self._schedule(context, new, action)
        return self._created(new)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Deregister the target; an endpoint that was deleted took it along."""
        del physical_id
        api = client(context, SERVICE)
        for action in properties.get("ScheduledActions", []):
            with gone_is_fine(*GONE, saying="no scheduled action found"):
                api.delete_scheduled_action(
                    ScheduledActionName=action["ScheduledActionName"], **_target(properties)
                )
        with gone_is_fine(*GONE, saying="no scalable target"):
            api.deregister_scalable_target(**_target(properties))

    def _register(self, context: Context, properties: Properties, **tagged: Any) -> str:
        api = client(context, SERVICE)
        given = parameters(
            api, "register_scalable_target", properties, without=["Tags", "ScheduledActions"]
        )
        arn: str = api.register_scalable_target(**given, **tagged)["ScalableTargetARN"]
        return arn

    def _schedule(self, context: Context, properties: Properties, action: Properties) -> None:
        api = client(context, SERVICE)
        given = parameters(api, "put_scheduled_action", action)
        api.put_scheduled_action(**given, **_target(properties))

    def _created(self, properties: Properties) -> Created:
        target = _target(properties)
        identifier = "|".join(
            (target["ResourceId"], target["ScalableDimension"], target["ServiceNamespace"])
        )
        return Created(physical_id=identifier, attributes={"Id": identifier})


class ScalingPolicy(Provider):
    """A rule by which a target is scaled; ``Ref`` is its ARN."""

    type_names = ("AWS::ApplicationAutoScaling::ScalingPolicy",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Put the policy."""
        api = client(context, SERVICE)
        given = parameters(
            api, "put_scaling_policy", properties, without=["ScalingTargetId", *TARGET]
        )
        arn = api.put_scaling_policy(**given, **_target(properties))["PolicyARN"]
        return Created(physical_id=arn, attributes={"Arn": arn})

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Put the changed policy over the one of the same name."""
        del physical_id, old
        return self.create(context, new)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the policy; a target that was deregistered took it along."""
        del physical_id
        with gone_is_fine(*GONE, saying="no scaling policy found"):
            client(context, SERVICE).delete_scaling_policy(
                PolicyName=properties["PolicyName"], **_target(properties)
            )


def _target(properties: Properties) -> dict[str, str]:
    if "ScalingTargetId" in properties:
        resource, dimension, namespace = properties["ScalingTargetId"].split("|")
        return dict(zip(TARGET, (namespace, resource, dimension), strict=True))
    return {name: properties[name] for name in TARGET}
