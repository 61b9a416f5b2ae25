"""The states of a batch workflow, and how they follow each other.

    Prepare → Plan → What to do? → Attached, Skipped: the same data is being run, or has been
                       ↓
             One job? → Transform → Report            (or, for each shard, in a distributed map:)
                       ↘ Fan out [ Transform → Report ]
    all ways → Finish → Notify → Whole? → Succeeded, Failed

A job that failed is tried again where that may help, and reported on in any case: Report looks at
the outputs, whatever became of the job. What the states hand on is small, because lists of objects
do not fit between states: they are in S3, see `functions/batch_steps/run_folder.py`.

- `request`: the execution's input, as it came;
- `plan`: `decision`, and with it the `run` and its first `shard`, or the `claim` that stands;
- within the states of a job `run`, `shard` and `attempt`: its `number`, from 0, and between how
  many seconds (`least`, `most`) the wait before the next one is;
- `failure`: `Error` and mostly `Cause`, as Step Functions caught them;
- `finished`: `status`, `summary`, and the `subject` and `message` of the notification.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import Aws, Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

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
_FIRST_ATTEMPT = {"number": 0, "least": 15, "most": 45}

# The errors that a failed execution ends with; the first one's cause is the summary of the run.
FAILED = "BatchTransformFailed"
UNTOLD = "BatchTransformNotTold"

# Neither another attempt nor more time changes these.
_FINAL_ERRORS = ("RequestError", "States.Timeout", "Sandbox.Timedout")


@dataclass(frozen=True, kw_only=True)
class BatchDefinition:
    """What the states work with.

    Attributes:
        workflow: what the plan is told of the deployment.
        attempts: how often a job is started.
        plan: the function that plans a run.
        report: the function that looks at the outputs of a job.
        finish: the function that ends a run.
        topic: where the end of each execution is told.
    """

    workflow: Mapping[str, Any]
    attempts: int
    plan: lambda_.IFunction
    report: lambda_.IFunction
    finish: lambda_.IFunction
    topic: sns.ITopic

    def build(self, scope: Construct) -> sfn.IChainable:
        """Makes the states.

        Args:
            scope: their parent.
        """
        finish = self._finish(scope)
        prepare = sfn.Pass(
            scope,
            "Prepare",
            # A request that is no object at all could not carry a caught error along.
            parameters={"request.$": "$"},
        )
        plan = self._plan(scope)
        plan.add_catch(finish, result_path="$.failure")
        decision = "$.plan.decision"
        choose = sfn.Choice(scope, "What to do?")
        choose.when(
            sfn.Condition.string_equals(decision, "attach"),
            _answer(scope, "Attached", "RUNNING_ELSEWHERE"),
        )
        choose.when(
            sfn.Condition.string_equals(decision, "skip"),
            _answer(scope, "Skipped", "ALREADY_DONE"),
        )
        choose.when(
            sfn.Condition.number_greater_than("$.plan.run.shards", 1),
            self._fan_out(scope, finish),
        )
        choose.otherwise(self._one_job(scope, finish))
        return sfn.Chain.start(prepare).next(plan).next(choose)

    def _plan(self, scope: Construct) -> tasks.LambdaInvoke:
        return self._invoke(
            scope,
            "Plan",
            self.plan,
            payload={
                "request.$": "$.request",
                "execution": {
                    "Id.$": "$$.Execution.Id",
                    "Name.$": "$$.Execution.Name",
                    "StartTime.$": "$$.Execution.StartTime",
                },
                "workflow": self.workflow,
            },
            result_path="$.plan",
            timeout=Duration.minutes(15),
        )

    def _one_job(self, scope: Construct, finish: sfn.IChainable) -> sfn.IChainable:
        one = sfn.Pass(
            scope,
            "One job",
            parameters={
                "run.$": "$.plan.run",
                "shard.$": "$.plan.shard",
                "attempt": _FIRST_ATTEMPT,
            },
        )
        return one.next(self._job(scope, "", finish))

    def _fan_out(self, scope: Construct, finish: sfn.IChainable) -> sfn.IChainable:
        graph = sfn.StateGraph(
            self._job(scope, " shard", None).start_state, "the states of a shard"
        )
        # Not `sfn.DistributedMap`: it gives the role an inline policy, with more than is needed.
        fan_out = sfn.CustomState(
            scope,
            "Fan out",
            state_json={
                "Type": "Map",
                "ItemReader": {
                    "Resource": f"arn:{Aws.PARTITION}:states:::s3:getObject",
                    "ReaderConfig": {"InputType": "JSON"},
                    "Parameters": {
                        "Bucket.$": "$.plan.run.shards_bucket",
                        "Key.$": "$.plan.run.shards_key",
                    },
                },
                "ItemSelector": {
                    "run.$": "$.plan.run",
                    "shard.$": "$$.Map.Item.Value",
                    "attempt": _FIRST_ATTEMPT,
                },
                "ItemProcessor": {
                    # An express execution can wait for no job.
                    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                    **graph.to_graph_json(),
                },
                "MaxConcurrencyPath": "$.plan.run.concurrent_jobs",
                # What fails is told by the reports, and by the lack of one.
                "ToleratedFailurePercentage": 100,
                "ResultPath": sfn.JsonPath.DISCARD,
            },
        )
        fan_out.add_catch(finish, result_path="$.failure")
        return fan_out.next(finish)

    def _job(self, scope: Construct, suffix: str, finish: sfn.IChainable | None) -> sfn.IChainable:
        """The states of a job: once for a run of one job, once within the map."""
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
        return self._invoke(
            scope,
            state_id,
            self.report,
            # Whole, because `failure` is there only where something failed.
            payload={
                "state.$": "$",
                "output": self.workflow["output"],
                "redrives.$": "$$.Execution.RedriveCount",
            },
            result_path=result_path,
            timeout=Duration.minutes(15),
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

    def _finish(self, scope: Construct) -> tasks.LambdaInvoke:
        finish = self._invoke(
            scope,
            "Finish",
            self.finish,
            payload={"state.$": "$", "execution.$": "$$.Execution.Id"},
            result_path="$.finished",
            timeout=Duration.minutes(15),
        )
        failed = sfn.Fail(
            scope, "Failed", error=FAILED, cause_path="States.JsonToString($.finished.summary)"
        )
        whole = (
            sfn.Choice(scope, "Whole?")
            .when(
                sfn.Condition.string_matches("$.finished.status", "SUCCEEDED*"),
                sfn.Succeed(scope, "Succeeded", output_path="$.finished.summary"),
            )
            .otherwise(failed)
        )
        notify = self._publish(
            scope,
            "Notify",
            subject=sfn.JsonPath.string_at("$.finished.subject"),
            message=sfn.TaskInput.from_json_path_at("$.finished.message"),
        )
        untold = sfn.Fail(scope, "Untold", error=UNTOLD, cause_path="States.JsonToString($)")
        notify.add_catch(untold, result_path="$.failure")
        alarm = self._publish(
            scope,
            "Notify of unfinished run",
            subject="Batch transform was not finished",
            message=sfn.TaskInput.from_object(
                {
                    "status": "FAILED",
                    "execution.$": "$$.Execution.Id",
                    "failure.$": "$.failure",
                }
            ),
        )
        alarm.add_catch(untold, result_path="$.notification_failure")
        alarm.next(sfn.Fail(scope, "Unfinished", error=FAILED, cause_path="States.JsonToString($)"))
        finish.add_catch(alarm, result_path="$.failure")
        finish.next(notify)
        notify.next(whole)
        return finish

    def _publish(
        self, scope: Construct, state_id: str, *, subject: str, message: sfn.TaskInput
    ) -> tasks.SnsPublish:
        publish = tasks.SnsPublish(
            scope,
            state_id,
            topic=self.topic,
            subject=subject,
            message=message,
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
        result_path: str,
        timeout: Duration,
    ) -> tasks.LambdaInvoke:
        invoke = tasks.LambdaInvoke(
            scope,
            state_id,
            lambda_function=function,
            payload=sfn.TaskInput.from_object(payload),
            payload_response_only=True,
            result_path=result_path,
            retry_on_service_exceptions=False,
            task_timeout=sfn.Timeout.duration(timeout),
        )
        invoke.add_retry(errors=list(_FINAL_ERRORS), max_attempts=0)
        _retry(invoke)
        return invoke


def _answer(scope: Construct, name: str, status: str) -> sfn.IChainable:
    """What an execution says that does not run: who does or did, and where the result is."""
    answer = sfn.Pass(
        scope,
        f"{name} to",
        parameters={
            "status": status,
            "execution.$": "$.plan.claim.execution",
            "output.$": "$.plan.claim.output",
        },
    )
    return answer.next(sfn.Succeed(scope, name))


def _retry(task: sfn.TaskStateBase) -> None:
    task.add_retry(
        errors=["States.ALL"],
        interval=Duration.seconds(2),
        backoff_rate=2.5,
        max_attempts=3,
        jitter_strategy=sfn.JitterType.FULL,
    )
