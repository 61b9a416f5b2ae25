"""`Scaling`: how many instances a variant may have, and what moves the number."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from aws_cdk import Duration, Token
from aws_cdk import aws_applicationautoscaling as autoscaling

from inference_constructs.faults import refuse

SERVICE_NAMESPACE = "sagemaker"
SCALABLE_DIMENSION = "sagemaker:variant:DesiredInstanceCount"


@dataclass(frozen=True, kw_only=True)
class TargetTracking:
    """A policy that holds a metric of the variant near a target.

    Attributes:
        metric: the predefined metric, in Application Auto Scaling's own words.
        target: the value to hold, in the metric's unit.
        scale_out_cooldown: how long after instances were added more may be added.
        scale_in_cooldown: how long after a change instances may be taken away.
        scale_in: whether instances may be taken away at all.
    """

    metric: str
    target: float
    scale_out_cooldown: Duration = field(default_factory=lambda: Duration.minutes(1))
    scale_in_cooldown: Duration = field(default_factory=lambda: Duration.minutes(5))
    scale_in: bool = True

    def __post_init__(self) -> None:
        """Refuses a target that no fleet can hold.

        Raises:
            ValueError: the target is not a positive number.
        """
        # Finite first: jsii cannot be asked about a NaN, it ends.
        if not math.isfinite(self.target) or (
            self.target <= 0 and not Token.is_unresolved(self.target)
        ):
            refuse("target tracking", [f"the target must be greater than 0, not {self.target}"])

    @classmethod
    def invocations_per_instance(
        cls,
        per_minute: float,
        *,
        scale_out_cooldown: Duration | None = None,
        scale_in_cooldown: Duration | None = None,
        scale_in: bool = True,
    ) -> Self:
        """Tracks the invocations that one instance answers in a minute.

        Args:
            per_minute: invocations per instance **and minute**; for 20 a second, 1200.
            scale_out_cooldown: how long after instances were added more may be added.
            scale_in_cooldown: how long after a change instances may be taken away.
            scale_in: whether instances may be taken away at all.
        """
        cooldowns = {
            "scale_out_cooldown": scale_out_cooldown,
            "scale_in_cooldown": scale_in_cooldown,
        }
        return cls(
            metric="SageMakerVariantInvocationsPerInstance",
            target=per_minute,
            scale_in=scale_in,
            **{name: value for name, value in cooldowns.items() if value is not None},
        )

    def configuration(
        self,
    ) -> autoscaling.CfnScalingPolicy.TargetTrackingScalingPolicyConfigurationProperty:
        """The policy as CloudFormation has it."""
        policy = autoscaling.CfnScalingPolicy
        return policy.TargetTrackingScalingPolicyConfigurationProperty(
            target_value=self.target,
            predefined_metric_specification=policy.PredefinedMetricSpecificationProperty(
                predefined_metric_type=self.metric
            ),
            scale_out_cooldown=self.scale_out_cooldown.to_seconds(),
            scale_in_cooldown=self.scale_in_cooldown.to_seconds(),
            disable_scale_in=not self.scale_in,
        )


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """The bounds of a variant's fleet, and the policies that move it between them.

    https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling.html

    Attributes:
        min_capacity: the fewest instances.
        max_capacity: the most instances.
        policies: what moves the number; with several, the one that asks for most instances wins.
    """

    min_capacity: int
    max_capacity: int
    policies: Sequence[TargetTracking]

    def __post_init__(self) -> None:
        """Refuses bounds and policies that Application Auto Scaling refuses, or never uses.

        Raises:
            ValueError: names all that is wrong.
        """
        refuse("scaling", self._faults())

    def _faults(self) -> list[str]:
        faults = []
        lowest, highest = self.min_capacity, self.max_capacity
        if not Token.is_unresolved(lowest) and lowest < 1:
            faults.append(
                f"min_capacity must be at least 1 for an instance-backed variant, not {lowest}"
            )
        if not any(map(Token.is_unresolved, (lowest, highest))) and lowest > highest:
            faults.append(
                f"min_capacity ({lowest}) must not be greater than max_capacity ({highest}): "
                "lower the one or raise the other"
            )
        if not self.policies:
            faults.append("policies must hold at least one policy, or nothing would ever scale")
        metrics = [policy.metric for policy in self.policies]
        faults += [
            f"metric {metric} is tracked by {metrics.count(metric)} policies: keep one"
            for metric in sorted(set(metrics))
            if metrics.count(metric) > 1
        ]
        return faults
