"""A stack with office hours, deployed by the local CloudFormation, and what AWS has of it."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import time as time_of_day
from typing import Any

import pytest
from aws_cdk import Duration, Stack, Tags, TimeZone
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_ssm as ssm
from aws_cdk.aws_applicationautoscaling import Schedule

from inference_constructs import (
    BusinessHours,
    EncryptionKey,
    EndpointAlarms,
    GoldenRequest,
    InferenceModel,
    ModelArtifact,
    Notifications,
    OfficeHours,
    ProductionVariant,
    RealtimeEndpoint,
    Reopening,
    Scaling,
    ScheduledCapacity,
    Suspended,
    TargetTracking,
)

# Of a type that no other test makes scarce.
INSTANCE_TYPE = "ml.c5.4xlarge"
HOURS = BusinessHours(
    opens=time_of_day(7), closes=time_of_day(19), time_zone=TimeZone.EUROPE_ZURICH
)
ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")


def until(found: Callable[[], Any], *, seconds: float = 60) -> Any:
    """Wait for something that has to come."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := found():
            return answer
        time.sleep(0.2)
    raise AssertionError("it did not come")


@dataclass(frozen=True, kw_only=True)
class Code:
    """What is deployed.

    Attributes:
        version: of the model.
        breaks: whether its container does not start.
        hours: whether there are office hours at all.
        tags: of the endpoint.
        note: the content of a resource that has nothing to do with the endpoint.
        give_up_after_minutes: how long an opening is tried.
        minimum: of the scaling.
        closed_capacity: instances that stay after hours.
    """

    version: str = "1"
    breaks: bool = False
    hours: bool = True
    tags: dict[str, str] = field(default_factory=lambda: {"team": "shop"})
    note: str = "one"
    give_up_after_minutes: float = 120
    minimum: int = 1
    closed_capacity: int = 0


Define = Callable[[Stack, Code], None]


