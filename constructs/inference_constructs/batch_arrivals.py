"""`BatchArrivals`: a batch run when new objects have come, and no more do."""

from aws_cdk import ArnFormat, Duration, Stack, Token
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from inference_constructs.batch import BatchTransformWorkflow
from inference_constructs.encryption import EncryptionKey
from inference_constructs.faults import refuse
from inference_constructs.python_function import PythonFunction
from inference_constructs.rule_permissions import name_permissions
from inference_constructs.s3_prefix import S3Prefix
from inference_constructs.service_role import ServiceRole
from inference_constructs.wildcards import acknowledge_wildcard


class BatchArrivals(Construct):
    """Starts a run over a folder once no object has come into it for a while.

    Each object that comes puts the start off, so that a delivery of many files is one run. The
    bucket has to send its events to EventBridge: `DataBucket(events=True)` does.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventBridge.html

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        workflow: what is started.
        place: where the objects come; each folder in it is a delivery of its own.
        encryption: the key of the logs.
        quiet: how long no object must have come, a second to a day.
        log_retention: how long the logs are kept.

    Raises:
        ValueError: the workflow does not read there, or the time is too short or too long.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        workflow: BatchTransformWorkflow,
        place: S3Prefix,
        encryption: EncryptionKey,
        quiet: Duration | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
    ) -> None:
        super().__init__(scope, construct_id)
        quiet = Duration.minutes(5) if quiet is None else quiet
        refuse("batch arrivals", _faults(workflow, place, quiet))
        starter = ServiceRole(
            self,
            "Starter",
            service="scheduler.amazonaws.com",
            description="Starts batch runs over what has come.",
        )
        workflow.grant_start_execution(starter.grantee)
        group = scheduler.CfnScheduleGroup(self, "Group")
        self.function = PythonFunction(
            self,
            "Arrival",
            handler="batch_steps.arrival.handler",
            description="Puts the start of a batch run off until no object comes any more.",
            encryption=encryption,
            environment={
                "GROUP": group.ref,
                "MACHINE": workflow.state_machine_arn,
                "QUIET_SECONDS": str(int(quiet.to_seconds())),
                "ROLE": starter.role_arn,
            },
            log_retention=log_retention,
        )
        schedules = Stack.of(self).format_arn(
            service="scheduler",
            resource="schedule",
            resource_name=f"{group.ref}/*",
            arn_format=ArnFormat.SLASH_RESOURCE_NAME,
        )
        self.function.role.add_statements(
            iam.PolicyStatement(
                actions=["scheduler:CreateSchedule", "scheduler:UpdateSchedule"],
                resources=[schedules],
            ),
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[starter.role_arn],
                conditions={"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
            ),
        )
        acknowledge_wildcard(
            self.function.role,
            schedules,
            "A schedule is named after the folder that objects come into; the group is these "
            "arrivals' own",
        )
        rule = events.Rule(
            self,
            "Came",
            description="Tells of objects that came and are to be run.",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={
                    "bucket": {"name": [place.bucket.bucket_name]},
                    "object": {"key": [{"prefix": place.prefix}]},
                },
            ),
            targets=[targets.LambdaFunction(self.function.function, retry_attempts=5)],
        )
        name_permissions(rule)


def _faults(workflow: BatchTransformWorkflow, place: S3Prefix, quiet: Duration) -> list[str]:
    faults = []
    if not any(place.uri.startswith(known.uri) for known in workflow.inputs):
        faults.append(
            f"expected a place within the workflow's inputs, got {place.prefix!r}: its runs would "
            "be refused"
        )
    seconds = quiet.to_seconds()
    if not Token.is_unresolved(seconds) and not 1 <= seconds <= 86_400:
        faults.append(f"quiet must be from a second to a day, not {seconds} s")
    return faults
