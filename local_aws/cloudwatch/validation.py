"""What CloudWatch refuses when an alarm is put."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from moto.cloudwatch.exceptions import ValidationError

from local_aws.cloudwatch.evaluation import COMPARISON_OPERATORS
from local_aws.cloudwatch.expressions import ExpressionError, references
from local_aws.cloudwatch.rules import RuleError, name_of, parse_rule
from local_aws.cloudwatch.store import percentile_rank

STATISTICS = ("SampleCount", "Sum", "Average", "Minimum", "Maximum")
TREATMENTS = ("breaching", "notBreaching", "ignore", "missing")
ONE_DAY, ONE_WEEK, ONE_HOUR = 86_400, 604_800, 3_600


def check_metric_alarm(given: Mapping[str, Any]) -> None:
    """Raise ValidationError unless CloudWatch would take the alarm."""
    if bool(given.get("Metrics")) == bool(given.get("MetricName")):
        raise ValidationError("Either MetricName or Metrics must be specified, and not both.")
    comparison = given.get("ComparisonOperator")
    if comparison not in COMPARISON_OPERATORS:
        raise ValidationError(f"Invalid or unsupported comparison operator: {comparison}")
    if given.get("Threshold") is None:
        raise ValidationError("The parameter Threshold is required for this comparison operator.")
    if given.get("TreatMissingData") not in (None, *TREATMENTS):
        raise ValidationError(
            f"The value {given['TreatMissingData']} is not supported for TreatMissingData "
            "parameter. Supported values are [breaching, notBreaching, ignore, missing]."
        )
    if given.get("EvaluateLowSampleCountPercentile") not in (None, "evaluate", "ignore"):
        raise ValidationError(
            f"Option {given['EvaluateLowSampleCountPercentile']} is not supported. Supported "
            "options for parameter EvaluateLowSampleCountPercentile are evaluate and ignore."
        )
    periods = int(given["EvaluationPeriods"])
    if not 1 <= int(given.get("DatapointsToAlarm") or periods) <= periods:
        raise ValidationError("DatapointsToAlarm must be less than or equal to EvaluationPeriods.")
    if given.get("Metrics"):
        _check_queries(given["Metrics"], periods)
    else:
        _check_metric(given, periods)


def _check_metric(given: Mapping[str, Any], periods: int) -> None:
    if bool(given.get("Statistic")) == bool(given.get("ExtendedStatistic")):
        raise ValidationError("Exactly one of Statistic or ExtendedStatistic must be specified.")
    _check_statistic(given.get("Statistic") or given["ExtendedStatistic"])
    if not given.get("Period"):
        raise ValidationError("The parameter Period is required for an alarm on a metric.")
    _check_period(int(given["Period"]), periods)


def _check_queries(members: Collection[Mapping[str, Any]], periods: int) -> None:
    returned = [member for member in members if member.get("ReturnData") is not False]
    if len(returned) != 1:
        raise ValidationError(
            "Exactly one element of the metrics list should return data, "
            f"{len(returned)} elements do."
        )
    known = {member["Id"] for member in members}
    for member in members:
        if stat := member.get("MetricStat"):
            _check_statistic(stat["Stat"])
            _check_period(int(stat["Period"]), periods)
            continue
        try:
            unknown = references(member["Expression"]) - known
        except ExpressionError as error:
            raise ValidationError(f"Invalid metrics list: {error}") from error
        if unknown:
            raise ValidationError(
                f"Invalid metrics list: expression {member['Id']} refers to unknown ids "
                f"{sorted(unknown)}"
            )


def _check_statistic(name: str) -> None:
    if name in STATISTICS:
        return
    try:
        percentile_rank(name)
    except ValueError as error:
        raise ValidationError(f"The value {name} is not a supported statistic.") from error


def _check_period(period: int, periods: int) -> None:
    if period not in (10, 20, 30) and (period <= 0 or period % 60):
        raise ValidationError(
            f"Invalid period {period}: period must be 10, 20, 30 or a multiple of 60 seconds."
        )
    longest = ONE_WEEK if period >= ONE_HOUR else ONE_DAY
    if period * periods > longest:
        raise ValidationError(
            "Metrics cannot be checked across more than "
            f"{'a week' if longest == ONE_WEEK else 'a day'} "
            f"(EvaluationPeriods * Period must be <= {longest})."
        )


def check_composite_alarm(given: Mapping[str, Any], known: Collection[str]) -> None:
    """Raise ValidationError unless CloudWatch would take the composite alarm."""
    if given.get("ActionsSuppressor"):
        raise ValidationError("ActionsSuppressor is not offered by this local AWS.")
    try:
        rule = parse_rule(given["AlarmRule"])
    except RuleError as error:
        raise ValidationError(str(error)) from error
    missing = [alarm for alarm in rule.alarms if name_of(alarm) not in known]
    if missing:
        raise ValidationError(
            "Could not save the composite alarm as alarms "
            f"[{', '.join(missing)}] in the alarm rule do not exist"
        )