class Office:
    """One stack that is deployed again and again."""

    def __init__(
        self,
        aws: Any,
        name: str,
        synthesize: Callable[[str, Callable[[Stack], None]], str],
        versioned_artifact: Callable[..., ModelArtifact],
    ) -> None:
        self.aws, self.name = aws, name
        self.endpoint = f"{name}-endpoint"
        self._synthesize, self._versioned_artifact = synthesize, versioned_artifact
        self._number = 0
        self._cloudformation = aws.client("cloudformation")
        self._sagemaker = aws.client("sagemaker")
        self._states = aws.client("stepfunctions")

    def deploy(self, code: Code, define: Define | None = None) -> str:
        """Deploy; the stack's status afterwards.

        Args:
            code: what is deployed.
            define: what makes the stack, if not the usual endpoint is to be in it.
        """
        self.begin_to_deploy(code, define)
        return self.at_rest()

    def begin_to_deploy(self, code: Code, define: Define | None = None) -> None:
        """Begin to deploy."""
        self._number += 1
        given = {
            "StackName": self.name,
            "TemplateBody": self._synthesize(
                self.name, lambda stack: (define or self._define)(stack, code)
            ),
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
        }
        if self._number == 1:
            self._cloudformation.create_stack(**given)
        else:
            self._cloudformation.update_stack(**given)

    def begin_to_destroy(self) -> str:
        """Begin to delete the stack; its id."""
        found: str = self._described(self.name)["StackId"]
        self._cloudformation.delete_stack(StackName=self.name)
        return found

    def at_rest(self, name: str | None = None) -> str:
        """The stack's status when nothing is under way."""

        def status() -> str | None:
            found: str = self._described(name or self.name)["StackStatus"]
            return None if found.endswith("_IN_PROGRESS") else found

        ended: str = until(status, seconds=120)
        return ended

    def exists(self) -> bool:
        """Whether there is the stack."""
        return self.name in _stacks(self._cloudformation)

    def failures(self) -> list[str]:
        """Why resources failed, the newest first."""
        pages = self._cloudformation.get_paginator("describe_stack_events").paginate(
            StackName=self.name
        )
        return [
            f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
            for page in pages
            for event in page["StackEvents"]
            if event["ResourceStatus"].endswith("FAILED")
            and "cancelled" not in event["ResourceStatusReason"]
        ]

    def fire(self, what: str) -> str:
        """Fire the schedule whose id has this word; the execution that it starts."""
        group = self.resource("AWS::Scheduler::ScheduleGroup")
        schedule = self.resource("AWS::Scheduler::Schedule", what)
        before = self.executions()
        request = urllib.request.Request(
            f"{self.aws.url}/_local-aws/schedules/{group}/{schedule}", data=b"", method="POST"
        )
        with urllib.request.urlopen(request, timeout=60):
            pass
        (started,) = until(lambda: self.executions() - before, seconds=60)
        arn: str = started
        return arn

    def close(self) -> None:
        """Fire the closing, and wait for its end."""
        self._fire_and_wait("Closing")

    def open(self) -> None:
        """Fire the opening, and wait for its end."""
        self._fire_and_wait("Opening")

    def _fire_and_wait(self, what: str) -> None:
        execution = self.fire(what)
        assert self.end_of(execution) == "SUCCEEDED", self.failed_execution(execution)

    def end_of(self, execution: str) -> str:
        """How an execution ended."""

        def ended() -> str | None:
            status: str = self._states.describe_execution(executionArn=execution)["status"]
            return status if status in ENDED else None

        status: str = until(ended, seconds=90)
        return status

    def running(self) -> bool:
        """Whether any execution runs."""
        found = self._states.list_executions(
            stateMachineArn=self.resource("AWS::StepFunctions::StateMachine"),
            statusFilter="RUNNING",
        )
        return bool(found["executions"])

    def closed_again(self) -> None:
        """Wait until what a deployment opened is closed, and nothing runs."""
        until(lambda: self.status() == "Missing" and not self.running())

    def until(self, found: Callable[[], Any], *, seconds: float = 60) -> None:
        """Wait for something that has to come."""
        until(found, seconds=seconds)

    def failed_execution(self, execution: str) -> str:
        """Why an execution failed."""
        cause: str = self._states.describe_execution(executionArn=execution)["cause"]
        return cause

    def status(self) -> str:
        """The endpoint's status, or `Missing`."""
        try:
            found = self._sagemaker.describe_endpoint(EndpointName=self.endpoint)
        except self._sagemaker.exceptions.ClientError as error:
            if "Could not find endpoint" in str(error):
                return "Missing"
            raise
        status: str = found["EndpointStatus"]
        return status

    def config(self) -> str:
        """The name of the endpoint's config."""
        found = self._sagemaker.describe_endpoint(EndpointName=self.endpoint)
        name: str = found["EndpointConfigName"]
        return name

    def configs(self) -> list[str]:
        """The names of all configs of the stack."""
        found = self._sagemaker.list_endpoint_configs(NameContains=self.name)
        return [config["EndpointConfigName"] for config in found["EndpointConfigs"]]

    def arn(self) -> str:
        """The endpoint's ARN, also while it is not there."""
        return f"arn:aws:sagemaker:us-east-1:123456789012:endpoint/{self.endpoint}"

    def tag(self, key: str, value: str) -> None:
        """Tag the endpoint by hand."""
        self._sagemaker.add_tags(ResourceArn=self.arn(), Tags=[{"Key": key, "Value": value}])

    def tags(self) -> dict[str, str]:
        """The endpoint's tags, but for those of CloudFormation."""
        found = self._sagemaker.list_tags(ResourceArn=self.arn())["Tags"]
        return {t["Key"]: t["Value"] for t in found if not t["Key"].startswith("aws:")}

    def answer(self) -> str:
        """What the endpoint predicts: the model's version."""
        answer = self.aws.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=self.endpoint, ContentType="text/csv", Body=b"1"
        )
        text: str = answer["Body"].read().decode()
        return text

    def scaling(self) -> dict[str, Any]:
        """What Application Auto Scaling has of the endpoint, without what it makes up."""
        client = self.aws.client("application-autoscaling")
        calls = {
            "targets": (client.describe_scalable_targets, "ScalableTargets"),
            "policies": (client.describe_scaling_policies, "ScalingPolicies"),
            "schedules": (client.describe_scheduled_actions, "ScheduledActions"),
        }
        made_up = {"CreationTime", "ScalableTargetARN", "PolicyARN", "ScheduledActionARN", "Alarms"}
        return {
            name: [
                {key: value for key, value in found.items() if key not in made_up}
                for found in call(ServiceNamespace="sagemaker")[member]
                if f"/{self.endpoint}/" in found["ResourceId"]
            ]
            for name, (call, member) in calls.items()
        }

    def alarms_raised(self) -> list[str]:
        """Names of the stack's alarms that ever went off."""
        client = self.aws.client("cloudwatch")
        found = client.describe_alarms(AlarmNamePrefix=self.name)["MetricAlarms"]
        return [
            alarm["AlarmName"]
            for alarm in found
            if any(
                "to ALARM" in item["HistorySummary"]
                for item in client.describe_alarm_history(AlarmName=alarm["AlarmName"])[
                    "AlarmHistoryItems"
                ]
            )
        ]

    def told(self) -> list[str]:
        """What the office hours told the topic since the last look: the statuses."""
        client = self.aws.client("sqs")
        queue = self.resource("AWS::SQS::Queue")
        told = []
        while found := client.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in found:
                content = json.loads(json.loads(message["Body"])["Message"])
                # Alarms tell it, too.
                told += [content["status"]] if "status" in content else []
                client.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return told

    def parameters(self) -> list[str]:
        """The parameters that the office hours have left."""
        found = self.aws.client("ssm").describe_parameters()["Parameters"]
        return [p["Name"] for p in found if p["Name"].startswith("/inference/office-hours/")]

    def capacity(self, instances: int | None) -> None:
        """Make instances scarce, or plentiful again."""
        request = urllib.request.Request(
            f"{self.aws.url}/_local-aws/capacity/{INSTANCE_TYPE}",
            data=json.dumps({"Instances": instances}).encode(),
            method="DELETE" if instances is None else "PUT",
        )
        with urllib.request.urlopen(request, timeout=60):
            pass

    def act(self, resource: str, action: str) -> None:
        """Run a scheduled action of Application Auto Scaling now."""
        request = urllib.request.Request(
            f"{self.aws.url}/_local-aws/scheduled-actions/{resource}/{action}",
            data=b"",
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=60):
            pass

    def executions(self) -> set[str]:
        """The executions of the state machine."""
        found = self._states.list_executions(
            stateMachineArn=self.resource("AWS::StepFunctions::StateMachine")
        )
        return {execution["executionArn"] for execution in found["executions"]}

    def resource(self, kind: str, word: str = "") -> str:
        """The physical id of the one resource of a type whose id has a word."""
        (name,) = [name for name in self.resources(kind) if word in name]
        return name

    def resources(self, kind: str) -> list[str]:
        """The physical ids of the resources of a type."""
        found = self._cloudformation.describe_stack_resources(StackName=self.name)
        return [
            resource["PhysicalResourceId"]
            for resource in found["StackResources"]
            if resource["ResourceType"] == kind
        ]

    def _described(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self._cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        return found

    def _define(self, stack: Stack, code: Code) -> None:
        encryption = EncryptionKey(stack, "Encryption")
        endpoint = RealtimeEndpoint(
            stack,
            "Endpoint",
            endpoint_name=self.endpoint,
            encryption=encryption,
            variants=[
                ProductionVariant(
                    model=InferenceModel(stack, "Model", artifact=self.artifact(code)),
                    instance_type=INSTANCE_TYPE,
                    scaling=Scaling(
                        min_capacity=code.minimum,
                        max_capacity=3,
                        policies=[TargetTracking.invocations_per_instance(6000)],
                        schedules=[
                            ScheduledCapacity(
                                name="lunch",
                                schedule=Schedule.expression("cron(0 12 ? * MON-FRI *)"),
                                min_capacity=1,
                            )
                        ],
                        suspended=Suspended(scale_in=True),
                    ),
                )
            ],
        )
        for key, value in code.tags.items():
            Tags.of(endpoint.resource).add(key, value)
        notifications = Notifications(stack, "Notifications", encryption=encryption)
        queue = sqs.Queue(stack, "Told", enforce_ssl=True)
        notifications.topic.add_subscription(subscriptions.SqsSubscription(queue))
        endpoint.add_alarms(EndpointAlarms(), notifications)
        if code.hours:
            OfficeHours(
                stack,
                "OfficeHours",
                endpoint=endpoint,
                hours=HOURS,
                notifications=notifications,
                closed_capacity=code.closed_capacity,
                reopening=Reopening(
                    after_deployment=Duration.minutes(2),
                    give_up_after=Duration.minutes(code.give_up_after_minutes),
                    golden_request=GoldenRequest(body="1"),
                ),
            )
        ssm.CfnParameter(stack, "Note", type="String", value=code.note)

    def artifact(self, code: Code) -> ModelArtifact:
        """A model that answers with its version, or whose container does not start."""
        return self._versioned_artifact(code.version, breaks=code.breaks)


def _stacks(cloudformation: Any) -> set[str]:
    pages = cloudformation.get_paginator("describe_stacks").paginate()
    return {stack["StackName"] for page in pages for stack in page["Stacks"]}


@pytest.fixture(scope="session")
def new_office(
    local_aws: Any,
    synthesize: Callable[[str, Callable[[Stack], None]], str],
    versioned_artifact: Callable[..., ModelArtifact],
) -> Iterator[Callable[[str], Office]]:
    """Makes stacks that are not deployed yet, and are gone afterwards."""
    made: list[Office] = []

    def make(name: str) -> Office:
        made.append(Office(local_aws, name, synthesize, versioned_artifact))
        return made[-1]

    yield make
    for office in made:
        office.capacity(None)
        if office.exists():
            office.at_rest(office.begin_to_destroy())


@pytest.fixture
def code() -> type[Code]:
    """What may be deployed."""
    return Code


@pytest.fixture(scope="module")
def deployed(new_office: Callable[[str], Office]) -> Office:
    """A deployed stack, whose endpoint the tests of a module open and close."""
    found = new_office("office")
    assert found.deploy(Code()) == "CREATE_COMPLETE", found.failures()
    return found


@pytest.fixture
def office(deployed: Office) -> Office:
    """The deployed stack with its endpoint open, whatever the test before has left."""
    if deployed.status() != "InService":
        deployed.open()
    return deployed
