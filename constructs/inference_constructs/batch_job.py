"""The states of one transform job in a batch workflow.

A job that failed is tried again where that may help, and reported on in any case: Report looks at
the outputs, whatever became of the job.
"""

from dataclasses import dataclass
from typing import Any

from aws_cdk import Aws, Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from inference_constructs.batch_tasks import invoke

# A redrive keeps the execution's ARN and a retry its state, so both counts belong to the name: a
# transform job's name can be used once. They stand behind the digest of execution and shard, which
# the plan made: no intrinsic function cuts 16 digits out of a hash.
_JOB_NAME = "States.Format('{}-{}-{}', $.shard.name, $$.Execution.RedriveCount, $.attempt.number)"
_JOB_FIELDS = (
    "BatchStrategy",
    "DataProcessing",
    "Environment",
    "MaxConcurrentTransforms",
    "MaxPayloadInMB",
    "ModelClientConfig",
    "Tags",
    "TransformOutput",
    "TransformResources",
)
_INPUT_FIELDS = ("CompressionType", "ContentType", "SplitType")

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
FIRST_ATTEMPT = {"number": 0, "least": 15, "most": 45}


@dataclass(frozen=True, kw_only=True)
class JobDefinition:
    """What the states of a job work with.

    Attributes:
        attempts: how often a job is started.
        report: the function that looks at the outputs of a job.
        output: what the report is told of the place of the outputs.
    """

    attempts: int
    report: lambda_.IFunction
    output: Any

    def build(self, scope: Construct, suffix: str, finish: sfn.IChainable | None) -> sfn.IChainable:
        """Makes the states: once for a run of one job, once within the map.

        Args:
            scope: their parent.
            suffix: of their names.
            finish: what follows; None for a shard, where nothing does.
        """
        # Of a shard nothing else is handed on: the outputs of all together have 256 KB.
        result_path = "$" if finish is None else "$.report"
        report = self._report(scope, f"Report{suffix}", result_path)
        transform = self._transform(scope, f"Transform{suffix}")
        stop = self._stop(scope, f"Stop{suffix}", report)
        transform.add_catch(stop, errors=["States.Timeout"], result_path="$.failure")
        transform.add_catch(
            self._another_attempt(scope, suffix, transform, report), result_path="$.failure"
        )
        if finish is not None:
            report.add_catch(finish, result_path="$.failure")
            report.next(finish)
        return sfn.Chain.start(transform).next(report)

    def _transform(self, scope: Construct, state_id: str) -> sfn.CustomState:
        source = {"S3DataType": "ManifestFile", "S3Uri.$": "$.shard.manifest"}
        parameters: dict[str, Any] = {
            "TransformJobName.$": _JOB_NAME,
            "ModelName.$": "$.run.model",
            "TransformInput": {
                "DataSource": {"S3DataSource": source},
                **{f"{name}.$": f"$.run.job.TransformInput.{name}" for name in _INPUT_FIELDS},
            },
            **{f"{name}.$": f"$.run.job.{name}" for name in _JOB_FIELDS},
        }
        return sfn.CustomState(
            scope,
            state_id,
            state_json={
                "Type": "Task",
                "Resource": f"arn:{Aws.PARTITION}:states:::sagemaker:createTransformJob.sync",
                "Parameters": parameters,
                "ResultSelector": {"name.$": "$.TransformJobName"},
                "ResultPath": "$.transform",
                "TimeoutSecondsPath": "$.run.timeout_seconds",
            },
        )

    def _report(self, scope: Construct, state_id: str, result_path: str) -> tasks.LambdaInvoke:
        return invoke(
            scope,
            state_id,
            self.report,
            # Whole, because `failure` is there only where something failed.
            payload={
                "state.$": "$",
                "output": self.output,
                "redrives.$": "$$.Execution.RedriveCount",
            },
            result_path=result_path,
        )

    def _another_attempt(
        self, scope: Construct, suffix: str, transform: sfn.CustomState, report: sfn.IChainable
    ) -> sfn.Choice:
        cause = "$.failure.Cause"
        passing = sfn.Condition.and_(
            sfn.Condition.number_less_than("$.attempt.number", self.attempts - 1),
            sfn.Condition.is_present(cause),
            sfn.Condition.or_(
                *(sfn.Condition.string_matches(cause, pattern) for pattern in _PASSING_CAUSES)
            ),
        )
        count = sfn.Pass(
            scope,
            f"Count{suffix}",
            # The failure is left behind: if the next attempt succeeds, nothing has failed.
            parameters={
                "run.$": "$.run",
                "shard.$": "$.shard",
                "attempt": {
                    "number.$": "States.MathAdd($.attempt.number, 1)",
                    "least.$": "States.MathAdd($.attempt.least, $.attempt.least)",
                    "most.$": "States.MathAdd($.attempt.most, $.attempt.most)",
                    # At random: jobs that met at a quota shall not meet there again.
                    "wait.$": "States.MathRandom($.attempt.least, $.attempt.most)",
                },
            },
        )
        wait = sfn.Wait(scope, f"Wait{suffix}", time=sfn.WaitTime.seconds_path("$.attempt.wait"))
        return (
            sfn.Choice(scope, f"Worth another attempt{suffix}?")
            .when(passing, count.next(wait).next(transform))
            .otherwise(report)
        )

    def _stop(self, scope: Construct, state_id: str, report: sfn.IChainable) -> sfn.TaskStateBase:
        stop = tasks.CallAwsService(
            scope,
            state_id,
            service="sagemaker",
            action="stopTransformJob",
            parameters={"TransformJobName.$": _JOB_NAME},
            iam_resources=["*"],  # unused: the role is written by hand
            result_path=sfn.JsonPath.DISCARD,
            task_timeout=sfn.Timeout.duration(Duration.minutes(1)),
        )
        # The timeout is what has to be told, not that the job ended by itself in the meantime.
        stop.add_catch(report, result_path="$.stop_failure")
        stop.next(report)
        return stop
