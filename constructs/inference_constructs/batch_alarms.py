"""`BatchAlarms`: tells of runs that ended badly, take too long or never began."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from constructs import Construct

from inference_constructs.batch import BatchTransformWorkflow
from inference_constructs.faults import refuse
from inference_constructs.notifications import Notifications


class BatchAlarms(Construct):
    """Defines an alarm for each way in which an execution can end badly, and for none at all.

    The workflow itself tells of a failure. The alarms also see what it cannot tell: executions that
    were aborted or given up, and a notification that could not be sent.

    https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        workflow: the workflow.
        notifications: the topic that is told.
        longest: a run that took longer raises an alarm. None watches no duration.
        expected_daily: whether a day without a run that ended well raises an alarm.

    Raises:
        ValueError: the longest time is no time.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        workflow: BatchTransformWorkflow,
        notifications: Notifications,
        longest: Duration | None = None,
        expected_daily: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        if longest is not None and longest.to_seconds() < 1:
            refuse("batch alarms", [f"longest must be a second at least, not {longest}"])
        notifications.allow_alarms()
        self._notifications = notifications
        self.alarms = [
            self._alarm(name, metric, f"A batch run ended badly ({metric.metric_name}).")
            for name, metric in (
                ("Failed", workflow.metric_failed()),
                ("TimedOut", workflow.metric_timed_out()),
                ("Aborted", workflow.metric_aborted()),
            )
        ]
        if longest is not None:
            self.alarms.append(
                self._alarm(
                    "TooLong",
                    workflow.metric_run("Duration", statistic=cloudwatch.Stats.MAXIMUM),
                    f"A batch run took longer than {longest.to_human_string()}.",
                    threshold=longest.to_seconds(),
                )
            )
        if expected_daily:
            self.alarms.append(self._daily(workflow))

    def _daily(self, workflow: BatchTransformWorkflow) -> cloudwatch.Alarm:
        succeeded = workflow.metric_run("SucceededRuns", period=Duration.days(1))
        alarm = succeeded.create_alarm(
            self,
            "NotRunToday",
            alarm_description="No batch run ended well within a day.",
            threshold=1,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            # Nobody tells of a run that there was not.
            treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self._notifications.topic))
        return alarm

    def _alarm(
        self,
        construct_id: str,
        metric: cloudwatch.Metric,
        description: str,
        *,
        threshold: float = 1,
    ) -> cloudwatch.Alarm:
        alarm = metric.create_alarm(
            self,
            construct_id,
            alarm_description=description,
            threshold=threshold,
            evaluation_periods=1,
            comparison_operator=(cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD),
            # No execution at all is no failure.
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self._notifications.topic))
        return alarm
