"""An inference component's life: created, changed, scaled and deleted, while it serves."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from local_aws.cloud import Cloud
from local_aws.sagemaker.alarm_watch import AlarmWatch, DeploymentError
from local_aws.sagemaker.component_rollout import ComponentRollout
from local_aws.sagemaker.component_spec import ComponentSpec
from local_aws.sagemaker.deployment_policy import DeploymentPolicy
from local_aws.sagemaker.endpoint import Endpoint
from local_aws.sagemaker.errors import ValidationException
from local_aws.sagemaker.host_fleet import HostFleet, Wanted
from local_aws.sagemaker.instances import ModelInstanceError
from local_aws.sagemaker.records import Tags, now
from local_aws.sagemaker.variant_fleet import DRAIN

logger = logging.getLogger(__name__)

_INTERNAL = "Request to service failed. If failure persists after retry, contact customer support."
_AT_REST = {"InService", "Failed"}


class Component:
    """One inference component. Its copies are the variant's; this is what they are to be.

    Changes run in a thread of their own, one at a time.
    """

    def __init__(
        self,
        cloud: Cloud,
        *,
        name: str,
        arn: str,
        endpoint: Endpoint,
        variant_name: str,
        spec: ComponentSpec,
        copies: int,
        tags: Tags,
    ) -> None:
        self.name = name
        self.arn = arn
        self.endpoint = endpoint
        self.variant_name = variant_name
        self.tags = tags
        self.status = "Creating"
        self.failure_reason: str | None = None
        self.creation_time = self.last_modified_time = now()
        self.deployment_config: Mapping[str, Any] | None = None
        self.spec = spec
        self.desired = copies
        self._cloud = cloud
        self._lock = threading.Lock()

    @property
    def wanted(self) -> Wanted:
        """What a fleet that starts is to run of it."""
        return Wanted(self.name, self.spec, self.desired)

    @property
    def resting(self) -> bool:
        """Whether nothing changes."""
        return self.status in _AT_REST

    def fleet(self) -> HostFleet | None:
        """Where its copies are; None if the endpoint has gone."""
        fleet = self.endpoint.fleet
        found = fleet.variants.get(self.variant_name) if fleet else None
        return found if isinstance(found, HostFleet) else None

    def create(self) -> None:
        """Start the copies; the component is InService or Failed afterwards."""
        self._run(
            lambda fleet: fleet.add(self.name, self.spec, self.desired),
            lambda _fleet: None,
            failed="Failed",
        )

    def update(
        self,
        spec: ComponentSpec | None,
        copies: int,
        policy: DeploymentPolicy,
        deployment_config: Mapping[str, Any] | None,
    ) -> None:
        """Let copies of another specification take over, batch by batch.

        Args:
            spec: the new one; None keeps it.
            copies: how many there are to be.
            policy: how they take over.
            deployment_config: the same, as the API shows it.

        Raises:
            ValidationException: another change is under way.
        """
        self._begin("Updating")
        before, old = self.desired, self.spec
        self.desired = copies
        if deployment_config is not None:
            self.deployment_config = deployment_config
        role = self.endpoint.config.request.get("ExecutionRoleArn", "")
        rollout = ComponentRollout(
            self._cloud,
            component=self.name,
            old=old,
            new=spec or old,
            copies=(before, copies),
            policy=policy,
            watch=AlarmWatch(self._cloud, role_arn=role, names=policy.alarms),
        )

        def work(fleet: HostFleet) -> None:
            rollout.run(fleet)
            self.spec = spec or old

        def undo(fleet: HostFleet) -> None:
            self.desired = before
            rollout.roll_back(fleet)

        self._run(work, undo, failed="InService")

    def scale(self, copies: int) -> None:
        """Start or end copies.

        Raises:
            ValidationException: another change is under way.
        """
        self._begin("Updating")
        self.desired = copies

        def work(fleet: HostFleet) -> None:
            fleet.add(self.name, self.spec, copies - len(fleet.copies(self.name)))
            fleet.end(fleet.surplus(self.name, copies), drain=DRAIN)

        def undo(fleet: HostFleet) -> None:
            self.desired = len(fleet.copies(self.name))

        self._run(work, undo, failed="InService")

    def delete(self, done: Callable[[], None]) -> None:
        """End all copies, then call ``done``.

        Raises:
            ValidationException: another change is under way.
        """
        self._begin("Deleting")

        def work() -> None:
            fleet = self.fleet()
            if fleet is not None:
                fleet.end(fleet.hosts.seats(self.name), drain=DRAIN)
            done()

        threading.Thread(target=work, name=f"component-{self.name}", daemon=True).start()

    def summary(self) -> dict[str, Any]:
        """As ListInferenceComponents shows it."""
        return {
            "InferenceComponentName": self.name,
            "InferenceComponentArn": self.arn,
            "EndpointName": self.endpoint.endpoint_name,
            "EndpointArn": self.endpoint.arn,
            "VariantName": self.variant_name,
            "InferenceComponentStatus": self.status,
            "CreationTime": self.creation_time,
            "LastModifiedTime": self.last_modified_time,
        }

    def describe(self) -> dict[str, Any]:
        """As DescribeInferenceComponent shows it."""
        fleet = self.fleet()
        copies = fleet.copies(self.name) if fleet else []
        placed = Counter(seat.host.instance_type for seat in copies)
        runtime: dict[str, Any] = {
            "DesiredCopyCount": self.desired,
            "CurrentCopyCount": len(copies),
        }
        if placed:
            runtime["PlacementStatus"] = [
                {"InstanceType": name, "CurrentCopyCount": count} for name, count in placed.items()
            ]
        shown = {**self.summary(), **self.spec.shown(self.creation_time), "RuntimeConfig": runtime}
        if self.failure_reason is not None:
            shown["FailureReason"] = self.failure_reason
        if self.deployment_config is not None:
            shown["LastDeploymentConfig"] = self.deployment_config
        return shown

    def _begin(self, status: str) -> None:
        with self._lock:
            if not self.resting:
                raise ValidationException(
                    f'Cannot update in-progress inference component "{self.arn}".'
                )
            self.status = status
            self.last_modified_time = now()

    def _finish(self, status: str, failure_reason: str | None) -> None:
        with self._lock:
            self.failure_reason = failure_reason
            self.status = status
            self.last_modified_time = now()

    def _run(
        self,
        work: Callable[[HostFleet], None],
        undo: Callable[[HostFleet], None],
        *,
        failed: str,
    ) -> None:
        """Do ``work`` in a thread; if that fails undo it, and be ``failed``."""

        def change() -> None:
            fleet = self.fleet()
            if fleet is None:
                self._finish("Failed", _INTERNAL)
                return
            try:
                work(fleet)
            except (ModelInstanceError, DeploymentError) as error:
                reason = str(error)
            except Exception:
                logger.exception("inference component %s", self.name)
                reason = _INTERNAL
            else:
                self._finish("InService", None)
                return
            try:
                undo(fleet)
            except Exception as error:
                logger.warning("component %s was not rolled back: %s", self.name, error)
                self._finish("Failed", f"{reason} The rollback failed: {error}")
            else:
                self._finish(failed, reason)

        threading.Thread(target=change, name=f"component-{self.name}", daemon=True).start()
