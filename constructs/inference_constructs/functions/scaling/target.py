"""One scalable target, brought to what the code wants."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .bounds import bounds_in_force
from .typed import arguments, same

if TYPE_CHECKING:
    from .owner import Clients

Definition = dict[str, Any]

_ATTEMPTS = 8


@dataclass(frozen=True, kw_only=True)
class Target:
    """A scalable target, registered or to be.

    Attributes:
        resource_id: such as `endpoint/NAME/variant/NAME`.
        dimension: the number that is scaled.
        clients: the services.
    """

    resource_id: str
    dimension: str
    clients: Clients

    @classmethod
    def of(cls, found: Mapping[str, Any], clients: Clients) -> Target:
        """The target of a definition, or of what is registered.

        Args:
            found: with `ResourceId` and `ScalableDimension`.
            clients: the services.
        """
        return cls(
            resource_id=found["ResourceId"], dimension=found["ScalableDimension"], clients=clients
        )

    def withdraw(self) -> None:
        """Deregisters it; its policies and schedules go with it."""
        scaling = self.clients.scaling
        with suppress(scaling.exceptions.ObjectNotFoundException):
            _patiently(scaling.deregister_scalable_target, **self._key)

    def bring_about(self, definition: Definition) -> None:
        """Registers it, with exactly these policies, schedules and alarms.

        Args:
            definition: in CloudFormation's words.
        """
        self._register(definition)
        self._bring_policies(definition.get("ScalingPolicies", []))
        self._bring_schedules(definition.get("ScheduledActions", []))
        self._bring_alarms(definition.get("Alarms", []))

    @property
    def _key(self) -> dict[str, str]:
        return {
            "ServiceNamespace": "sagemaker",
            "ResourceId": self.resource_id,
            "ScalableDimension": self.dimension,
        }

    def _register(self, definition: Definition) -> None:
        scaling = self.clients.scaling
        wanted = arguments(
            scaling,
            "RegisterScalableTarget",
            {**definition, **bounds_in_force(definition, datetime.now(UTC))},
        )
        found = scaling.describe_scalable_targets(
            ServiceNamespace="sagemaker",
            ResourceIds=[self.resource_id],
            ScalableDimension=self.dimension,
        )["ScalableTargets"]
        if not found or not same(wanted, found[0]):
            _patiently(scaling.register_scalable_target, **wanted)

    def _bring_policies(self, policies: list[Definition]) -> None:
        scaling = self.clients.scaling
        found = self._all("describe_scaling_policies", "ScalingPolicies", "PolicyName")
        wanted = {
            policy["PolicyName"]: arguments(scaling, "PutScalingPolicy", {**self._key, **policy})
            for policy in policies
        }
        for name, policy in found.items():
            # A policy cannot change its type.
            if name not in wanted or policy["PolicyType"] != wanted[name]["PolicyType"]:
                _patiently(scaling.delete_scaling_policy, **self._key, PolicyName=name)
        for name, policy in wanted.items():
            if name not in found or not same(policy, found[name]):
                _patiently(scaling.put_scaling_policy, **policy)

    def _bring_schedules(self, schedules: list[Definition]) -> None:
        scaling = self.clients.scaling
        found = self._all("describe_scheduled_actions", "ScheduledActions", "ScheduledActionName")
        wanted = {
            schedule["ScheduledActionName"]: arguments(
                scaling, "PutScheduledAction", {**self._key, **schedule}
            )
            for schedule in schedules
        }
        # Put over another one, a schedule would keep what it does not name.
        for name in found:
            if name not in wanted or not same(wanted[name], found[name], whole=True):
                _patiently(scaling.delete_scheduled_action, **self._key, ScheduledActionName=name)
        for name, schedule in wanted.items():
            if name not in found or not same(schedule, found[name], whole=True):
                _patiently(scaling.put_scheduled_action, **schedule)

    def _bring_alarms(self, alarms: list[Definition]) -> None:
        if not alarms:
            return
        policies = self._all("describe_scaling_policies", "ScalingPolicies", "PolicyName")
        for alarm in alarms:
            actions = [policies[name]["PolicyARN"] for name in alarm["AlarmActions"]]
            self.clients.alarms.put_metric_alarm(
                **arguments(
                    self.clients.alarms, "PutMetricAlarm", {**alarm, "AlarmActions": actions}
                )
            )

    def _all(self, operation: str, member: str, name: str) -> dict[str, Definition]:
        pages = self.clients.scaling.get_paginator(operation).paginate(**self._key)
        return {found[name]: found for page in pages for found in page[member]}


def _patiently(call: Callable[..., Any], **given: Any) -> None:
    """Calls again when the service says that it may succeed in a moment."""
    exceptions = call.__self__.exceptions  # type: ignore[attr-defined]
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            call(**given)
        except exceptions.ClientError as error:
            if attempt == _ATTEMPTS or not _passes(error.response["Error"]):
                raise
            time.sleep(min(2.0**attempt / 4, 10))
        else:
            return


def _passes(told: Mapping[str, str]) -> bool:
    """Whether an error passes by itself; a service-linked role takes a moment to be known."""
    return told["Code"] == "ConcurrentUpdateException" or (
        told["Code"] == "ValidationException" and "Unable to assume IAM role" in told["Message"]
    )
