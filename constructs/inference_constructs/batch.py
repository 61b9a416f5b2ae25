"""`BatchTransformWorkflow`: batch transform at any size, checked, repeated, verified and told."""

import re
from collections.abc import Sequence
from typing import Any

from aws_cdk import Annotations, Duration, Names, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from inference_constructs.batch_claims import BatchClaims
from inference_constructs.batch_definition import BatchDefinition
from inference_constructs.batch_functions import METRICS_NAMESPACE, BatchFunctions
from inference_constructs.batch_options import TransformOptions
from inference_constructs.batch_permissions import OwnExecutions, allow_transform, allow_workflow
from inference_constructs.batch_run_options import RunOptions, request_defaults
from inference_constructs.encryption import EncryptionKey
from inference_constructs.faults import refuse
from inference_constructs.functions.batch_checks.request_schema import request_schema
from inference_constructs.functions.batch_checks.transform_job import container_faults
from inference_constructs.model import InferenceModel
from inference_constructs.notifications import Notifications
from inference_constructs.s3_prefix import S3Prefix
from inference_constructs.service_role import ServiceRole

# The ARN of a job has its name in lower case, and so has the role's policy.
_JOB_NAME_PREFIX = re.compile(r"[a-z0-9](-*[a-z0-9])*")
# A job's name has 63 characters; the digest and the two counts after it take up to 24.
_MAX_PREFIX_LENGTH = 39


