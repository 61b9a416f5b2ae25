"""The states of a batch workflow, and how they follow each other.

    Prepare → Plan → What to do? → Attached, Skipped: the same data is being run, or has been
                       ↓
             One job? → Transform → Report            (or, for each shard, in a distributed map:)
                       ↘ Fan out [ Transform → Report ]
    all ways → Finish → Notify → Whole? → Succeeded, Failed

Transform and Report are the states of a job, see `batch_job.py`. What the states hand on is small,
because lists of objects do not fit between states: they are in S3, see
`functions/batch_steps/run_folder.py`.

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

from inference_constructs.batch_job import FIRST_ATTEMPT, JobDefinition
from inference_constructs.batch_tasks import invoke, retry

# The errors that a failed execution ends with; the first one's cause is the summary of the run.
FAILED = "BatchTransformFailed"
UNTOLD = "BatchTransformNotTold"


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

    @property
    def _job(self) -> JobDefinition:
        return JobDefinition(
            attempts=self.attempts, report=self.report, output=self.workflow["output"]
        )

    def _plan(self, scope: Construct) -> tasks.LambdaInvoke:
        return invoke(
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
        )

    def _one_job(self, scope: Construct, finish: sfn.IChainable) -> sfn.IChainable:
        one = sfn.Pass(
            scope,
            "One job",
            parameters={
                "run.$": "$.plan.run",
                "shard.$": "$.plan.shard",
                "attempt": FIRST_ATTEMPT,
            },
        )
        return one.next(self._job.build(scope, "", finish))

    def _fan_out(self, scope: Construct, finish: sfn.IChainable) -> sfn.IChainable:
        job = self._job.build(scope, " shard", None)
        graph = sfn.StateGraph(job.start_state, "the states of a shard")
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
                    "attempt": FIRST_ATTEMPT,
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

    def _finish(self, scope: Construct) -> tasks.LambdaInvoke:
        finish = invoke(
            scope,
            "Finish",
            self.finish,
            payload={"state.$": "$", "execution.$": "$$.Execution.Id"},
            result_path="$.finished",
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
        retry(publish)
        return publish


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
