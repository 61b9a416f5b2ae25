"""Application Auto Scaling's operations that moto lacks or answers too simply."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import Any

from moto.applicationautoscaling.responses import (
    ApplicationAutoScalingResponse,
    _build_policy,
    _build_scheduled_action,
    _build_target,
)

from local_aws.autoscaling.backend import LiveAutoscalingBackend, ObjectNotFound

PAGE = 50


def install() -> None:
    """Put these operations in the place of moto's."""
    for name, member in vars(_Operations).items():
        if inspect.isfunction(member):
            setattr(ApplicationAutoScalingResponse, name, member)


class _Operations(ApplicationAutoScalingResponse):
    """One method for each operation."""

    applicationautoscaling_backend: LiveAutoscalingBackend

    def _given(self) -> dict[str, Any]:
        given: dict[str, Any] = json.loads(self.body or "{}")
        return given

    def register_scalable_target(self) -> str:
        self._validate_params()
        target = self.applicationautoscaling_backend.register(self._given())
        return json.dumps({"ScalableTargetARN": target.arn})

    def describe_scalable_targets(self) -> str:
        self._validate_params()
        given = self._given()
        found = self.applicationautoscaling_backend.describe_scalable_targets(
            given["ServiceNamespace"], given.get("ResourceIds"), given.get("ScalableDimension")
        )
        return _page("ScalableTargets", [_build_target(target) for target in found], given)

    def describe_scaling_policies(self) -> str:
        given = self._given()
        found = [
            policy
            for policy in self.applicationautoscaling_backend.policies.values()
            if _is_asked_for(policy, given)
            and policy.policy_name in (given.get("PolicyNames") or [policy.policy_name])
        ]
        return _page("ScalingPolicies", [_build_policy(policy) for policy in found], given)

    def describe_scheduled_actions(self) -> str:
        given = self._given()
        found = [
            action
            for action in self.applicationautoscaling_backend.scheduled_actions
            if _is_asked_for(action, given)
            and action.scheduled_action_name
            in (given.get("ScheduledActionNames") or [action.scheduled_action_name])
        ]
        shown = [
            {name: value for name, value in _build_scheduled_action(action).items() if value}
            for action in found
        ]
        return _page("ScheduledActions", shown, given)

    def describe_scaling_activities(self) -> str:
        given = self._given()
        found = [
            activity.describe()
            for activity in self.applicationautoscaling_backend.activities
            if activity.dimension.split(":")[0] == given["ServiceNamespace"]
            and given.get("ResourceId") in (None, activity.resource_id)
            and given.get("ScalableDimension") in (None, activity.dimension)
        ]
        return _page("ScalingActivities", found, given)

    def list_tags_for_resource(self) -> str:
        return json.dumps({"Tags": self._tags(self._given())})

    def tag_resource(self) -> str:
        given = self._given()
        self._tags(given).update(given["Tags"])
        return json.dumps({})

    def untag_resource(self) -> str:
        given = self._given()
        tags = self._tags(given)
        for key in given["TagKeys"]:
            tags.pop(key, None)
        return json.dumps({})

    def _tags(self, given: Mapping[str, Any]) -> dict[str, str]:
        backend, arn = self.applicationautoscaling_backend, given["ResourceARN"]
        for targets in backend.targets.values():
            if any(target.arn == arn for target in targets.values()):
                return backend.tags.setdefault(arn, {})
        raise ObjectNotFound(f"No scalable target found for resource ARN: {arn}")


def _is_asked_for(found: Any, given: Mapping[str, Any]) -> bool:
    """Whether a policy or a scheduled action is of the resource that is asked for."""
    return (
        found.service_namespace == given["ServiceNamespace"]
        and given.get("ResourceId") in (None, found.resource_id)
        and given.get("ScalableDimension") in (None, found.scalable_dimension)
    )


def _page(name: str, found: list[dict[str, Any]], given: Mapping[str, Any]) -> str:
    """One page of a list, with the token for the next."""
    start = int(given.get("NextToken") or 0)
    end = start + int(given.get("MaxResults") or PAGE)
    answer: dict[str, Any] = {name: found[start:end]}
    if end < len(found):
        answer["NextToken"] = str(end)
    return json.dumps(answer)
