"""`TargetTracking`: a policy that holds a metric near a target."""

import math
from dataclasses import dataclass, field
from typing import Any, Self

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from inference_constructs.durations import is_late, minutes, whole_seconds
from inference_constructs.faults import refuse
from inference_constructs.scaling_metrics import (
    OwnMetric,
    ScalingMetric,
    metric_key,
    metric_members,
    metric_name,
    statistic_faults,
)

_SECONDS_PER_MINUTE = 60


@dataclass(frozen=True, kw_only=True)
class Cooldowns:
    """How long a policy rests after it has changed the capacity.

    Attributes:
        scale_out: how long after capacity was added more may be added.
        scale_in: how long after a change capacity may be taken away.
    """

    scale_out: Duration = field(default_factory=lambda: minutes(1))
    scale_in: Duration = field(default_factory=lambda: minutes(5))


@dataclass(frozen=True, kw_only=True)
class TargetTracking:
    """A policy that holds a metric of the scaled resource near a target.

    https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking.html

    Attributes:
        metric: a predefined metric in Application Auto Scaling's own words, or any other that falls
            in proportion as capacity is added.
        target: the value to hold, in the metric's unit.
        cooldowns: how long it rests after a change.
        scale_in: whether capacity may be taken away at all.
    """

    metric: str | ScalingMetric
    target: float
    cooldowns: Cooldowns = field(default_factory=Cooldowns)
    scale_in: bool = True

    def __post_init__(self) -> None:
        """Refuses a target that no capacity can hold, and a statistic that AWS does not take.

        Raises:
            ValueError: names all that is wrong.
        """
        faults = [] if isinstance(self.metric, str) else statistic_faults(self.metric)
        # Finite first: jsii cannot be asked about a NaN, it ends.
        if not math.isfinite(self.target) or (self.target <= 0 and not is_late(self.target)):
            faults.append(f"the target must be greater than 0, not {self.target}")
        refuse("target tracking", faults)

    @classmethod
    def invocations_per_instance(
        cls, per_minute: float, *, cooldowns: Cooldowns | None = None, scale_in: bool = True
    ) -> Self:
        """Tracks the invocations that one instance answers in a minute.

        Args:
            per_minute: invocations per instance **and minute**; for 20 a second, 1200.
            cooldowns: how long it rests after a change.
            scale_in: whether instances may be taken away at all.
        """
        return cls._of("SageMakerVariantInvocationsPerInstance", per_minute, cooldowns, scale_in)

    @classmethod
    def from_measured_capacity(
        cls,
        *,
        peak_requests_per_second: float,
        safety_factor: float = 0.5,
        cooldowns: Cooldowns | None = None,
        scale_in: bool = True,
    ) -> Self:
        """Tracks invocations per instance, with a target from a load test.

        The target is peak x safety factor x 60, see
        https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-loadtest.html

        Args:
            peak_requests_per_second: what one instance answered at most with a latency that was
                still good.
            safety_factor: the share of it to use, so that new instances come in time; up to 1.
            cooldowns: how long it rests after a change.
            scale_in: whether instances may be taken away at all.

        Raises:
            ValueError: the peak or the factor is out of range.
        """
        faults = []
        if not (math.isfinite(peak_requests_per_second) and peak_requests_per_second > 0):
            faults.append(
                f"peak_requests_per_second must be greater than 0, not {peak_requests_per_second}"
            )
        if not 0 < safety_factor <= 1:
            faults.append(f"safety_factor must be above 0 and at most 1, not {safety_factor}")
        refuse("target tracking", faults)
        return cls.invocations_per_instance(
            round(peak_requests_per_second * safety_factor * _SECONDS_PER_MINUTE, 6),
            cooldowns=cooldowns,
            scale_in=scale_in,
        )

    @classmethod
    def concurrent_requests_per_model(
        cls, requests: float, *, cooldowns: Cooldowns | None = None, scale_in: bool = True
    ) -> Self:
        """Tracks the requests that each model has under way, measured every 10 seconds.

        It reacts within a minute, where invocations per instance take several.

        Args:
            requests: requests under way per model.
            cooldowns: how long it rests after a change.
            scale_in: whether instances may be taken away at all.
        """
        name = "SageMakerVariantConcurrentRequestsPerModelHighResolution"
        return cls._of(name, requests, cooldowns, scale_in)

    @classmethod
    def invocations_per_copy(
        cls, per_minute: float, *, cooldowns: Cooldowns | None = None, scale_in: bool = True
    ) -> Self:
        """Tracks the invocations that one copy of an inference component answers in a minute.

        Args:
            per_minute: invocations per copy **and minute**.
            cooldowns: how long it rests after a change.
            scale_in: whether copies may be taken away at all.
        """
        name = "SageMakerInferenceComponentInvocationsPerCopy"
        return cls._of(name, per_minute, cooldowns, scale_in)

    @classmethod
    def concurrent_requests_per_copy(
        cls, requests: float, *, cooldowns: Cooldowns | None = None, scale_in: bool = True
    ) -> Self:
        """Tracks the requests that each copy has under way, measured every 10 seconds.

        Args:
            requests: requests under way per copy.
            cooldowns: how long it rests after a change.
            scale_in: whether copies may be taken away at all.
        """
        name = "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution"
        return cls._of(name, requests, cooldowns, scale_in)

    @classmethod
    def provisioned_concurrency_utilization(
        cls, share: float, *, cooldowns: Cooldowns | None = None, scale_in: bool = True
    ) -> Self:
        """Tracks how much of a serverless variant's provisioned concurrency is in use.

        Args:
            share: above 0 and at most 1.
            cooldowns: how long it rests after a change.
            scale_in: whether concurrency may be taken away at all.

        Raises:
            ValueError: the share is out of range.
        """
        # Finite first: jsii cannot be asked about a NaN, it ends.
        if not math.isfinite(share) or not (0 < share <= 1 or is_late(share)):
            refuse("target tracking", [f"share must be above 0 and at most 1, not {share}"])
        name = "SageMakerVariantProvisionedConcurrencyUtilization"
        return cls._of(name, share, cooldowns, scale_in)

    @classmethod
    def backlog_per_instance(
        cls, requests: float, *, cooldowns: Cooldowns | None = None, scale_in: bool = True
    ) -> Self:
        """Tracks the requests that wait at an asynchronous endpoint, per instance.

        Args:
            requests: waiting requests per instance.
            cooldowns: how long it rests after a change.
            scale_in: whether instances may be taken away at all.
        """
        metric = OwnMetric(name="ApproximateBacklogSizePerInstance", statistic="Average")
        return cls._of(metric, requests, cooldowns, scale_in)

    @classmethod
    def custom_metric(
        cls,
        metric: cloudwatch.Metric,
        target: float,
        *,
        cooldowns: Cooldowns | None = None,
        scale_in: bool = True,
    ) -> Self:
        """Tracks any metric that falls in proportion as capacity is added.

        Application Auto Scaling looks at it by the minute, whatever its period.

        Args:
            metric: the metric; its statistic is no percentile.
            target: the value to hold, in the metric's unit.
            cooldowns: how long it rests after a change.
            scale_in: whether capacity may be taken away at all.
        """
        return cls._of(metric, target, cooldowns, scale_in)

    @classmethod
    def _of(
        cls,
        metric: str | ScalingMetric,
        target: float,
        cooldowns: Cooldowns | None,
        scale_in: bool,
    ) -> Self:
        rests = Cooldowns() if cooldowns is None else cooldowns
        return cls(metric=metric, target=target, cooldowns=rests, scale_in=scale_in)

    @property
    def name(self) -> str:
        """The policy's name."""
        return self.metric if isinstance(self.metric, str) else metric_name(self.metric)

    @property
    def key(self) -> str:
        """What no other policy of the same resource may track."""
        return self.metric if isinstance(self.metric, str) else metric_key(self.metric)

    def definition(self, dimensions: dict[str, str]) -> dict[str, Any]:
        """The policy, in the words of `AWS::ApplicationAutoScaling::ScalingPolicy`.

        Args:
            dimensions: of the metrics that the scaled resource has itself.
        """
        metric: dict[str, Any] = (
            {"PredefinedMetricSpecification": {"PredefinedMetricType": self.metric}}
            if isinstance(self.metric, str)
            else {"CustomizedMetricSpecification": metric_members(self.metric, dimensions)}
        )
        return {
            "PolicyName": self.name,
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": {
                **metric,
                "TargetValue": self.target,
                "ScaleOutCooldown": whole_seconds(self.cooldowns.scale_out),
                "ScaleInCooldown": whole_seconds(self.cooldowns.scale_in),
                "DisableScaleIn": not self.scale_in,
            },
        }
