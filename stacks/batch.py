"""`BatchInferenceStack`: batch transform jobs of a stage, from a request to a whole result."""

from aws_cdk import Duration, Tags, TimeZone
from constructs import Construct

from inference_constructs import (
    BatchAlarms,
    BatchArrivals,
    BatchSchedule,
    BatchTransformWorkflow,
    DataBucket,
    ModelArtifact,
)
from stacks.inference_stack import InferenceStack
from stacks.settings import BatchSettings, Settings


class BatchInferenceStack(InferenceStack):
    """Defines a bucket for input and output, and the workflow between them.

    Args:
        scope: the app.
        settings: the stage's settings.
        artifact: the model.
    """

    def __init__(self, scope: Construct, *, settings: Settings, artifact: ModelArtifact) -> None:
        super().__init__(
            scope,
            "batch",
            settings=settings,
            artifact=artifact,
            description=f"Batch inference, stage {settings.stage}.",
        )
        self.data = DataBucket(
            self,
            "Data",
            encryption=self.encryption,
            removal_policy=self.removal_policy,
            log_retention=self.log_retention,
            events=settings.batch.arrivals_quiet_minutes is not None,
        )
        self.workflow = BatchTransformWorkflow(
            self,
            "Workflow",
            model=self.model,
            inputs=[self.data.prefix("input/")],
            output=self.data.prefix("output/"),
            notifications=self.notifications,
            encryption=self.encryption,
            options=settings.batch.options(),
            run=settings.batch.run(),
            log_retention=self.log_retention,
        )
        # Only on the workflow: most commits change nothing else of what is deployed.
        Tags.of(self.workflow).add(
            "inference:git-revision",
            self.git_revision,
            include_resource_types=["AWS::StepFunctions::StateMachine"],
        )
        self._add_triggers(settings.batch)
        longest = settings.batch.longest_minutes
        BatchAlarms(
            self,
            "Alarms",
            workflow=self.workflow,
            notifications=self.notifications,
            longest=None if longest is None else Duration.minutes(longest),
            expected_daily=settings.batch.expected_daily,
        )
        self.add_output(
            "StateMachineArn", self.workflow.state_machine_arn, "Start an execution of this."
        )
        self.add_output(
            "DataBucketName",
            self.data.bucket_name,
            "Input goes below input/, results come below output/.",
        )
        self.add_output(
            "NotificationTopicArn", self.notifications.topic_arn, "Ends of runs are told here."
        )
        self.add_lineage_outputs()

    def _add_triggers(self, settings: BatchSettings) -> None:
        place = self.data.prefix("input/")
        if settings.schedule is not None:
            BatchSchedule(
                self,
                "Schedule",
                workflow=self.workflow,
                request={"input": f"{place.uri}{settings.schedule.folder}"},
                expression=settings.schedule.expression,
                time_zone=TimeZone.of(settings.schedule.time_zone),
            )
        if settings.arrivals_quiet_minutes is not None:
            BatchArrivals(
                self,
                "Arrivals",
                workflow=self.workflow,
                place=place,
                encryption=self.encryption,
                quiet=Duration.minutes(settings.arrivals_quiet_minutes),
                log_retention=self.log_retention,
            )
