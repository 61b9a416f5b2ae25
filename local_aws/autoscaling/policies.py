"""Scaling policies and the alarms that target tracking keeps for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.applicationautoscaling.exceptions import AWSValidationException
from moto.applicationautoscaling.models import FakeApplicationAutoscalingPolicy
from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import cloudwatch_backends
from moto.moto_api._internal import mock_random

from local_aws.autoscaling.metrics import PREDEFINED, STANDARD, PredefinedMetric
from local_aws.cloudwatch.alarms import Alarm, MetricAlarm
from local_aws.cloudwatch.backend import LiveCloudWatchBackend

DEFAULT_COOLDOWN = 300
# The alarms that AWS creates: quick to scale out, slow to scale in, with room between the two. On a
# metric of high resolution the first is quicker; scaling in takes as long as on any other. See
# https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-add-code-define.html.
HIGH_PERIODS = 3
LOW_SECONDS = 15 * STANDARD
LOW_SHARE = 0.9


def cloudwatch_of(account: str, region: str) -> LiveCloudWatchBackend:
    """Where the alarms of policies are kept."""
    backend = cloudwatch_backends[account][region]
    assert isinstance(backend, LiveCloudWatchBackend)
    return backend


class ScalingPolicy(FakeApplicationAutoscalingPolicy):
    """A policy that scales.

    Args:
        earlier: the policy of the same name that it replaces: ARN and alarms stay.
        given: moto's own.
    """

    def __init__(self, *, earlier: ScalingPolicy | None = None, **given: Any) -> None:
        # Before moto's constructor, which makes the alarms.
        self.earlier = earlier
        super().__init__(**given)
        self.earlier = None

    def create_alarms(self) -> None:
        """Put the alarms of target tracking; those of step scaling are the user's own."""
        if self.earlier is not None:
            self._guid, self.policy_arn = self.earlier._guid, self.earlier.policy_arn
            self.creation_time = self.earlier.creation_time
        if self.policy_type != "TargetTrackingScaling":
            self._remove_old([])
            return
        metric = self._metric()
        names = ["High"] if self.tracking.get("DisableScaleIn") else ["High", "Low"]
        kept: dict[str, Alarm] = {}
        for name in names:
            kept[name] = self._put_alarm(name, metric)
        self._remove_old(list(kept.values()))
        self.alarms = list(kept.values())  # type: ignore[arg-type]

    @property
    def tracking(self) -> dict[str, Any]:
        """TargetTrackingScalingPolicyConfiguration."""
        return self.target_tracking_scaling_policy_configuration or {}

    @property
    def stepping(self) -> dict[str, Any]:
        """StepScalingPolicyConfiguration."""
        return self.step_scaling_policy_configuration or {}

    @property
    def target_value(self) -> float:
        """What target tracking keeps the metric at."""
        return float(self.tracking["TargetValue"])

    @property
    def predefined_metric(self) -> PredefinedMetric | None:
        """The predefined metric that is tracked, if it is one of SageMaker's."""
        specification = self.tracking.get("PredefinedMetricSpecification") or {}
        return PREDEFINED.get(specification.get("PredefinedMetricType", ""))

    def cooldown(self, *, out: bool) -> float:
        """Seconds to wait after a scaling activity."""
        if self.policy_type == "StepScaling":
            return float(self.stepping.get("Cooldown", DEFAULT_COOLDOWN))
        name = "ScaleOutCooldown" if out else "ScaleInCooldown"
        return float(self.tracking.get(name, DEFAULT_COOLDOWN))

    def alarm(self, name: str) -> Alarm | None:
        """The alarm for scaling out (``High``) or in (``Low``)."""
        for alarm in self.alarms:
            if f"-Alarm{name}-" in alarm.name:
                return cloudwatch_of(self.account_id, self.region_name).find_alarm(alarm.name)
        return None

    def delete_alarms(self, account_id: str, region_name: str) -> None:
        """Delete what `create_alarms` put."""
        backend = cloudwatch_of(account_id, region_name)
        backend.delete_alarms([alarm.name for alarm in self.alarms])

    def _put_alarm(self, name: str, metric: Mapping[str, Any]) -> Alarm:
        earlier = None if self.earlier is None else self.earlier.alarm(name)
        high = name == "High"
        called = f"TargetTracking-{self.resource_id}-Alarm{name}-{mock_random.uuid4()}"
        period = int(metric.get("Period", STANDARD))
        configuration = {
            **metric,
            "AlarmName": called if earlier is None else earlier.name,
            "AlarmDescription": (
                f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {self.policy_arn}."
            ),
            "ComparisonOperator": "GreaterThanThreshold" if high else "LessThanThreshold",
            "EvaluationPeriods": HIGH_PERIODS if high else LOW_SECONDS // period,
            "Threshold": self.target_value if high else self.target_value * LOW_SHARE,
            "AlarmActions": [self.policy_arn],
            "ActionsEnabled": True,
        }
        try:
            alarm = cloudwatch_of(self.account_id, self.region_name).put_alarm(configuration)
        except ValidationError as error:
            raise AWSValidationException(str(error.message)) from error
        if isinstance(alarm, MetricAlarm):
            alarm.per_period = self.predefined_metric is not None and self.predefined_metric.counts
        return alarm

    def _remove_old(self, kept: list[Alarm]) -> None:
        if self.earlier is not None:
            names = {alarm.name for alarm in self.earlier.alarms} - {alarm.name for alarm in kept}
            cloudwatch_of(self.account_id, self.region_name).delete_alarms(sorted(names))

    def _metric(self) -> dict[str, Any]:
        """What the alarms watch."""
        customized = self.tracking.get("CustomizedMetricSpecification")
        if customized and customized.get("Metrics"):
            return {"Metrics": [_metric_query(member) for member in customized["Metrics"]]}
        if customized:
            given = {
                name: customized[name]
                for name in ("MetricName", "Namespace", "Dimensions", "Statistic", "Unit")
                if customized.get(name)
            }
            return {**given, "Period": STANDARD}
        assert self.predefined_metric is not None
        return self.predefined_metric.watched(self.resource_id)


def _metric_query(member: Mapping[str, Any]) -> dict[str, Any]:
    """A member of CustomizedMetricSpecification.Metrics as an alarm states it: with a period."""
    query = dict(member)
    if stat := query.get("MetricStat"):
        query["MetricStat"] = {"Period": STANDARD, **stat}
    return query
