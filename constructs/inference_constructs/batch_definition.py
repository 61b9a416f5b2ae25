"""The states of a batch workflow, and how they follow each other.

    Prepare → Validate → Transform → Verify → Notify success → Succeeded
                           ↑    ↓ failed: worth another attempt?
                           Wait ← Count            ↓ no
    any failure → Notify failure → Failed

What the states hand on is one object:

- `request`: the execution's input, as it came;
- `attempt`: `number`, from 0, and `wait`, the seconds to wait before the next one;
- `run`: what the validation made of the request: `name`, `job`, `input`, `output`, `objects`,
  `bytes`;
- `transform`: `name` of the job that ended well;
- `verified`: `objects`, `records`, `verification`;
- `failure`: `Error` and mostly `Cause`, as Step Functions caught them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import Aws, Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from inference_constructs.batch_options import TransformOptions

# A redrive keeps the execution's ARN and a retry its state, so both counts belong to the name: a
# transform job's name can be used once.
_JOB_NAME = "States.Format('{}-{}-{}', $.run.name, $$.Execution.RedriveCount, $.attempt.number)"
_JOB_FIELDS = (
    "BatchStrategy",
    "DataProcessing",
    "Environment",
    "MaxConcurrentTransforms",
    "MaxPayloadInMB",
    "ModelClientConfig",
    "TransformInput",
    "TransformOutput",
    "TransformResources",
)

# What the cause of a failure says when another attempt may succeed. The first two come from the
# job, the others from the API, which reports throttling and bad requests under one error name.
_PASSING_CAUSES = (
    "*CapacityError*",
    "*InternalServerError*",
    "*ThrottlingException*",
    "*ResourceLimitExceeded*",
    "*ServiceUnavailable*",
    "*InternalFailure*",
)
_FIRST_WAIT_SECONDS = 30

# The error that a failed execution ends with; its cause holds the error that led there.
FAILED = "BatchTransformFailed"

# Neither another attempt nor more time changes these.
_FINAL_ERRORS = ("RequestError", "OutputError", "States.Timeout", "Sandbox.Timedout")


@dataclass(frozen=True, kw_only=True)
class BatchDefinition:
    """What the states work with.

    Attributes:
        model_name: the model that predicts.
        options: the job's options, unless the request has others.
        key_arn: encrypts the output.
        inputs: URIs that a request's input must lie in.
        output: URI that a request's output must lie in.
        job_name_prefix: how the names of the jobs begin.
        validate: the function that checks requests.
        verify: the function that checks outputs.
        topic: where the end of each execution is told.
    """

    model_name: str
    options: TransformOptions
    key_arn: str
    inputs: Sequence[str]
    output: str
    job_name_prefix: str
    validate: lambda_.IFunction
    verify: lambda_.IFunction
    topic: sns.ITopic

    def build(self, scope: Construct) -> sfn.IChainable:
        """Makes the states.

        Args:
            scope: their parent.
        """
        failed = self._failure(scope)
        prepare = sfn.Pass(
            scope,
            "Prepare",
            # A request that is no object at all could not carry a caught error along.
            parameters={
                "request.$": "$",
                "attempt": {"number": 0, "wait": _FIRST_WAIT_SECONDS},
            },
        )
        validate = self._validate(scope)
        transform = self._transform(scope)
        verify = self._verify(scope)
        succeeded = self._publish(
            scope,
            "Notify success",
            subject="Batch transform succeeded",
            message={
                "status": "SUCCEEDED",
                "execution.$": "$$.Execution.Id",
                "model": self.model_name,
                "transform_job.$": "$.transform.name",
                "input.$": "$.run.input",
                "output.$": "$.run.output",
                "verified.$": "$.verified",
            },
        )
        for task in (validate, verify, succeeded):
            task.add_catch(failed, result_path="$.failure")
        transform.add_catch(
            self._stop(scope, failed), errors=["States.Timeout"], result_path="$.failure"
        )
        transform.add_catch(
            self._another_attempt(scope, transform, failed), result_path="$.failure"
        )
        return (
            sfn.Chain.start(prepare)
            .next(validate)
            .next(transform)
            .next(verify)
            .next(succeeded)
            .next(sfn.Succeed(scope, "Succeeded"))
        )

    def _validate(self, scope: Construct) -> tasks.LambdaInvoke:
        return self._invoke(
            scope,
            "Validate",
            self.validate,
            payload={
                "request.$": "$.request",
                "execution": {"Id.$": "$$.Execution.Id", "Name.$": "$$.Execution.Name"},
                "job": self.options.job(key_arn=self.key_arn),
                "inputs": list(self.inputs),
                "output": self.output,
                "job_name_prefix": self.job_name_prefix,
            },
            results=("name", "job", "input", "output", "objects", "bytes"),
            result_path="$.run",
            timeout=Duration.minutes(5),
        )

    def _transform(self, scope: Construct) -> sfn.CustomState:
        parameters: dict[str, Any] = {
            "TransformJobName.$": _JOB_NAME,
            "ModelName": self.model_name,
            **{f"{name}.$": f"$.run.job.{name}" for name in _JOB_FIELDS},
        }
        return sfn.CustomState(
            scope,
            "Transform",
            state_json={
                "Type": "Task",
                "Resource": f"arn:{Aws.PARTITION}:states:::sagemaker:createTransformJob.sync",
                "Parameters": parameters,
                "ResultSelector": {"name.$": "$.TransformJobName"},
                "ResultPath": "$.transform",
                "TimeoutSeconds": self.options.timeout.to_seconds(),
            },
        )

    def _verify(self, scope: Construct) -> tasks.LambdaInvoke:
        return self._invoke(
            scope,
            "Verify",
            self.verify,
            payload={
                "input.$": "$.run.input",
                "output.$": "$.run.output",
                "job.$": "$.run.job",
                "started.$": "$$.Execution.StartTime",
            },
            results=("objects", "records", "verification"),
            result_path="$.verified",
            timeout=Duration.minutes(15),
        )

    def _another_attempt(
        self, scope: Construct, transform: sfn.CustomState, failed: sfn.IChainable
    ) -> sfn.Choice:
        cause = "$.failure.Cause"
        passing = sfn.Condition.and_(
            sfn.Condition.number_less_than("$.attempt.number", self.options.attempts - 1),
            sfn.Condition.is_present(cause),
            sfn.Condition.or_(
                *(sfn.Condition.string_matches(cause, pattern) for pattern in _PASSING_CAUSES)
            ),
        )
        wait = sfn.Wait(scope, "Wait", time=sfn.WaitTime.seconds_path("$.attempt.wait"))
        count = sfn.Pass(
            scope,
            "Count",
            parameters={
                "number.$": "States.MathAdd($.attempt.number, 1)",
                "wait.$": "States.MathAdd($.attempt.wait, $.attempt.wait)",
            },
            result_path="$.attempt",
        )
        return (
            sfn.Choice(scope, "Worth another attempt?")
            .when(passing, count.next(wait).next(transform))
            .otherwise(failed)
        )

    def _stop(self, scope: Construct, failed: sfn.IChainable) -> sfn.TaskStateBase:
        stop = tasks.CallAwsService(
            scope,
            "Stop",
            service="sagemaker",
            action="stopTransformJob",
            parameters={"TransformJobName.$": _JOB_NAME},
            iam_resources=["*"],  # unused: the role is written by hand
            result_path=sfn.JsonPath.DISCARD,
            task_timeout=sfn.Timeout.duration(Duration.minutes(1)),
        )
        # The timeout is what has to be told, not that the job ended by itself in the meantime.
        stop.add_catch(failed, result_path="$.stop_failure")
        stop.next(failed)
        return stop

    def _failure(self, scope: Construct) -> sfn.TaskStateBase:
        notify = self._publish(
            scope,
            "Notify failure",
            subject="Batch transform failed",
            message={
                "status": "FAILED",
                "execution.$": "$$.Execution.Id",
                "model": self.model_name,
                "request.$": "$.request",
                "failure.$": "$.failure",
            },
        )
        failed = sfn.Fail(
            scope,
            "Failed",
            # Of one's own: the name of a caught error may be reserved, such as States.TaskFailed.
            error=FAILED,
            # Not every failure has a cause of its own, so the caught error goes out whole.
            cause_path="States.JsonToString($.failure)",
        )
        notify.add_catch(failed, result_path="$.notification_failure")
        notify.next(failed)
        return notify

    def _publish(
        self, scope: Construct, state_id: str, *, subject: str, message: Mapping[str, Any]
    ) -> tasks.SnsPublish:
        publish = tasks.SnsPublish(
            scope,
            state_id,
            topic=self.topic,
            subject=subject,
            message=sfn.TaskInput.from_object(message),
            result_path=sfn.JsonPath.DISCARD,
            task_timeout=sfn.Timeout.duration(Duration.minutes(1)),
        )
        _retry(publish)
        return publish

    def _invoke(
        self,
        scope: Construct,
        state_id: str,
        function: lambda_.IFunction,
        *,
        payload: Mapping[str, Any],
        results: Sequence[str],
        result_path: str,
        timeout: Duration,
    ) -> tasks.LambdaInvoke:
        invoke = tasks.LambdaInvoke(
            scope,
            state_id,
            lambda_function=function,
            payload=sfn.TaskInput.from_object(payload),
            result_selector={f"{name}.$": f"$.Payload.{name}" for name in results},
            result_path=result_path,
            retry_on_service_exceptions=False,
            task_timeout=sfn.Timeout.duration(timeout),
        )
        invoke.add_retry(errors=list(_FINAL_ERRORS), max_attempts=0)
        _retry(invoke)
        return invoke


def _retry(task: sfn.TaskStateBase) -> None:
    task.add_retry(
        errors=["States.ALL"],
        interval=Duration.seconds(2),
        backoff_rate=2.5,
        max_attempts=3,
        jitter_strategy=sfn.JitterType.FULL,
    )
