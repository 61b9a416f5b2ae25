"""`BatchFunctions`: the functions of a batch workflow."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from inference_constructs.batch_claims import BatchClaims
from inference_constructs.batch_permissions import allow_finish, allow_plan, allow_report
from inference_constructs.encryption import EncryptionKey
from inference_constructs.model import InferenceModel
from inference_constructs.notifications import Notifications
from inference_constructs.python_function import PythonFunction
from inference_constructs.rule_permissions import name_permissions
from inference_constructs.s3_prefix import S3Prefix

METRICS_NAMESPACE = "Inference/Batch"


class BatchFunctions(Construct):
    """Defines the functions that plan a run, report on its jobs and end it.

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        workflow: the workflow's name in metrics, which also begins the names of its jobs.
        inputs: where requests may take their input from.
        output: where requests may put their results.
        model: the model that predicts.
        claims: which data is being run.
        notifications: the topic that is told.
        encryption: the key of the logs.
        log_retention: how long the logs are kept.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        workflow: str,
        inputs: Sequence[S3Prefix],
        output: S3Prefix,
        model: InferenceModel,
        claims: BatchClaims,
        notifications: Notifications,
        encryption: EncryptionKey,
        log_retention: logs.RetentionDays,
    ) -> None:
        super().__init__(scope, construct_id)
        self.plan = PythonFunction(
            self,
            "Plan",
            handler="batch_steps.plan.handler",
            description="Plans a batch run.",
            encryption=encryption,
            # A million objects of a listing take about half of it.
            memory_mb=1769,
            timeout=Duration.minutes(15),
            environment={"CLAIMS_TABLE": claims.table.table_name},
            log_retention=log_retention,
        )
        self.report = PythonFunction(
            self,
            "Report",
            handler="batch_steps.report.handler",
            description="Reports on the output of a batch transform job.",
            encryption=encryption,
            # Counting is limited by the network, whose share grows with the memory.
            memory_mb=1769,
            timeout=Duration.minutes(15),
            log_retention=log_retention,
        )
        self.finish = PythonFunction(
            self,
            "Finish",
            handler="batch_steps.finish.handler",
            description="Ends a batch run.",
            encryption=encryption,
            memory_mb=1024,
            timeout=Duration.minutes(15),
            environment={
                "CLAIMS_TABLE": claims.table.table_name,
                "METRICS_NAMESPACE": METRICS_NAMESPACE,
                "OUTPUT": output.uri,
                "TOPIC_ARN": notifications.topic_arn,
                "WORKFLOW": workflow,
            },
            log_retention=log_retention,
        )
        self.called = (self.plan, self.report, self.finish)
        allow_plan(
            self.plan.role,
            inputs=inputs,
            output=output,
            claims=claims.table,
            model=model,
            prefix=workflow,
        )
        allow_report(self.report.role, inputs=inputs, output=output, prefix=workflow)
        allow_finish(
            self.finish.role,
            output=output,
            claims=claims.table,
            prefix=workflow,
            metrics_namespace=METRICS_NAMESPACE,
        )
        notifications.grant_publish(self.finish.role.grantee)

    def finish_after_stops_of(self, state_machine: sfn.IStateMachine) -> None:
        """Ends the runs of executions that were stopped or timed out, and cannot do it themselves.

        Args:
            state_machine: the workflow's state machine.
        """
        rule = events.Rule(
            self,
            "Stopped",
            description="Ends batch runs whose execution was stopped or timed out.",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={
                    "stateMachineArn": [state_machine.state_machine_arn],
                    "status": ["ABORTED", "TIMED_OUT"],
                },
            ),
            targets=[targets.LambdaFunction(self.finish.function, retry_attempts=3)],
        )
        name_permissions(rule)
