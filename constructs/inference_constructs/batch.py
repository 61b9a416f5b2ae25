"""`BatchTransformWorkflow`: a batch transform job that is checked, repeated, verified and told."""

import re
from collections.abc import Sequence

from aws_cdk import Duration, Names, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from inference_constructs.batch_definition import BatchDefinition
from inference_constructs.batch_options import TransformOptions
from inference_constructs.batch_permissions import (
    allow_transform,
    allow_validation,
    allow_verification,
    allow_workflow,
)
from inference_constructs.encryption import EncryptionKey
from inference_constructs.faults import refuse
from inference_constructs.model import InferenceModel
from inference_constructs.notifications import Notifications
from inference_constructs.python_function import PythonFunction
from inference_constructs.s3_prefix import S3Prefix
from inference_constructs.service_role import ServiceRole

# The ARN of a job has its name in lower case, and so has the role's policy.
_JOB_NAME_PREFIX = re.compile(r"[a-z0-9](-*[a-z0-9])*")
# A job's name has 63 characters; the digest and the two counts after it take up to 24.
_MAX_PREFIX_LENGTH = 39


class BatchTransformWorkflow(Construct):
    """Defines a state machine that runs a batch transform job from a request to a whole result.

    It checks the request and its input, runs the job under a name derived from the execution, again
    where capacity, a quota or throttling stood in its way, verifies that each input has its output
    with as many records, and publishes success or failure with its cause. An execution starts with

        {"input": "s3://bucket/input/file-or-prefix"}

    and may choose more: see `functions/batch_checks/validate.py`.

    https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        model: the model that predicts; its role gets the rights to input and output.
        inputs: where requests may take their input from.
        output: where requests may put their results, and do by default.
        notifications: the topic that is told.
        encryption: the key of the output, the instances' volumes, the logs and the executions.
        options: the job's options where a request chooses none.
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
        job_name_prefix: str | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
    ) -> None:
        super().__init__(scope, construct_id)
        if job_name_prefix is None:
            job_name_prefix = Names.unique_resource_name(
                self, max_length=_MAX_PREFIX_LENGTH, allowed_special_characters="-", separator="-"
            ).lower()
        refuse("batch workflow", _faults(inputs, output, job_name_prefix))
        options = TransformOptions() if options is None else options
        self._encryption = encryption

        self.validate = PythonFunction(
            self,
            "Validate",
            handler="batch_checks.validate.handler",
            description="Checks a request for a batch run.",
            encryption=encryption,
            memory_mb=512,
            timeout=Duration.minutes(5),
            log_retention=log_retention,
        )
        self.verify = PythonFunction(
            self,
            "Verify",
            handler="batch_checks.verify.handler",
            description="Checks the output of a batch run.",
            encryption=encryption,
            # Counting is limited by the network, whose share grows with the memory.
            memory_mb=1769,
            timeout=Duration.minutes(15),
            log_retention=log_retention,
        )
        allow_validation(self.validate.role, inputs=inputs, output=output)
        allow_verification(self.verify.role, inputs=inputs, output=output)
        allow_transform(model.role, inputs=inputs, output=output, encryption=encryption)
        self.role = ServiceRole(
            self,
            "Role",
            service="states.amazonaws.com",
            description="Runs batch transform jobs and tells how they ended.",
        )
        allow_workflow(
            self.role,
            functions=[self.validate.function, self.verify.function],
            job_name_prefix=job_name_prefix,
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
            model_name=model.model_name,
            options=options,
            key_arn=encryption.key_arn,
            inputs=[place.uri for place in inputs],
            output=output.uri,
            job_name_prefix=job_name_prefix,
            validate=self.validate.function,
            verify=self.verify.function,
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
