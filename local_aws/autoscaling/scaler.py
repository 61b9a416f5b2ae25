"""Changes capacity when alarms ask for it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

from moto.applicationautoscaling.exceptions import AWSValidationException
from moto.applicationautoscaling.models import (
    FakeScalableTarget,
    FakeScheduledAction,
    applicationautoscaling_backends,
)

from local_aws.autoscaling.activities import Activity
from local_aws.autoscaling.backend import LiveAutoscalingBackend, suspension_of
from local_aws.autoscaling.calculation import bounded, scaled_in, scaled_out, stepped
from local_aws.autoscaling.metrics import STANDARD
from local_aws.autoscaling.policies import ScalingPolicy
from local_aws.autoscaling.resources import ResourceError, Scalable, scalable
from local_aws.cloud import Cloud
from local_aws.cloudwatch.alarms import Alarm, MetricAlarm
from local_aws.cloudwatch.publish import publish

_log = logging.getLogger(__name__)


class Scaler:
    """Answers alarms of policies, brings targets within their bounds, runs scheduled actions."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._stopping = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="autoscaling", daemon=True)
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begin to publish what idle resources count: nothing."""
        self._heart.start()

    def stop(self) -> None:
        """Start no more activities."""
        self._stopping.set()
        if self._heart.is_alive():
            self._heart.join(timeout=5)

    def on_bounds(self, target: FakeScalableTarget) -> None:
        """Bring a target's capacity within its bounds, as soon as the resource can be changed."""
        thing = self._thing(target)
        if thing is not None and thing.describe() is not None:
            threading.Thread(target=self._reconcile, args=(target, thing), daemon=True).start()

    def on_schedule(self, backend: LiveAutoscalingBackend, action: FakeScheduledAction) -> None:
        """Give a target the bounds of a scheduled action; its capacity follows them.

        Nothing happens while scheduled scaling is suspended.
        """
        target = backend.find_target(action.resource_id, action.scalable_dimension)
        if target is None or suspension_of(target).get("ScheduledScalingSuspended"):
            return
        change: Any = action.scalable_target_action
        bounds = {key: change[key] for key in ("MinCapacity", "MaxCapacity") if key in change}
        words = {"MinCapacity": "min capacity", "MaxCapacity": "max capacity"}
        activity = Activity(
            resource_id=target.resource_id,
            dimension=target.scalable_dimension,
            goal=" and ".join(f"{words[key]} to {value}" for key, value in bounds.items()),
            cause=f"scheduled action name {action.scheduled_action_name} was triggered",
        )
        backend.activities.insert(0, activity)
        try:
            backend.register(
                {
                    "ServiceNamespace": target.service_namespace,
                    "ResourceId": target.resource_id,
                    "ScalableDimension": target.scalable_dimension,
                    **bounds,
                }
            )
        except AWSValidationException as error:
            activity.fail(error.message)
        else:
            activity.succeed()

    def _thing(self, target: FakeScalableTarget) -> Scalable | None:
        return scalable(self._cloud, target.scalable_dimension, target.resource_id)

    def on_alarm(self, action: str, alarm: Alarm) -> None:
        """Do what a policy says now that an alarm asks for it.

        The alarm asks again in each period for as long as it stays in its state.
        """
        arn = action.split(":createdBy", maxsplit=1)[0]
        account, region = alarm.arn.split(":")[4], alarm.arn.split(":")[3]
        backend = applicationautoscaling_backends[account][region]
        if not isinstance(backend, LiveAutoscalingBackend) or not isinstance(alarm, MetricAlarm):
            return
        policy = backend.find_policy(arn)
        if policy is None or self._stopping.is_set():
            return
        target = backend.find_target(policy.resource_id, policy.scalable_dimension)
        thing = None if target is None else self._thing(target)
        if target is None or thing is None:
            return
        with self._lock:
            self._scale(backend, target, thing, policy, alarm)

    def _scale(
        self,
        backend: LiveAutoscalingBackend,
        target: FakeScalableTarget,
        thing: Scalable,
        policy: ScalingPolicy,
        alarm: MetricAlarm,
    ) -> None:
        if any(self._activities(backend, target, "InProgress")):
            return
        current = thing.capacity()
        if current is None:
            return
        # Only what a policy did cools down, not what bounds or schedules did.
        done = self._activities(backend, target, "Successful")
        last = next((activity for activity in done if activity.policy is not None), None)
        wanted = self._wanted(policy, alarm, current, self._running_scale_out(policy, last))
        if wanted is None:
            return
        wanted = bounded(wanted, int(target.min_capacity or 0), int(target.max_capacity or 0))
        direction = "Out" if wanted > current else "In"
        if wanted == current or suspension_of(target).get(f"DynamicScaling{direction}Suspended"):
            return
        if wanted < current and not self._may_scale_in(backend, policy, last):
            return
        activity = _capacity_change(
            thing,
            before=current,
            wanted=wanted,
            cause=(
                f"monitor alarm {alarm.name} in state {alarm.state} triggered policy "
                f"{policy.policy_name}"
            ),
            policy=policy.policy_name,
        )
        backend.activities.insert(0, activity)
        threading.Thread(
            target=self._carry_out, args=(activity, thing, wanted), daemon=True
        ).start()

    def _wanted(
        self, policy: ScalingPolicy, alarm: MetricAlarm, current: int, before: int | None
    ) -> int | None:
        values = alarm.values
        if not values:
            return None
        if policy.policy_type == "StepScaling":
            # While a scale-out cools down, what it added counts as part of the next one.
            base = current if before is None else before
            capacity = stepped(base, values[-1] - alarm.condition.threshold, policy.stepping)
            return capacity if before is None else max(current, capacity)
        if "-AlarmLow-" in alarm.name:
            return scaled_in(current, values, policy.target_value)
        return scaled_out(current, values[-1], policy.target_value, before=before)

    def _running_scale_out(self, policy: ScalingPolicy, last: Activity | None) -> int | None:
        """The capacity before the last scale-out while that one cools down."""
        if last is None or not last.is_scale_out:
            return None
        return last.before if self._is_cooling(policy, last) else None

    def _is_cooling(self, policy: ScalingPolicy, last: Activity) -> bool:
        cooldown = policy.cooldown(out=last.is_scale_out) / self._cloud.speed
        return last.ended is not None and time.time() < last.ended + cooldown

    def _may_scale_in(
        self, backend: LiveAutoscalingBackend, policy: ScalingPolicy, last: Activity | None
    ) -> bool:
        """Scaling in waits for every cooldown, and for every policy that tracks the same target."""
        if last is not None and self._is_cooling(policy, last):
            return False
        for other in list(backend.policies.values()):
            if (
                not isinstance(other, ScalingPolicy)
                or other.policy_type != "TargetTrackingScaling"
                or (other.resource_id, other.scalable_dimension)
                != (policy.resource_id, policy.scalable_dimension)
            ):
                continue
            low = other.alarm("Low")
            if low is not None and low.state != "ALARM":
                return False
        return True

    def _activities(
        self, backend: LiveAutoscalingBackend, target: FakeScalableTarget, status: str
    ) -> Iterator[Activity]:
        return (
            activity
            for activity in list(backend.activities)
            if activity.status == status
            # Not those of an earlier resource of the same name.
            and activity.started >= target.creation_time
            and (activity.resource_id, activity.dimension)
            == (target.resource_id, target.scalable_dimension)
        )

    def _carry_out(self, activity: Activity, thing: Scalable, wanted: int) -> None:
        try:
            thing.set(wanted)
        except ResourceError as error:
            activity.fail(str(error))
        except Exception as error:
            _log.exception("scaling %s failed", thing.resource_id)
            activity.fail(str(error))
        else:
            activity.succeed()

    def _reconcile(self, target: FakeScalableTarget, thing: Scalable) -> None:
        backend = target.applicationautoscaling_backend
        if not isinstance(backend, LiveAutoscalingBackend):
            return
        while not self._stopping.is_set():
            if backend.find_target(target.resource_id, target.scalable_dimension) is not target:
                return
            current = thing.capacity()
            if current is not None:
                break
            if thing.describe() is None:
                return
            self._stopping.wait(0.2)
        else:
            return
        minimum, maximum = int(target.min_capacity or 0), int(target.max_capacity or 0)
        wanted = bounded(current, minimum, maximum)
        if wanted == current:
            return
        bound = "minimum" if wanted > current else "maximum"
        activity = _capacity_change(
            thing, before=current, wanted=wanted, cause=f"{bound} capacity was set to {wanted}"
        )
        backend.activities.insert(0, activity)
        self._carry_out(activity, thing, wanted)

    def _beat(self) -> None:
        """Publish a zero for each resource that is tracked by the minute, twice in a period.

        SageMaker emits the metric with a value of zero when a variant has no traffic, so that it is
        scaled in. To a sum and to a maximum, a zero beside other values adds nothing.
        """
        while not self._stopping.wait(STANDARD / self._cloud.speed / 2.5):
            for account in list(applicationautoscaling_backends.values()):
                for backend in list(account.values()):
                    for policy in list(backend.policies.values()):
                        if isinstance(policy, ScalingPolicy):
                            _publish_zero(policy)


def _capacity_change(
    thing: Scalable, *, before: int, wanted: int, cause: str, policy: str | None = None
) -> Activity:
    return Activity(
        resource_id=thing.resource_id,
        dimension=thing.dimension,
        goal=f"{thing.unit} to {wanted}",
        cause=cause,
        before=before,
        capacity=wanted,
        policy=policy,
    )


def _publish_zero(policy: ScalingPolicy) -> None:
    metric = policy.predefined_metric
    if metric is not None and metric.period == STANDARD:
        series = metric.series(policy.resource_id)
        publish(series.namespace, series.metric, dict(series.dimensions), 0.0, "None")
