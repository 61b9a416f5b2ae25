"""An update of an inference component: batch by batch, new copies start and old ones end.

See https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_InferenceComponentRollingUpdatePolicy.html
"""

from __future__ import annotations

import time

from local_aws.cloud import Cloud
from local_aws.sagemaker.alarm_watch import AlarmWatch, DeploymentError
from local_aws.sagemaker.component_spec import ComponentSpec
from local_aws.sagemaker.deployment_policy import CapacitySize, DeploymentPolicy
from local_aws.sagemaker.errors import ValidationException
from local_aws.sagemaker.host_fleet import HostFleet
from local_aws.sagemaker.variant_fleet import DRAIN

_PAGE = (
    "https://docs.aws.amazon.com/sagemaker/latest/APIReference/"
    "API_InferenceComponentRollingUpdatePolicy.html"
)
# How often alarms are looked at, in seconds of AWS and at least in seconds of this machine.
_LOOK, _SHORTEST_LOOK = 5.0, 0.1


class ComponentRollout:
    """One update of one component."""

    def __init__(
        self,
        cloud: Cloud,
        *,
        component: str,
        old: ComponentSpec,
        new: ComponentSpec,
        copies: tuple[int, int],
        policy: DeploymentPolicy,
        watch: AlarmWatch,
    ) -> None:
        """Plan an update; `run` does it.

        Args:
            cloud: how fast waits pass.
            component: whose copies they are.
            old: what runs.
            new: what is to run.
            copies: how many there were, and are to be.
            policy: how they take over.
            watch: the alarms that stop it.
        """
        self._component = component
        self._old, self._new = old, new
        self._before, self._after = copies
        self._policy = policy
        self._watch = watch
        self._speed = cloud.speed
        self._began = time.monotonic()

    def run(self, fleet: HostFleet) -> None:
        """Replace the copies.

        Raises:
            DeploymentError: an alarm was tripped, or the time is over.
            ModelInstanceError: a copy cannot be had.
        """
        step = self._policy.step
        size = max(1, self._after // 2) if step is None else step.instances(self._after)
        self._check()
        while self._replace(fleet, self._new, self._after, size):
            self._bake()

    def roll_back(self, fleet: HostFleet) -> None:
        """Bring the old copies back, at once or in batches.

        Raises:
            ModelInstanceError: a copy cannot be had again.
        """
        step = self._policy.rollback_step
        size = max(1, self._before) if step is None else step.instances(self._before)
        while self._replace(fleet, self._old, self._before, size):
            pass

    def _replace(self, fleet: HostFleet, coming: ComponentSpec, count: int, size: int) -> bool:
        """Start a batch and end as many; False if there is nothing left to do."""
        copies = fleet.copies(self._component)
        old = [seat for seat in copies if seat.spec is not coming]
        missing = count - (len(copies) - len(old))
        surplus = [] if old else fleet.surplus(self._component, count)
        if not old and missing <= 0 and not surplus:
            return False
        fleet.add(self._component, coming, min(size, max(0, missing)))
        fleet.end(old[:size] or surplus, drain=DRAIN)
        return True

    def _bake(self) -> None:
        deadline = time.monotonic() + self._policy.wait / self._speed
        while True:
            self._check()
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, max(_SHORTEST_LOOK, _LOOK / self._speed)))

    def _check(self) -> None:
        self._watch.check()
        if time.monotonic() - self._began > self._policy.maximum:
            raise DeploymentError(
                f"The deployment was rolled back because it exceeded the maximum execution timeout "
                f"of {self._policy.maximum} seconds."
            )


def check_batch(step: CapacitySize | None, copies: int) -> None:
    """Judge a batch: 5 to 50 percent of the copies; one where there is but one.

    Raises:
        ValidationException: it is larger or smaller.
    """
    if step is None:
        return
    if step.percent and not 5 <= step.value <= 50:
        raise _wrong(step, f"{step.value} percent")
    if not step.percent and copies > 1 and not copies <= 20 * step.value <= 10 * copies:
        raise _wrong(step, f"{step.value} of {copies} copies")


def _wrong(step: CapacitySize, given: str) -> Exception:
    return ValidationException(
        f"{step.name} must be between 5% to 50% of the copy count of the inference component, got "
        f"{given}. See {_PAGE}"
    )
