"""`BatchSchedule`: a batch run by the clock of a time zone."""

import json
from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration, TimeZone
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from inference_constructs.batch import BatchTransformWorkflow
from inference_constructs.faults import refuse
from inference_constructs.functions.batch_checks.request import RequestError, checked
from inference_constructs.service_role import ServiceRole


class BatchSchedule(Construct):
    """Defines a schedule of EventBridge Scheduler that starts runs of a workflow.

    The same data is not run again by the next firing, unless the request says `force`.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        workflow: what is started.
        request: the input of the executions, such as `{"input": "s3://bucket/input/daily/"}`.
        expression: `cron(…)` or `rate(…)`.
        time_zone: whose clock counts, daylight saving time included.

    Raises:
        ValueError: the request or the expression is none.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        workflow: BatchTransformWorkflow,
        request: Mapping[str, Any],
        expression: str,
        time_zone: TimeZone = TimeZone.ETC_UTC,
    ) -> None:
        super().__init__(scope, construct_id)
        refuse("batch schedule", _faults(request, expression))
        role = ServiceRole(
            self,
            "Role",
            service="scheduler.amazonaws.com",
            description="Starts batch runs by the clock.",
        )
        workflow.grant_start_execution(role.grantee)
        self.group = scheduler.CfnScheduleGroup(self, "Group")
        schedule = scheduler.CfnSchedule(
            self,
            "Schedule",
            group_name=self.group.ref,
            schedule_expression=expression,
            schedule_expression_timezone=time_zone.timezone_name,
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=workflow.state_machine_arn,
                role_arn=role.role_arn,
                input=json.dumps(request),
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    # The next day has its own run.
                    maximum_event_age_in_seconds=int(Duration.hours(6).to_seconds()),
                    maximum_retry_attempts=30,
                ),
            ),
        )
        role.ready_before(schedule)

    def metric_dropped(self) -> cloudwatch.Metric:
        """Runs that could not be started."""
        return cloudwatch.Metric(
            namespace="AWS/Scheduler",
            metric_name="InvocationDroppedCount",
            dimensions_map={"ScheduleGroup": self.group.ref},
            statistic=cloudwatch.Stats.SUM,
        )


def _faults(request: Mapping[str, Any], expression: str) -> list[str]:
    faults = []
    try:
        checked(dict(request))
    except RequestError as error:
        faults.append(str(error))
    if not expression.startswith(("cron(", "rate(")):
        faults.append(
            f"expected an expression such as cron(0 6 * * ? *) or rate(1 day), got {expression!r}"
        )
    return faults
