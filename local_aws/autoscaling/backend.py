"""moto's Application Auto Scaling backend with targets that are checked and policies that act."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from moto.applicationautoscaling import models, responses
from moto.applicationautoscaling.exceptions import AWSValidationException
from moto.applicationautoscaling.models import (
    ApplicationAutoscalingBackend,
    FakeScalableTarget,
    FakeScheduledAction,
    applicationautoscaling_backends,
)
from moto.core.exceptions import JsonRESTError
from moto.iam.models import iam_backends

from local_aws.autoscaling.activities import Activity
from local_aws.autoscaling.policies import ScalingPolicy
from local_aws.autoscaling.resources import KINDS, scalable
from local_aws.autoscaling.validation import check_policy, check_schedule
from local_aws.cloud import Cloud
from local_aws.permissions.scaling import LINKED_ROLE, LINKED_SERVICE, linked_role_arn
from local_aws.permissions.stored import PARTITION, find_role

SUSPENDABLE = (
    "DynamicScalingInSuspended",
    "DynamicScalingOutSuspended",
    "ScheduledScalingSuspended",
)


def suspension_of(target: FakeScalableTarget) -> dict[str, bool]:
    """What of a target is suspended; moto keeps the object and calls it a text."""
    state: Any = target.suspended_state
    return dict(state)


class ObjectNotFound(JsonRESTError):
    """The target or policy does not exist."""

    def __init__(self, message: str) -> None:
        super().__init__("ObjectNotFoundException", message)


class LiveAutoscalingBackend(ApplicationAutoscalingBackend):
    """Targets, policies and activities of one account and region.

    Attributes:
        cloud: the local AWS; set once, when the subsystem is installed.
        on_bounds: called with a target whose bounds were set, to bring its capacity within them.
        activities: the newest first.
        tags: of targets, by ARN.
    """

    cloud: Cloud
    on_bounds: Callable[[FakeScalableTarget], None]

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.activities: list[Activity] = []
        self.tags: dict[str, dict[str, str]] = {}
        self.lock = threading.RLock()

    def register(self, given: Mapping[str, Any]) -> FakeScalableTarget:
        """Register a target or change its bounds.

        Raises:
            AWSValidationException: the bounds are wrong, or the resource cannot be scaled.
        """
        namespace, resource = given["ServiceNamespace"], given["ResourceId"]
        dimension = given["ScalableDimension"]
        old = self.find_target(resource, dimension)
        minimum = given.get("MinCapacity", None if old is None else old.min_capacity)
        maximum = given.get("MaxCapacity", None if old is None else old.max_capacity)
        if minimum is None or maximum is None:
            raise AWSValidationException(
                "MinCapacity and MaxCapacity are required to register a new scalable target"
            )
        if minimum > maximum:
            raise AWSValidationException(
                f"Maximum capacity cannot be less than minimum capacity: {maximum} < {minimum}"
            )
        thing = scalable(self.cloud, dimension, resource)
        if thing is not None:
            thing.check(minimum)
        suspended = dict.fromkeys(SUSPENDABLE, False)
        if old is not None:
            suspended |= suspension_of(old)
        suspended |= given.get("SuspendedState") or {}
        with self.lock:
            target = self.register_scalable_target(
                namespace,
                resource,
                dimension,
                min_capacity=minimum,
                max_capacity=maximum,
                role_arn=given.get("RoleARN") or self._service_linked_role(),
                suspended_state=suspended,  # type: ignore[arg-type]
            )
            if given.get("Tags"):
                self.tags[target.arn] = dict(given["Tags"])
        if thing is not None:
            self.on_bounds(target)
        return target

    def find_target(self, resource_id: str, dimension: str) -> FakeScalableTarget | None:
        """A registered target."""
        return self.targets.get(dimension, {}).get(resource_id)

    def deregister_scalable_target(self, namespace: str, r_id: str, dimension: str) -> None:
        """Forget a target; its policies with their alarms, and its schedules, go with it.

        Raises:
            ObjectNotFound: there is no such target.
        """
        with self.lock:
            target = self.find_target(r_id, dimension)
            if target is None:
                raise ObjectNotFound(_no_target("found", namespace, r_id, dimension))
            for key, policy in list(self.policies.items()):
                if _belongs(policy, r_id, dimension):
                    policy.delete_alarms(self.account_id, self.region_name)
                    del self.policies[key]
            self.scheduled_actions = [
                action for action in self.scheduled_actions if not _belongs(action, r_id, dimension)
            ]
            self.tags.pop(target.arn, None)
            super().deregister_scalable_target(namespace, r_id, dimension)

    def put_scaling_policy(  # noqa: PLR0917 - moto's signature
        self,
        policy_name: str,
        service_namespace: str,
        resource_id: str,
        scalable_dimension: str,
        policy_body: dict[str, Any],
        policy_type: str | None,
    ) -> ScalingPolicy:
        """Put a policy on a registered target.

        Raises:
            ObjectNotFound: the target is not registered.
        """
        target = self.find_target(resource_id, scalable_dimension)
        if target is None:
            raise ObjectNotFound(
                _no_target("registered", service_namespace, resource_id, scalable_dimension)
            )
        key = ScalingPolicy.formulate_key(
            service_namespace, resource_id, scalable_dimension, policy_name
        )
        with self.lock:
            earlier = self.policies.get(key)
            policy_type = policy_type or getattr(earlier, "policy_type", None)
            policy_body = policy_body or getattr(earlier, "_policy_body", {})
            others = [found for other, found in self.policies.items() if other != key]
            check_policy(
                scalable_dimension,
                policy_type,
                policy_body,
                [found for found in others if _belongs(found, resource_id, scalable_dimension)],
            )
            policy = ScalingPolicy(
                earlier=earlier if isinstance(earlier, ScalingPolicy) else None,
                account_id=self.account_id,
                region_name=self.region_name,
                policy_name=policy_name,
                service_namespace=service_namespace,
                resource_id=resource_id,
                scalable_dimension=scalable_dimension,
                policy_type=policy_type,
                policy_body=policy_body,
            )
            self.policies[key] = policy
            return policy

    def delete_scaling_policy(
        self,
        policy_name: str,
        service_namespace: str,
        resource_id: str,
        scalable_dimension: str,
    ) -> None:
        """Delete a policy and its alarms.

        Raises:
            ObjectNotFound: there is no such policy.
        """
        key = ScalingPolicy.formulate_key(
            service_namespace, resource_id, scalable_dimension, policy_name
        )
        if key not in self.policies:
            raise ObjectNotFound(
                f"No scaling policy found for service namespace: {service_namespace}, resource "
                f"ID: {resource_id}, scalable dimension: {scalable_dimension}, policy name: "
                f"{policy_name}"
            )
        with self.lock:
            super().delete_scaling_policy(
                policy_name, service_namespace, resource_id, scalable_dimension
            )

    def put_scheduled_action(  # noqa: PLR0917 - moto's signature
        self,
        service_namespace: str,
        schedule: str,
        timezone: str,
        scheduled_action_name: str,
        resource_id: str,
        scalable_dimension: str,
        start_time: str,
        end_time: str,
        scalable_target_action: str,
    ) -> None:
        """Put a scheduled action on a registered target; what is left out stays, but for times.

        Raises:
            ObjectNotFound: the target is not registered.
            AWSValidationException: the schedule or the change is none.
        """
        if self.find_target(resource_id, scalable_dimension) is None:
            raise ObjectNotFound(
                _no_target("registered", service_namespace, resource_id, scalable_dimension)
            )
        given = {
            "Schedule": schedule,
            "Timezone": timezone,
            "StartTime": start_time,
            "EndTime": end_time,
            "ScalableTargetAction": scalable_target_action,
        }
        known = self.find_scheduled_action(resource_id, scalable_dimension, scheduled_action_name)
        if known is None and (schedule is None or scalable_target_action is None):
            raise AWSValidationException(
                "Schedule and ScalableTargetAction are required for a new scheduled action"
            )
        zone = timezone or (known.timezone if known is not None else None)
        check_schedule({**given, "Timezone": zone})
        with self.lock:
            super().put_scheduled_action(
                service_namespace,
                schedule,
                timezone,
                scheduled_action_name,
                resource_id,
                scalable_dimension,
                start_time,
                end_time,
                scalable_target_action,
            )

    def delete_scheduled_action(
        self,
        service_namespace: str,
        scheduled_action_name: str,
        resource_id: str,
        scalable_dimension: str,
    ) -> None:
        """Delete a scheduled action.

        Raises:
            ObjectNotFound: there is no such action.
        """
        if not self.find_scheduled_action(resource_id, scalable_dimension, scheduled_action_name):
            raise ObjectNotFound(
                f"No scheduled action found for service namespace: {service_namespace}, resource "
                f"ID: {resource_id}, scalable dimension: {scalable_dimension}, scheduled action "
                f"name: {scheduled_action_name}"
            )
        with self.lock:
            super().delete_scheduled_action(
                service_namespace, scheduled_action_name, resource_id, scalable_dimension
            )

    def find_scheduled_action(
        self, resource_id: str, dimension: str, name: str
    ) -> FakeScheduledAction | None:
        """A scheduled action of a target by its name."""
        for action in list(self.scheduled_actions):
            if action.scheduled_action_name == name and _belongs(action, resource_id, dimension):
                return action
        return None

    def find_policy(self, arn: str) -> ScalingPolicy | None:
        """A policy by its ARN."""
        for policy in list(self.policies.values()):
            if policy.policy_arn == arn and isinstance(policy, ScalingPolicy):
                return policy
        return None

    def _service_linked_role(self) -> str:
        """The role that scaling is done with; the first target of an account makes it."""
        arn = linked_role_arn(self.account_id)
        if find_role(arn) is None:
            trust = {"Effect": "Allow", "Action": "sts:AssumeRole"}
            iam_backends[self.account_id][PARTITION].create_role(
                role_name=LINKED_ROLE,
                assume_role_policy_document=json.dumps(
                    {
                        "Version": "2012-10-17",
                        "Statement": [{**trust, "Principal": {"Service": [LINKED_SERVICE]}}],
                    }
                ),
                path=f"/aws-service-role/{LINKED_SERVICE}/",
                permissions_boundary=None,
                description="",
                tags=[],
                max_session_duration="3600",
                linked_service=LINKED_SERVICE,
            )
        return arn


# moto looks a backend's urls module up beside the module that its class says it comes from.
LiveAutoscalingBackend.__module__ = ApplicationAutoscalingBackend.__module__


def install(cloud: Cloud, on_bounds: Callable[[FakeScalableTarget], None]) -> None:
    """Let moto use this backend; to be called before its first use."""
    LiveAutoscalingBackend.cloud = cloud
    LiveAutoscalingBackend.on_bounds = staticmethod(on_bounds)
    applicationautoscaling_backends.backend = LiveAutoscalingBackend
    # moto checks dimensions against an enumeration that has not all of SageMaker's.
    known = {member.name: member.value for member in models.ScalableDimensionValueSet}
    missing = {
        dimension.upper().replace(":", "_"): dimension
        for dimension in KINDS
        if dimension not in known.values()
    }
    extended = Enum("ScalableDimensionValueSet", known | missing)  # type: ignore[misc]
    for module in (models, responses):
        vars(module)["ScalableDimensionValueSet"] = extended


def _belongs(found: Any, resource_id: str, dimension: str) -> bool:
    """Whether a policy or a scheduled action belongs to a target."""
    return (found.resource_id, found.scalable_dimension) == (resource_id, dimension)


def _no_target(word: str, namespace: str, resource_id: str, dimension: str) -> str:
    return (
        f"No scalable target {word} for service namespace: {namespace}, resource ID: "
        f"{resource_id}, scalable dimension: {dimension}"
    )
