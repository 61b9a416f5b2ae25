"""The states that take an endpoint down and up again, and how they follow each other.

    Begin ─ open, leave ──→ Open ⟲ ──→ Restore → Check → (leave: Answer →) Done
          ├ deploy ───────→ Open ⟲ ──→ Answer → Rest ⟲ → Settle ⟲ → Restore → Check
          │                                       → (the hours are over: Linger → Close)
          ├ close ────────→ Close ⟲ ─→ Withdraw → Delete ⟲ → Done
          └ stop ─────────→ Steady ⟲ → Answer → Done
    any failure → Tell → (CloudFormation waits: Refuse →) Failed

A ring is a task that is repeated after a wait until it has found what it waits for. Whenever the
reason to go on is gone, an execution ends as overtaken: another one is at work. What the states
hand on is told in `functions/office_hours/steps.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from inference_constructs.endpoint_scaling import EndpointScaling

# The error that a failed execution ends with; its cause holds the error that led there.
FAILED = "OfficeHoursFailed"

_NEXT = "$.next"
_ACTION = "$.action"
# What neither another attempt nor more time changes.
_FINAL_ERRORS = ("GivenUpError", "NotAsExpectedError", "ValueError")


@dataclass(frozen=True, kw_only=True)
class OfficeHoursDefinition:
    """What the states work with.

    Attributes:
        endpoint_name: the endpoint.
        worker: the function that does the steps.
        settings: what it works with.
        scaling: what scales the endpoint, if anything does.
        linger: how long a deployment outside of the hours leaves the endpoint open.
        topic: what is told when something is wrong.
    """

    endpoint_name: str
    worker: lambda_.IFunction
    settings: Mapping[str, Any]
    scaling: EndpointScaling | None
    linger: Duration
    topic: sns.ITopic

    def build(self, scope: Construct) -> sfn.IChainable:
        """Makes the states.

        Args:
            scope: their parent.
        """
        failed = self._failure(scope)
        done = sfn.Succeed(scope, "Done")
        overtaken = sfn.Succeed(scope, "Overtaken")
        states = _States(self, scope, failed)

        # From the ends to the beginning: a state is given what follows it.
        delete = states.ring("Delete", step="delete", then={"closed": done, "overtaken": overtaken})
        withdraw = states.scaling("Withdraw", "withdrawal", then=delete)
        close = states.ring(
            "Close", step="close", then={"ready": withdraw, "closed": done, "overtaken": overtaken}
        )
        linger = sfn.Wait(scope, "Linger", time=sfn.WaitTime.duration(self.linger)).next(close)

        answer = states.task("Answer", step="answer")
        checked = (
            sfn.Choice(scope, "As it should be")
            .when(sfn.Condition.string_equals(_NEXT, "linger"), linger)
            .when(sfn.Condition.string_equals(_ACTION, "leave"), answer)
            .otherwise(done)
        )
        check = states.task("Check", step="check")
        check.next(checked)
        restore = states.scaling("Restore", "request", then=check)
        settle = states.ring("Settle", step="settle", then={"opened": restore, "closed": done})
        rest = states.ring("Rest", step="rest", then={"rested": settle})
        answer.next(
            sfn.Choice(scope, "Answered")
            .when(sfn.Condition.string_equals(_ACTION, "deploy"), rest)
            .otherwise(done)
        )
        opened = (
            sfn.Choice(scope, "Opened")
            .when(sfn.Condition.string_equals(_ACTION, "deploy"), answer)
            .otherwise(restore)
        )
        given_up = (
            sfn.Choice(scope, "No reason to open")
            # What the deployment left half-way is closed again.
            .when(sfn.Condition.string_equals(_ACTION, "deploy"), rest)
            .otherwise(overtaken)
        )
        open_ = states.ring(
            "Open", step="open", then={"opened": opened, "overtaken": given_up}, tells=True
        )
        steady = states.ring("Steady", step="steady", then={"steady": answer})
        begin = states.task("Begin", step="begin")
        return begin.next(
            sfn.Choice(scope, "Why")
            .when(sfn.Condition.string_equals(_ACTION, "close"), close)
            .when(sfn.Condition.string_equals(_ACTION, "stop"), steady)
            .otherwise(open_)
        )

    def _failure(self, scope: Construct) -> sfn.IChainable:
        told = self.publish(
            scope,
            "Tell",
            subject="failed",
            message={"status": "FAILED", "action.$": "$.action", "failure.$": "$.failure"},
        )
        failed = sfn.Fail(
            scope,
            "Failed",
            error=FAILED,
            # Not every failure has a cause of its own, so the caught error goes out whole.
            cause_path="States.JsonToString($.failure)",
        )
        refuse = self.invoke(scope, "Refuse", step="refuse")
        refuse.add_catch(failed, result_path="$.failure")
        refuse.next(failed)
        waits = sfn.Condition.and_(
            sfn.Condition.is_present("$.request"), sfn.Condition.is_not_null("$.request")
        )
        after = sfn.Choice(scope, "Does CloudFormation wait").when(waits, refuse).otherwise(failed)
        told.add_catch(after, result_path="$.notification_failure")
        told.next(after)
        return told

    def publish(
        self, scope: Construct, state_id: str, *, subject: str, message: Mapping[str, Any]
    ) -> tasks.SnsPublish:
        """Makes a task that tells the topic.

        Args:
            scope: its parent.
            state_id: its name.
            subject: the end of the message's subject.
            message: the message, besides the endpoint and the execution.
        """
        publish = tasks.SnsPublish(
            scope,
            state_id,
            topic=self.topic,
            # A subject has 100 characters at most, an endpoint's name 63.
            subject=f"Office hours {subject}: {self.endpoint_name}",
            message=sfn.TaskInput.from_object(
                {"endpoint": self.endpoint_name, "execution.$": "$$.Execution.Id", **message}
            ),
            result_path=sfn.JsonPath.DISCARD,
            task_timeout=sfn.Timeout.duration(Duration.minutes(1)),
        )
        _retry(publish)
        return publish

    def invoke(self, scope: Construct, state_id: str, *, step: str) -> tasks.LambdaInvoke:
        """Makes a task of the worker's.

        Args:
            scope: its parent.
            state_id: its name.
            step: what the worker does.
        """
        return _invoke(
            scope,
            state_id,
            self.worker,
            payload={"step": step, "state.$": "$", "settings": self.settings},
            output_path="$.Payload",
        )


@dataclass(frozen=True)
class _States:
    """Makes the states that go on to `failed` when they fail."""

    definition: OfficeHoursDefinition
    scope: Construct
    failed: sfn.IChainable

    def task(self, state_id: str, *, step: str) -> tasks.LambdaInvoke:
        """A task of the worker's."""
        task = self.definition.invoke(self.scope, state_id, step=step)
        task.add_catch(self.failed, result_path="$.failure")
        return task

    def ring(
        self, state_id: str, *, step: str, then: Mapping[str, sfn.IChainable], tells: bool = False
    ) -> tasks.LambdaInvoke:
        """A task that is repeated until it says what is next.

        Args:
            state_id: its name.
            step: what the worker does.
            then: the states that follow, by what it says.
            tells: whether it may say that something is to be told first.
        """
        task = self.task(state_id, step=step)
        wait = sfn.Wait(
            self.scope, f"{state_id} again", time=sfn.WaitTime.seconds_path("$.wait")
        ).next(task)
        choice = sfn.Choice(self.scope, f"{state_id} what")
        for said, state in then.items():
            choice.when(sfn.Condition.string_equals(_NEXT, said), state)
        if tells:
            told = self.definition.publish(
                self.scope,
                f"Tell of {state_id}",
                subject="try again",
                message={"status": "TRYING", "action.$": "$.action", "reason.$": "$.reason"},
            )
            told.add_catch(wait, result_path="$.notification_failure")
            told.next(wait)
            choice.when(sfn.Condition.string_equals(_NEXT, "tell"), told)
        task.next(choice.otherwise(wait))
        return task

    def scaling(self, state_id: str, request: str, *, then: sfn.IChainable) -> sfn.IChainable:
        """A request to the owner of the endpoint's scaling; what follows, if there is none."""
        scaling = self.definition.scaling
        if scaling is None:
            return then
        payload = scaling.withdrawal() if request == "withdrawal" else scaling.request()
        task = _invoke(
            self.scope,
            state_id,
            scaling.function,
            payload=payload,
            result_path=sfn.JsonPath.DISCARD,
        )
        task.add_catch(self.failed, result_path="$.failure")
        return task.next(then)


def _invoke(
    scope: Construct,
    state_id: str,
    function: lambda_.IFunction,
    *,
    payload: Mapping[str, Any],
    output_path: str | None = None,
    result_path: str | None = None,
) -> tasks.LambdaInvoke:
    invoke = tasks.LambdaInvoke(
        scope,
        state_id,
        lambda_function=function,
        payload=sfn.TaskInput.from_object(payload),
        output_path=output_path,
        result_path=result_path,
        retry_on_service_exceptions=False,
        # Lambda's own limit.
        task_timeout=sfn.Timeout.duration(Duration.minutes(15)),
    )
    invoke.add_retry(errors=list(_FINAL_ERRORS), max_attempts=0)
    _retry(invoke)
    return invoke


def _retry(task: sfn.TaskStateBase) -> None:
    task.add_retry(
        errors=["States.ALL"],
        interval=Duration.seconds(2),
        backoff_rate=2.5,
        max_attempts=4,
        jitter_strategy=sfn.JitterType.FULL,
    )
