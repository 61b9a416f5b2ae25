"""`BatchAlarms`: tells of executions that did not end with a whole result."""

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from constructs import Construct

from inference_constructs.batch import BatchTransformWorkflow
from inference_constructs.notifications import Notifications


class BatchAlarms(Construct):
    """Defines an alarm for each way in which an execution can end badly.

    The workflow itself tells of a failure. The alarms also see what it cannot tell: executions that
    were aborted or given up, and a notification that could not be sent.

    https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        workflow: the workflow.
        notifications: the topic that is told.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        workflow: BatchTransformWorkflow,
        notifications: Notifications,
    ) -> None:
        super().__init__(scope, construct_id)
        notifications.allow_alarms()
        self.alarms = [
            self._alarm("Failed", workflow.metric_failed(), notifications),
            self._alarm("TimedOut", workflow.metric_timed_out(), notifications),
            self._alarm("Aborted", workflow.metric_aborted(), notifications),
        ]

    def _alarm(
        self, construct_id: str, metric: cloudwatch.Metric, notifications: Notifications
    ) -> cloudwatch.Alarm:
        alarm = metric.create_alarm(
            self,
            construct_id,
            alarm_description=f"A batch run ended badly ({metric.metric_name}).",
            threshold=1,
            evaluation_periods=1,
            comparison_operator=(cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD),
            # No execution at all is no failure.
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(notifications.topic))
        return alarm
