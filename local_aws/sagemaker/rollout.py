"""An update of an endpoint: a new fleet comes up beside the old one, and traffic moves to it."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence

from local_aws.cloud import Cloud
from local_aws.sagemaker.alarm_watch import AlarmWatch, DeploymentError
from local_aws.sagemaker.deployment_policy import DeploymentPolicy
from local_aws.sagemaker.fleet import Fleet
from local_aws.sagemaker.records import now
from local_aws.sagemaker.traffic import Traffic
from local_aws.sagemaker.variant_fleet import DRAIN

# How often alarms are looked at, in seconds of AWS and at least in seconds of this machine.
_LOOK, _SHORTEST_LOOK = 5.0, 0.1


class Rollout(ABC):
    """One update, or the creation of the first fleet.

    Alarms are watched from the beginning until the old fleet ends. Waits pass as fast as the cloud
    says; the time in which processes start is this machine's, and counts as it is.
    """

    def __init__(
        self,
        cloud: Cloud,
        *,
        policy: DeploymentPolicy,
        traffic: Traffic,
        new: Fleet,
        watch: AlarmWatch,
    ) -> None:
        """Plan an update; `run` does it.

        Args:
            cloud: how fast waits pass.
            policy: how traffic moves.
            traffic: the endpoint's.
            new: the fleet to come, planned and not started.
            watch: the alarms that stop it.
        """
        self.new = new
        self.new.enter("Creating")
        self.started = now()
        self._policy = policy
        self._traffic = traffic
        self._old: Sequence[Fleet] = traffic.fleets
        self._before = traffic.split
        self._watch = watch
        self._speed = cloud.speed
        self._began = time.monotonic()
        # Waits: how long they were on AWS, and here.
        self._waited = self._waited_here = 0.0

    @abstractmethod
    def run(self) -> None:
        """Bring the new fleet into service and end the old one.

        Raises:
            DeploymentError: an alarm was tripped, or the time is over.
            ModelInstanceError: an instance cannot be had.
        """

    @abstractmethod
    def roll_back(self) -> None:
        """Give all traffic back to the old fleet and end the new one.

        Raises:
            ModelInstanceError: an instance of the old fleet cannot be had again.
        """

    def _enter(self, status: str) -> None:
        """Begin the next stage of the new fleet, if it still may."""
        self._check()
        self.new.enter(status)

    def _bake(self) -> None:
        self._enter("Baking")
        self._wait(self._policy.wait)

    def _wait(self, seconds: float) -> None:
        """Wait, with an eye on the alarms."""
        began = time.monotonic()
        deadline = began + seconds / self._speed
        while True:
            self._check()
            left = deadline - time.monotonic()
            if left <= 0:
                break
            time.sleep(min(left, max(_SHORTEST_LOOK, _LOOK / self._speed)))
        self._waited += seconds
        self._waited_here += time.monotonic() - began

    def _check(self) -> None:
        self._watch.check()
        elapsed = time.monotonic() - self._began - self._waited_here + self._waited
        if elapsed > self._policy.maximum:
            raise DeploymentError(
                f"The deployment was rolled back because it exceeded the maximum execution timeout "
                f"of {self._policy.maximum} seconds."
            )


class BlueGreen(Rollout):
    """The whole new fleet starts before any of it takes requests, and the whole old one stays.

    https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green.html
    """

    def run(self) -> None:
        """Start everything, shift step by step, bake after each step, then end the old fleet."""
        self._enter("Creating")
        self.new.start()
        for active in self._steps():
            self._enter("ActivatingTraffic")
            self._shift(active)
            self._bake()
        self._wait(self._policy.termination_wait)
        self._traffic.turn_to(self.new)
        for fleet in self._old:
            fleet.enter("Deleting")
            fleet.stop(drain=DRAIN)

    def roll_back(self) -> None:
        """The old fleet is complete: it takes over at once."""
        self._traffic.split = self._before
        self.new.enter("Deleting")
        self.new.stop(drain=DRAIN)

    def _steps(self) -> list[dict[str, int]]:
        """How many instances of each variant take requests, step by step."""
        shifts = {
            name: list(self._policy.shifts(variant.desired_count))
            for name, variant in self.new.variants.items()
        }
        count = max(len(found) for found in shifts.values())
        steps = [
            {name: found[min(step, len(found) - 1)] for name, found in shifts.items()}
            for step in range(count)
        ]
        # There is nothing to shift from, or a mix that a failed rollback left: all at once.
        return steps if len(self._old) == 1 else steps[-1:]

    def _shift(self, active: dict[str, int]) -> None:
        for name, count in active.items():
            self.new.variants[name].activate(count)
        total = sum(variant.desired_count for variant in self.new.variants.values())
        if self._old:
            share = sum(active.values()) / total if total else 1.0
            self._traffic.share(self._old[0], self.new, share)
        else:
            self._traffic.turn_to(self.new)


class Rolling(Rollout):
    """Batch by batch: instances of the new fleet start, and as many of the old one end.

    https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-rolling.html
    """

    def run(self) -> None:
        """Start a batch, give it its share, bake, end a batch of the old fleet, and again."""
        old = self._old[0]
        old_total, total = old.wanted, self.new.wanted
        self._enter("Creating")
        self.new.start_shadows()
        for count in self._policy.shifts(total):
            self._enter("Creating")
            self.new.scale(count)
            self._enter("ActivatingTraffic")
            self._traffic.share(old, self.new, count / total)
            self._bake()
            if count < total:
                # Rounded up: while it has a share of the traffic it has an instance.
                old.scale(-(-old_total * (total - count) // total))
        self._traffic.turn_to(self.new)
        old.enter("Deleting")
        old.stop(drain=DRAIN)

    def roll_back(self) -> None:
        """Bring the old fleet up again, at once or in batches, and end as much of the new one."""
        old = self._old[0]
        total, new_total = old.wanted, self.new.wanted
        step = self._policy.rollback_step
        size = total if step is None else step.instances(total)
        self.new.enter("Deleting")
        old.enter("Updating")
        while old.size < total:
            old.scale(min(total, old.size + size))
            left = new_total * (total - old.size) // total
            self._traffic.share(old, self.new, left / max(1, new_total))
            if left:
                self.new.scale(min(left, self.new.size))
        self._traffic.turn_to(old)
        old.enter(None)
        self.new.stop(drain=DRAIN)
