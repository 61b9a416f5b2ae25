"""An endpoint's life: created, updated, scaled and deleted, while it serves."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from local_aws.cloud import Cloud
from local_aws.sagemaker.errors import in_progress
from local_aws.sagemaker.fleet import DRAIN, Fleet
from local_aws.sagemaker.instances import ModelInstanceError
from local_aws.sagemaker.kinds import variant_of
from local_aws.sagemaker.records import EndpointConfigRecord, Tags, now

logger = logging.getLogger(__name__)

_INTERNAL = "Request to service failed. If failure persists after retry, contact customer support."
_AT_REST = {"InService", "Failed"}


class Endpoint:
    """One endpoint. Its fleet is replaced as a whole; a request holds on to the one it began with.

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
        self.endpoint_status = "Creating"
        self.failure_reason: str | None = None
        self.creation_time = self.last_modified_time = now()
        self.deployment_config = deployment_config
        self.config = config
        self._cloud = cloud
        self._lock = threading.RLock()
        self._fleet: Fleet | None = None
        self._pending: tuple[Fleet, datetime] | None = None

    @property
    def fleet(self) -> Fleet | None:
        """The fleet that takes requests; None while there is none."""
        return self._fleet

    @property
    def pending(self) -> tuple[Fleet, datetime] | None:
        """The fleet that is starting, and since when; None while nothing changes."""
        return self._pending

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
        found = [self._fleet, self._pending[0] if self._pending else None]
        return [fleet for fleet in found if fleet is not None]

    def create(self) -> None:
        """Start the first fleet; the endpoint is InService or Failed afterwards."""
        fleet = self._planned(self.config, {}, {})
        self._pending = (fleet, now())
        self._run(lambda: self._switch(fleet, self.config), failed="Failed")

    def update(
        self,
        config: EndpointConfigRecord,
        *,
        retain_counts: bool,
        retain_weights: bool,
        deployment_config: Mapping[str, Any] | None,
    ) -> None:
        """Start a fleet for ``config`` beside the present one, then let it take over.

        Raises:
            ValidationException: another change is under way.
        """
        self._begin("Updating")
        self.deployment_config = deployment_config
        present = self._fleet.variants if self._fleet else {}
        fleet = self._planned(
            config,
            {name: found.desired_count for name, found in present.items()} if retain_counts else {},
            {name: found.desired_weight for name, found in present.items()}
            if retain_weights
            else {},
        )
        self._pending = (fleet, now())
        # An endpoint that never worked has nothing to return to.
        failed = "InService" if self._fleet else "Failed"
        self._run(lambda: self._switch(fleet, config), failed=failed)

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
        variants = [fleet.variants[one["VariantName"]] for one in wanted]
        for variant, one in zip(variants, wanted, strict=True):
            variant.desire(one)

        def work() -> None:
            for variant in variants:
                variant.adjust()

        self._run(work, failed="InService")

    def delete(self, done: Callable[[], None]) -> None:
        """End everything, then call ``done``.

        Raises:
            ValidationException: another change is under way.
        """
        self._begin("Deleting")
        fleet, self._fleet = self._fleet, None

        def work() -> None:
            if fleet is not None:
                fleet.stop(drain=DRAIN)
            done()

        threading.Thread(target=work, name=f"endpoint-{self.endpoint_name}", daemon=True).start()

    def close(self) -> None:
        """Start nothing any more: the server stops, and ends all instances itself."""
        for fleet in self.fleets():
            for variant in fleet.variants.values():
                variant.close()

    def _planned(
        self,
        config: EndpointConfigRecord,
        counts: Mapping[str, int],
        weights: Mapping[str, float],
    ) -> Fleet:
        return Fleet(
            self._cloud,
            endpoint_name=self.endpoint_name,
            config=config,
            counts=counts,
            weights=weights,
            variant_of=variant_of,
        )

    def _switch(self, fleet: Fleet, config: EndpointConfigRecord) -> None:
        """All at once: when every new instance is healthy, the next request goes to them."""
        fleet.start()
        with self._lock:
            old, self._fleet = self._fleet, fleet
            self.config = config
            self._pending = None
        if old is not None:
            old.stop(drain=DRAIN)

    def _begin(self, status: str) -> None:
        with self._lock:
            if self.endpoint_status not in _AT_REST:
                raise in_progress(self.arn)
            self.endpoint_status = status
            self.last_modified_time = now()

    def _finish(self, status: str, failure_reason: str | None) -> None:
        with self._lock:
            self._pending = None
            self.failure_reason = failure_reason
            self.endpoint_status = status
            self.last_modified_time = now()

    def _run(self, work: Callable[[], None], *, failed: str) -> None:
        def change() -> None:
            try:
                work()
            except ModelInstanceError as error:
                if failed == "InService":
                    self.endpoint_status = "RollingBack"
                self._roll_back()
                self._finish(failed, str(error))
            except Exception:
                logger.exception("endpoint %s", self.endpoint_name)
                self._finish(failed, _INTERNAL)
            else:
                self._finish("InService", None)

        threading.Thread(target=change, name=f"endpoint-{self.endpoint_name}", daemon=True).start()

    def _roll_back(self) -> None:
        """What an adjustment wanted and could not have is no longer wanted."""
        if self._fleet is not None:
            for variant in self._fleet.variants.values():
                variant.settle()
