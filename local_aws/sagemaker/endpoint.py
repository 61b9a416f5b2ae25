"""An endpoint's life: created, updated, scaled and deleted, while it serves."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from local_aws.cloud import Cloud
from local_aws.sagemaker.alarm_watch import AlarmWatch, DeploymentError
from local_aws.sagemaker.deployment_policy import DeploymentPolicy
from local_aws.sagemaker.errors import in_progress
from local_aws.sagemaker.fleet import Fleet
from local_aws.sagemaker.instances import ModelInstanceError
from local_aws.sagemaker.records import EndpointConfigRecord, Tags, now
from local_aws.sagemaker.rollout import BlueGreen, Rolling, Rollout
from local_aws.sagemaker.state_events import publish_state
from local_aws.sagemaker.traffic import Traffic
from local_aws.sagemaker.variant_fleet import DRAIN

logger = logging.getLogger(__name__)

_INTERNAL = "Request to service failed. If failure persists after retry, contact customer support."
_AT_REST = {"InService", "Failed", "UpdateRollbackFailed"}


class Endpoint:
    """One endpoint. Requests go where `traffic` says; one holds on to the fleet it began with.

    Changes run in a thread of their own, one at a time: whoever comes meanwhile is refused as the
    service refuses it.
    """

    def __init__(
        self,
        cloud: Cloud,
        *,
        name: str,
        arn: str,
        config: EndpointConfigRecord,
        tags: Tags,
        deployment_config: Mapping[str, Any] | None,
    ) -> None:
        self.endpoint_name = name
        self.arn = arn
        self.tags = tags
        self._status = "Creating"
        self.failure_reason: str | None = None
        self.creation_time = self.last_modified_time = now()
        self.deployment_config = deployment_config
        self.config = config
        self.traffic = Traffic()
        self._cloud = cloud
        self._lock = threading.RLock()
        self._fleet: Fleet | None = None
        self._rollout: Rollout | None = None

    @property
    def endpoint_status(self) -> str:
        """Its status; EventBridge is told of each change."""
        return self._status

    @endpoint_status.setter
    def endpoint_status(self, status: str) -> None:
        self._status = status
        publish_state(self)

    @property
    def fleet(self) -> Fleet | None:
        """The fleet of the config in service; None while there is none.

        During an update the new one may take requests already: `traffic` knows.
        """
        return self._fleet

    @property
    def rollout(self) -> Rollout | None:
        """The deployment under way; None while there is none."""
        return self._rollout

    def summary(self) -> dict[str, Any]:
        """As ListEndpoints shows it."""
        return {
            "EndpointName": self.endpoint_name,
            "EndpointArn": self.arn,
            "EndpointStatus": self.endpoint_status,
            "CreationTime": self.creation_time,
            "LastModifiedTime": self.last_modified_time,
        }

    def fleets(self) -> list[Fleet]:
        """Every fleet that runs: during an update the new one beside the old one."""
        rollout = self._rollout
        found = [*self.traffic.fleets, *([rollout.new] if rollout else [])]
        return list(dict.fromkeys(found))

    def create(self, fleet: Fleet) -> None:
        """Start the first fleet; the endpoint is InService or Failed afterwards."""
        publish_state(self)
        self._deploy(fleet, DeploymentPolicy())

    def update(
        self,
        fleet: Fleet,
        policy: DeploymentPolicy,
        deployment_config: Mapping[str, Any] | None,
    ) -> None:
        """Start a fleet beside the present one, then let it take over as the policy says.

        Args:
            fleet: the new one, not started yet.
            policy: how it takes over.
            deployment_config: the same, as the API shows it.

        Raises:
            ValidationException: another change is under way.
        """
        self._begin("Updating")
        if deployment_config is not None:
            self.deployment_config = deployment_config
        self._deploy(fleet, policy)

    def adjust(self, wanted: Sequence[Mapping[str, Any]]) -> None:
        """Change weights and capacities, as UpdateEndpointWeightsAndCapacities takes them.

        Raises:
            ValidationException: another change is under way.
        """
        self._begin("Updating")
        fleet = self._fleet
        if fleet is None:
            self._finish("Failed", self.failure_reason)
            return
        every = fleet.variants | fleet.shadows
        variants = [every[one["VariantName"]] for one in wanted]
        for variant, one in zip(variants, wanted, strict=True):
            variant.desire(one)
            variant.enter("Updating")

        def work() -> None:
            for variant in variants:
                variant.adjust()
            fleet.enter(None)

        def undo() -> None:
            for variant in variants:
                variant.settle()
            fleet.enter(None)

        self._run(work, undo, failed="InService")

    def delete(self, done: Callable[[], None]) -> None:
        """End everything, then call ``done``.

        Raises:
            ValidationException: another change is under way.
        """
        self._begin("Deleting")
        fleets, self._fleet = self.traffic.fleets, None
        self.traffic.turn_to(None)

        def work() -> None:
            for fleet in fleets:
                fleet.stop(drain=DRAIN)
            done()

        threading.Thread(target=work, name=f"endpoint-{self.endpoint_name}", daemon=True).start()

    def close(self) -> None:
        """Start nothing any more: the server stops, and ends all instances itself."""
        for fleet in self.fleets():
            fleet.close()

    def _deploy(self, fleet: Fleet, policy: DeploymentPolicy) -> None:
        # Batches replace one whole fleet: neither none, nor the mix that a failed rollback left.
        whole = len(self.traffic.fleets) == 1
        kind = Rolling if policy.shifting == "ROLLING" and whole else BlueGreen
        watch = AlarmWatch(self._cloud, role_arn=fleet.role_arn, names=policy.alarms)
        rollout = self._rollout = kind(
            self._cloud, policy=policy, traffic=self.traffic, new=fleet, watch=watch
        )

        def work() -> None:
            rollout.run()
            with self._lock:
                self._fleet, self.config, self._rollout = fleet, fleet.config, None
            fleet.enter(None)

        # An endpoint that never worked has nothing to return to, and a mix returns to be one.
        back = "InService" if whole else "UpdateRollbackFailed"
        self._run(work, rollout.roll_back, failed=back if self._fleet else "Failed")

    def refuse_busy(self) -> None:
        """Refuse a change while another one is under way.

        Raises:
            ValidationException: one is.
        """
        if self.endpoint_status not in _AT_REST:
            raise in_progress(self.arn)

    def _begin(self, status: str) -> None:
        with self._lock:
            self.refuse_busy()
            self.last_modified_time = now()
            self.endpoint_status = status

    def _finish(self, status: str, failure_reason: str | None) -> None:
        with self._lock:
            self._rollout = None
            self.failure_reason = failure_reason
            self.last_modified_time = now()
            self.endpoint_status = status

    def _run(self, work: Callable[[], None], undo: Callable[[], None], *, failed: str) -> None:
        """Do ``work`` in a thread; if that fails undo it, and be ``failed``."""

        def change() -> None:
            try:
                work()
            except (ModelInstanceError, DeploymentError) as error:
                reason = str(error)
            except Exception:
                logger.exception("endpoint %s", self.endpoint_name)
                reason = _INTERNAL
            else:
                self._finish("InService", None)
                return
            if failed != "Failed":
                self.endpoint_status = "RollingBack"
            try:
                undo()
            except Exception as error:
                logger.warning("endpoint %s was not rolled back: %s", self.endpoint_name, error)
                self._finish("UpdateRollbackFailed", f"{reason} The rollback failed: {error}")
            else:
                self._finish(failed, reason)

        threading.Thread(target=change, name=f"endpoint-{self.endpoint_name}", daemon=True).start()