class BatchTransformWorkflow(Construct):
    """Defines a state machine that runs transform jobs from a request to a whole result.

    It checks the request and its input, estimates the run, runs one job or, for more than one job's
    worth, many at once, again where capacity, a quota or throttling stood in their way, looks
    whether each input has its output with as many records, and ends with a summary in S3, metrics,
    an event and a notification. The same data is not run twice at the same time, nor again once it
    succeeded. An execution starts with

        {"input": "s3://bucket/input/file-or-prefix"}

    and may choose more: see `request_schema` and `docs/guides/batch.md`. A run has a Model of its
    own, so that a deployment in the middle of it changes nothing:
    `docs/decisions/0006-batch-workflow.md`.

    https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        model: the model that predicts; its role gets the rights to input and output.
        inputs: where requests may take their input from.
        output: where requests may put their results, and do by default.
        notifications: the topic that is told.
        encryption: the key of the output, the instances' volumes, the logs and the executions.
        options: the jobs' options where a request chooses none.
        run: the run's options where a request chooses none.
        job_name_prefix: how the names of the jobs begin; by default derived from the construct's
            path. The state machine may touch only jobs that begin so.
        log_retention: how long the logs are kept.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        model: InferenceModel,
        inputs: Sequence[S3Prefix],
        output: S3Prefix,
        notifications: Notifications,
        encryption: EncryptionKey,
        options: TransformOptions | None = None,
        run: RunOptions | None = None,
        job_name_prefix: str | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
    ) -> None:
        super().__init__(scope, construct_id)
        if job_name_prefix is None:
            job_name_prefix = Names.unique_resource_name(
                self, max_length=_MAX_PREFIX_LENGTH, allowed_special_characters="-", separator="-"
            ).lower()
        self.options = TransformOptions() if options is None else options
        self.run = RunOptions() if run is None else run
        refuse(
            "batch workflow",
            [
                *_faults(inputs, output, job_name_prefix),
                *container_faults(self.options.job(key_arn=""), model.environment),
            ],
        )
        self.job_name_prefix = job_name_prefix
        self.inputs, self.output = tuple(inputs), output
        self._encryption = encryption
        _warn_of_lost_artifacts(self, model)
        self.claims = BatchClaims(self, "Claims")
        functions = BatchFunctions(
            self,
            "Functions",
            workflow=job_name_prefix,
            inputs=inputs,
            output=output,
            model=model,
            claims=self.claims,
            notifications=notifications,
            encryption=encryption,
            log_retention=log_retention,
        )
        allow_transform(model.role, inputs=inputs, output=output, encryption=encryption)
        self.role = ServiceRole(
            self,
            "Role",
            service="states.amazonaws.com",
            description="Runs batch transform jobs and tells how they ended.",
        )
        allow_workflow(
            self.role,
            functions=[one.function for one in functions.called],
            output=output,
            prefix=job_name_prefix,
            encryption=encryption,
        )
        notifications.grant_publish(self.role.grantee)

        encryption.allow_logs()
        log_group = logs.LogGroup(
            self,
            "Logs",
            encryption_key=encryption.key,
            retention=log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        definition = BatchDefinition(
            workflow={
                "model": model.model_name,
                "job": self.options.job(key_arn=encryption.key_arn),
                "options": self.run.defaults(self.options),
                "instance_types": self.run.instance_types(self.options, Stack.of(self).region),
                "inputs": [place.uri for place in inputs],
                "output": output.uri,
                "job_name_prefix": job_name_prefix,
            },
            attempts=self.options.attempts,
            plan=functions.plan.function,
            report=functions.report.function,
            finish=functions.finish.function,
            topic=notifications.topic,
        )
        self.state_machine = sfn.StateMachine(
            self,
            "StateMachine",
            definition_body=sfn.DefinitionBody.from_chainable(
                definition.build(Construct(self, "States"))
            ),
            role=self.role.role,
            logs=sfn.LogOptions(
                destination=log_group, level=sfn.LogLevel.ALL, include_execution_data=True
            ),
            tracing_enabled=True,
            encryption_configuration=sfn.CustomerManagedEncryptionConfiguration(encryption.key),
        )
        self.role.ready_before(self.state_machine)
        OwnExecutions(
            self,
            "OwnExecutions",
            state_machine=self.state_machine,
            role=self.role,
            plan_role=functions.plan.role,
        )
        functions.finish_after_stops_of(self.state_machine)

    def request_schema(self) -> dict[str, Any]:
        """The JSON schema of the input of an execution, with the defaults of this workflow."""
        return request_schema(request_defaults(self.options, self.run))

    @property
    def state_machine_arn(self) -> str:
        """The state machine's ARN."""
        return self.state_machine.state_machine_arn

    def grant_start_execution(self, grantee: iam.IGrantable) -> iam.Grant:
        """Lets someone start executions.

        Args:
            grantee: who starts them.
        """
        start = self.state_machine.grant_start_execution(grantee)
        # The input of an execution is encrypted on behalf of whoever sends it.
        encrypt = iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["kms:Decrypt", "kms:GenerateDataKey"],
            resource_arns=[self._encryption.key_arn],
        )
        return start.combine(encrypt)

    def metric_run(
        self, name: str, *, statistic: str = cloudwatch.Stats.SUM, period: Duration | None = None
    ) -> cloudwatch.Metric:
        """What runs tell of themselves when they end.

        Args:
            name: `SucceededRuns`, `FailedRuns`, `FailedInputs`, `Records`, `BadRecords`, `Duration`
                in seconds, or `Cost` in US dollars, where the price is known.
            statistic: how the runs of a period are put together.
            period: five minutes by default.
        """
        return cloudwatch.Metric(
            namespace=METRICS_NAMESPACE,
            metric_name=name,
            dimensions_map={"Workflow": self.job_name_prefix},
            statistic=statistic,
            period=Duration.minutes(5) if period is None else period,
        )

    def metric_started(self) -> cloudwatch.Metric:
        """Executions that were started."""
        return self._metric("ExecutionsStarted")

    def metric_succeeded(self) -> cloudwatch.Metric:
        """Executions that ended with a whole result."""
        return self._metric("ExecutionsSucceeded")

    def metric_failed(self) -> cloudwatch.Metric:
        """Executions that failed, whose cause was published."""
        return self._metric("ExecutionsFailed")

    def metric_aborted(self) -> cloudwatch.Metric:
        """Executions that were stopped by hand."""
        return self._metric("ExecutionsAborted")

    def metric_timed_out(self) -> cloudwatch.Metric:
        """Executions that Step Functions gave up."""
        return self._metric("ExecutionsTimedOut")

    def metric_time(self) -> cloudwatch.Metric:
        """How long executions took, in milliseconds."""
        return self._metric("ExecutionTime", statistic=cloudwatch.Stats.MAXIMUM)

    def _metric(self, name: str, *, statistic: str = cloudwatch.Stats.SUM) -> cloudwatch.Metric:
        return self.state_machine.metric(name, statistic=statistic, period=Duration.minutes(5))


def _faults(inputs: Sequence[S3Prefix], output: S3Prefix, job_name_prefix: str) -> list[str]:
    faults = []
    fits = len(job_name_prefix) <= _MAX_PREFIX_LENGTH
    if not (fits and _JOB_NAME_PREFIX.fullmatch(job_name_prefix)):
        faults.append(
            f"job_name_prefix must be 1 to {_MAX_PREFIX_LENGTH} lower-case letters, digits and "
            f"hyphens, without a hyphen at either end, not {job_name_prefix!r}"
        )
    if not inputs:
        faults.append("inputs must name at least one place to read from")
    faults += [
        f"output {output.prefix!r} and input {place.prefix!r} overlap: results would be read as "
        "input; take prefixes of which neither begins the other"
        for place in inputs
        if place.overlaps(output)
    ]
    return faults


def _warn_of_lost_artifacts(scope: Construct, model: InferenceModel) -> None:
    if model.artifact.earlier_object_arns is None:
        Annotations.of(scope).add_warning_v2(
            "inference-constructs:batchModelData",
            "the data of earlier models lie where they are not known at synth, so the role cannot "
            "read them: jobs that a run starts after a deployment of another model would fail; "
            "pack the model into an asset (repack=True), or let the role read them",
        )
