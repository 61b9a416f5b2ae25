"""Actions of alarms, delivered as CloudWatch delivers them."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from functools import cache
from typing import Any

import botocore.loaders
from botocore.exceptions import BotoCoreError, ClientError

from local_aws.cloud import Cloud
from local_aws.cloudwatch.alarms import Alarm, Change, MetricAlarm, timestamp
from local_aws.permissions.services import ServiceCall, ServiceDenied, authorize

_log = logging.getLogger(__name__)

PRINCIPAL = "cloudwatch.amazonaws.com"
# The names of Statistic in a notification; percentiles are told as ExtendedStatistic.
_STATISTICS = {
    "SampleCount": "SAMPLE_COUNT",
    "Average": "AVERAGE",
    "Sum": "SUM",
    "Minimum": "MINIMUM",
    "Maximum": "MAXIMUM",
}

ActionHandler = Callable[[str, Alarm], None]
"""Executes an action; gets its ARN and the alarm, and raises `ActionError` if it cannot."""

_handlers: dict[str, ActionHandler] = {}


class ActionError(Exception):
    """The action was not executed; the message goes into the alarm's history."""


def register_action(service: str, handler: ActionHandler) -> None:
    """Execute actions on ARNs of ``service`` with ``handler``."""
    _handlers[service] = handler


def execute(cloud: Cloud, alarm: Alarm, action: str, change: Change | None) -> None:
    """Execute one action and tell the outcome in the alarm's history, where AWS tells it too.

    Args:
        cloud: the local AWS.
        alarm: the alarm, already in its new state.
        action: the ARN to act on.
        change: the change of state; None where the alarm stays in its state and the action goes on,
            as scaling does.
    """
    service = action.split(":")[2]
    try:
        if service in _handlers:
            _handlers[service](action, alarm)
        elif service == "sns" and change is not None:
            _notify(cloud, alarm, action, change)
        else:
            raise ActionError(f"actions on {service} are not offered by this local AWS")
    except (ActionError, ClientError, BotoCoreError) as error:
        alarm.record(
            "Action",
            f"Failed to execute action {action}",
            {
                "actionState": "Failed",
                "notificationResource": action,
                "stateUpdateTimestamp": timestamp(alarm.updated),
                "error": str(error),
            },
        )
        _log.warning("alarm %s: failed to execute action %s: %s", alarm.name, action, error)
    else:
        if change is not None:
            alarm.record(
                "Action",
                f"Successfully executed action {action}",
                {"actionState": "Succeeded", "notificationResource": action},
            )


def _notify(cloud: Cloud, alarm: Alarm, topic: str, change: Change) -> None:
    account = alarm.arn.split(":")[4]
    region = alarm.arn.split(":")[3]
    call = ServiceCall(service=PRINCIPAL, source_arn=alarm.arn, account=account, region=region)
    try:
        authorize(call, "sns:Publish", topic)
    except ServiceDenied as denied:
        if denied.action.startswith("kms:"):
            raise ActionError(
                "CloudWatch Alarms does not have authorization to access the SNS topic "
                "encryption key."
            ) from denied
        raise ActionError(
            f"CloudWatch Alarms is not authorized to perform: SNS:Publish on resource: {topic} "
            f"{denied.because}"
        ) from denied
    cloud.client("sns").publish(
        TopicArn=topic,
        Subject=f'{change.new}: "{alarm.name}" in {region_title(region)}'[:100],
        Message=json.dumps(notification(alarm, change)),
    )


def notification(alarm: Alarm, change: Change) -> dict[str, Any]:
    """The message that a topic gets."""
    given = alarm.configuration
    message: dict[str, Any] = {
        "AlarmName": alarm.name,
        "AlarmDescription": given.get("AlarmDescription"),
        "AWSAccountId": alarm.arn.split(":")[4],
        "NewStateValue": change.new,
        "NewStateReason": change.reason,
        "StateChangeTime": timestamp(change.at),
        "Region": region_title(alarm.arn.split(":")[3]),
        "AlarmArn": alarm.arn,
        "OldStateValue": change.old,
        "OKActions": list(alarm.actions("OK")),
        "AlarmActions": list(alarm.actions("ALARM")),
        "InsufficientDataActions": list(alarm.actions("INSUFFICIENT_DATA")),
    }
    if not isinstance(alarm, MetricAlarm):
        return {**message, "AlarmRule": given["AlarmRule"]}
    return {
        **message,
        "AlarmConfigurationUpdatedTimestamp": timestamp(alarm.configured),
        "Trigger": _trigger(alarm),
    }


def _trigger(alarm: MetricAlarm) -> dict[str, Any]:
    given = alarm.configuration
    condition = alarm.condition
    trigger: dict[str, Any] = {
        "Period": alarm.period,
        "EvaluationPeriods": condition.evaluation_periods,
        "DatapointsToAlarm": condition.needed,
        "ComparisonOperator": condition.comparison,
        "Threshold": condition.threshold,
        "TreatMissingData": condition.treatment,
        "EvaluateLowSampleCountPercentile": given.get("EvaluateLowSampleCountPercentile", ""),
    }
    if given.get("Metrics"):
        return {**trigger, "Metrics": given["Metrics"]}
    trigger |= {
        "MetricName": given["MetricName"],
        "Namespace": given["Namespace"],
        "Unit": given.get("Unit"),
        "Dimensions": [
            {"value": member["Value"], "name": member["Name"]}
            for member in given.get("Dimensions") or ()
        ],
    }
    if given.get("ExtendedStatistic"):
        return {
            **trigger,
            "StatisticType": "ExtendedStatistic",
            "ExtendedStatistic": given["ExtendedStatistic"],
        }
    return {**trigger, "StatisticType": "Statistic", "Statistic": _STATISTICS[given["Statistic"]]}


@cache
def region_title(region: str) -> str:
    """A region's name for people, e.g. ``US East (N. Virginia)``."""
    for partition in botocore.loaders.create_loader().load_data("endpoints")["partitions"]:
        if region in partition["regions"]:
            return str(partition["regions"][region]["description"])
    return region
