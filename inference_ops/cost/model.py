"""A template with what an estimate needs to know of it: resolved, and without what is not there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from inference_ops.cost.capacity import Capacity, mapping, mappings
from inference_ops.cost.week import average, minutes_of_week
from inference_rules.intrinsics import Resolver, Unresolved

_SCALING = "Custom::EndpointScaling"
_TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
_POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource of a template.

    Attributes:
        logical_id: its id in the template.
        type: its type.
        properties: the resolved ones.
        certain: whether it exists for certain; else a condition decides at deployment.
    """

    logical_id: str
    type: str
    properties: Mapping[str, Any]
    certain: bool


class Model:
    """The resources of a template.

    Args:
        template: the template.
        region: where it goes.
        parameters: values that count instead of the defaults.

    Attributes:
        loops: how many `Fn::ForEach` there are, whose resources only a deployment tells.
    """

    def __init__(
        self,
        template: Mapping[str, Any],
        *,
        region: str,
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        resolver = Resolver(template, region=region, parameters=parameters)
        self._resources: dict[str, Resource] = {}
        self.loops = 0
        for logical_id, resource in template["Resources"].items():
            if not isinstance(resource, Mapping) or "Type" not in resource:
                self.loops += str(logical_id).startswith("Fn::ForEach")
                continue
            exists = resolver.exists(logical_id)
            if exists is False:
                continue
            self._resources[logical_id] = Resource(
                logical_id=logical_id,
                type=str(resource["Type"]),
                properties=resolver.properties(logical_id),
                certain=exists is True,
            )
        self._targets = dict(self._scalable_targets())
        self._shares = dict(self._office_hours())

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._resources.values())

    def of_type(self, resource_type: str) -> list[Resource]:
        """The resources of a type.

        Args:
            resource_type: such as `AWS::SageMaker::Endpoint`.
        """
        return [resource for resource in self if resource.type == resource_type]

    def named(self, resource_type: str, value: Any, name: str) -> Resource | None:
        """The resource that another one's property means.

        Args:
            resource_type: of the resource.
            value: the property, resolved.
            name: the property of the resource that has its name.

        Returns:
            The resource; None if it is not in the template.
        """
        for resource in self.of_type(resource_type):
            if isinstance(value, Unresolved) and value.logical_id == resource.logical_id:
                return resource
            if value == resource.properties.get(name, object()):
                return resource
        return None

    @staticmethod
    def name_of(resource: Resource, name: str) -> str:
        """A resource's name as other texts of the template have it.

        Args:
            resource: the resource.
            name: the property that has its name.

        Returns:
            The name; `${Endpoint.EndpointName}` if only a deployment tells it.
        """
        return str(resource.properties.get(name, f"${{{resource.logical_id}.{name}}}"))

    def target(self, resource_id: str, dimension: str) -> Mapping[str, Any] | None:
        """What scales something.

        Args:
            resource_id: of Application Auto Scaling.
            dimension: such as `sagemaker:variant:DesiredInstanceCount`.

        Returns:
            Properties of `AWS::ApplicationAutoScaling::ScalableTarget`, whoever registers it; None
            if nothing scales it.
        """
        exact = self._targets.get((resource_id, dimension))
        if exact is not None:
            return exact
        # The name of the endpoint may be cut out of its ARN, which only a deployment can do.
        suffix = resource_id[resource_id.find("/variant/") :]
        guessed = [
            target
            for (known, scaled), target in self._targets.items()
            if scaled == dimension
            and "/variant/" in resource_id
            and known.endswith(suffix)
            and known.startswith("endpoint/${")
        ]
        return guessed[0] if len(guessed) == 1 else None

    def open_share(self, endpoint_name: str) -> float:
        """The share of the week for which an endpoint is there, by its office hours.

        Args:
            endpoint_name: its name, as `name_of` tells it.
        """
        return self._shares.get(endpoint_name, 1)

    def scaling_alarms(self) -> tuple[int, int]:
        """The alarms that belong to scaling policies and are no resources of the template.

        Application Auto Scaling makes two alarms for target tracking: one for too much, and one for
        too little, which it may leave out where scaling in is disabled.
        https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking.html

        Returns:
            The fewest and the most.
        """
        policies = [resource.properties for resource in self.of_type(_POLICY)]
        step_alarms = 0
        for target in self._targets.values():
            policies += mappings(target.get("ScalingPolicies"))
            step_alarms += len(mappings(target.get("Alarms")))
        fewest = most = step_alarms
        for policy in policies:
            tracking = mapping(policy.get("TargetTrackingScalingPolicyConfiguration"))
            if tracking:
                most += 2
                fewest += 1 if str(tracking.get("DisableScaleIn", False)).lower() == "true" else 2
        return fewest, most

    def _scalable_targets(self) -> Iterator[tuple[tuple[str, str], Mapping[str, Any]]]:
        """Those of CloudFormation, and those that an endpoint's one owner registers."""
        definitions = [resource.properties for resource in self.of_type(_TARGET)]
        for owner in self.of_type(_SCALING):
            definitions += mappings(owner.properties.get("ScalableTargets"))
        for target in definitions:
            yield (str(target.get("ResourceId")), str(target.get("ScalableDimension"))), target

    def _office_hours(self) -> Iterator[tuple[str, float]]:
        """Endpoints that a state machine deletes and makes again, as schedules tell it."""
        for hours in self.of_type("Custom::OfficeHours"):
            changes = []
            for schedule in self.of_type("AWS::Scheduler::Schedule"):
                target = mapping(schedule.properties.get("Target"))
                if target.get("Arn") != hours.properties.get("StateMachine"):
                    continue
                opens = '"open"' in str(target.get("Input", ""))
                minutes = minutes_of_week(str(schedule.properties.get("ScheduleExpression")))
                changes += [(minute, _always(opens)) for minute in minutes or []]
            if changes:
                share = average(changes, True, float)
                yield str(hours.properties.get("EndpointName")), share


def _always(value: bool) -> Any:
    return lambda _: value


def capacity_of(target: Mapping[str, Any] | None, initial: int | None) -> Capacity | None:
    """How many there are.

    Args:
        target: what scales them; None if nothing does.
        initial: how many there are without scaling; None if only a deployment tells.
    """
    if target is not None:
        return Capacity.of_target(target)
    return None if initial is None else Capacity.fixed(initial)
