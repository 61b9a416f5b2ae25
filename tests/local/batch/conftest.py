"""A batch workflow, deployed by the local CloudFormation, and what AWS has of it."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import CfnOutput, Duration, RemovalPolicy, Size, Stack, TimeZone
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs

from inference_constructs import (
    BatchArrivals,
    BatchSchedule,
    BatchTransformWorkflow,
    DataBucket,
    EncryptionKey,
    InferenceModel,
    ModelArtifact,
    Notifications,
    RunOptions,
    TransformOptions,
)

ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
# Answers each row with the model's version and the row's first field. Knows no `bad` row, takes its
# time with a `slow` one, and swallows a `lost` one.
HANDLER = """
import os, time

def model_fn(model_dir):
    return {version!r}

def input_fn(body, content_type):
    text = body if isinstance(body, str) else body.decode()
    return [line.split(",")[0] for line in text.split("\\n") if line.strip()]

def predict_fn(rows, model):
    answers = []
    for row in rows:
        if row == "bad" and os.environ.get("INFERENCE_BAD_RECORDS") == "mark":
            answers.append("error")
        elif row == "bad":
            raise ValueError("a bad row")
        elif row != "lost":
            answers.append(model + ":" + row)
        if row == "slow":
            time.sleep({slow})
    return answers

def output_fn(answers, accept):
    return "".join(answer + "\\n" for answer in answers), "text/csv"
"""


def until(found: Callable[[], Any], *, seconds: float = 120) -> Any:
    """Wait for something that has to come."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := found():
            return answer
        time.sleep(0.2)
    raise AssertionError("it did not come")


class Batch:
    """One stack with a workflow, and its data."""

    def __init__(self, aws: Any, name: str, synthesize: Any, folder: Path) -> None:
        self.aws, self.name = aws, name
        self._synthesize, self._folder = synthesize, folder
        self.s3, self.states = aws.client("s3"), aws.client("stepfunctions")
        self.sagemaker = aws.client("sagemaker")
        self._cloudformation = aws.client("cloudformation")
        self._numbers = itertools.count()
        self._deployed = False

    def deploy(self, version: str = "v1", *, slow: float = 0.3) -> None:
        """Deploy a model of this version, and wait for the end."""
        template = self._synthesize(self.name, lambda stack: self._define(stack, version, slow))
        action = "update_stack" if self._deployed else "create_stack"
        getattr(self._cloudformation, action)(
            StackName=self.name,
            TemplateBody=template,
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        self._deployed = True

        def at_rest() -> str | None:
            [found] = self._cloudformation.describe_stacks(StackName=self.name)["Stacks"]
            status: str = found["StackStatus"]
            return None if status.endswith("_IN_PROGRESS") else status

        assert until(at_rest) in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), self.failures()

    def failures(self) -> list[str]:
        """Why resources failed."""
        found = self._cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]
        return [e["ResourceStatusReason"] for e in found if e["ResourceStatus"].endswith("FAILED")]

    def _define(self, stack: Stack, version: str, slow: float) -> None:
        # As the stacks of this project do, so that the model data get a folder of their own.
        stack.synthesizer.bind(stack)
        model = self._folder / version
        (model / "code").mkdir(parents=True, exist_ok=True)
        (model / "xgboost-model").write_text('{"learner":{},"version":[3,2,0]}')
        handler = HANDLER.format(version=version, slow=slow)
        (model / "code" / "inference.py").write_text(handler)
        encryption = EncryptionKey(stack, "Encryption", removal_policy=RemovalPolicy.DESTROY)
        notifications = Notifications(stack, "Notifications", encryption=encryption)
        data = DataBucket(stack, "Data", encryption=encryption, events=True)
        workflow = BatchTransformWorkflow(
            stack,
            "Workflow",
            model=InferenceModel(
                stack,
                "Model",
                artifact=ModelArtifact.from_directory(model, code=model / "code"),
            ),
            inputs=[data.prefix("input/"), data.prefix("arrivals/")],
            output=data.prefix("output/"),
            notifications=notifications,
            encryption=encryption,
            options=TransformOptions(instance_type="ml.m5.large"),
            run=RunOptions(
                shard_size=Size.mebibytes(100),
                hourly_price_usd=3.6,
                other_instance_types=["ml.c5.xlarge"],
            ),
        )
        BatchArrivals(
            stack,
            "Arrivals",
            workflow=workflow,
            place=data.prefix("arrivals/"),
            encryption=encryption,
            quiet=Duration.seconds(4),
        )
        BatchSchedule(
            stack,
            "Daily",
            workflow=workflow,
            request={"input": f"{data.prefix('input/').uri}daily/"},
            expression="cron(0 6 * * ? 2099)",
            time_zone=TimeZone.EUROPE_ZURICH,
        )
        CfnOutput(stack, "StateMachineArn", value=workflow.state_machine_arn)
        ears = sqs.Queue(stack, "Ears")
        notifications.topic.add_subscription(
            subscriptions.SqsSubscription(ears, raw_message_delivery=True)
        )
        heard = sqs.Queue(stack, "Heard")
        events.Rule(
            stack,
            "Ends",
            event_pattern=events.EventPattern(source=["inference.batch"]),
            targets=[targets.SqsQueue(heard)],
        )
        self.prefix = workflow.job_name_prefix

    def resource(self, kind: str, word: str = "") -> str:
        """The physical id of the resource of a type whose logical id has a word."""
        pages = self._cloudformation.get_paginator("list_stack_resources").paginate(
            StackName=self.name
        )
        [found] = [
            resource["PhysicalResourceId"]
            for page in pages
            for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] == kind and word in resource["LogicalResourceId"]
        ]
        return str(found)

    @property
    def machine(self) -> str:
        """The state machine's ARN."""
        return self.resource("AWS::StepFunctions::StateMachine")

    @property
    def bucket(self) -> str:
        """The data bucket's name."""
        return self.resource("AWS::S3::Bucket", "DataBucket")

    def put(self, files: dict[str, str]) -> str:
        """Write objects below a folder of their own; the folder's URI."""
        folder = f"input/set-{next(self._numbers)}/"
        for name, body in files.items():
            self.s3.put_object(Bucket=self.bucket, Key=f"{folder}{name}", Body=body.encode())
        return f"s3://{self.bucket}/{folder}"

    def read(self, uri: str) -> str:
        """The content of an object."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        body: bytes = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body.decode()

    def names(self, uri: str) -> list[str]:
        """The keys below a place, without it."""
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [
            item["Key"].removeprefix(prefix) for page in pages for item in page.get("Contents", [])
        ]

    def start(self, **request: Any) -> str:
        """Start an execution; its ARN."""
        started = self.states.start_execution(
            stateMachineArn=self.machine, input=json.dumps(request)
        )
        arn: str = started["executionArn"]
        return arn

    def end_of(self, execution: str, *, seconds: float = 120) -> dict[str, Any]:
        """The execution when it has ended."""

        def ended() -> dict[str, Any] | None:
            found: dict[str, Any] = self.states.describe_execution(executionArn=execution)
            return found if found["status"] in ENDED else None

        found: dict[str, Any] = until(ended, seconds=seconds)
        return found

    def run(self, *, seconds: float = 120, **request: Any) -> dict[str, Any]:
        """Run to a good end; what the execution says then."""
        found = self.end_of(self.start(**request), seconds=seconds)
        assert found["status"] == "SUCCEEDED", found.get("cause")
        output: dict[str, Any] = json.loads(found["output"])
        return output

    def fail(self, **request: Any) -> dict[str, Any]:
        """Run to a bad end; the summary that is the cause."""
        found = self.end_of(self.start(**request))
        assert found["status"] == "FAILED", found.get("output")
        cause: dict[str, Any] = json.loads(found["cause"])
        return cause

    def jobs(self) -> dict[str, str]:
        """The status of each job of this workflow."""
        pages = self.sagemaker.get_paginator("list_transform_jobs").paginate(
            NameContains=self.prefix
        )
        return {
            job["TransformJobName"]: job["TransformJobStatus"]
            for page in pages
            for job in page["TransformJobSummaries"]
        }

    def told(self, queue: str, execution: str) -> list[dict[str, Any]]:
        """What a queue holds about an execution; what it holds of others is lost."""
        sqs_, url = self.aws.client("sqs"), self.resource("AWS::SQS::Queue", queue)
        found: list[dict[str, Any]] = []

        def some() -> list[dict[str, Any]]:
            answer = sqs_.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
            for message in answer.get("Messages", []):
                body = json.loads(message["Body"])
                body = body.get("detail", body)
                sqs_.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                if body.get("execution") == execution:
                    found.append(body)
            return found

        until(some, seconds=60)
        return found


@pytest.fixture(scope="session")
def batch(local_aws: Any, synthesize: Any, tmp_path_factory: pytest.TempPathFactory) -> Batch:
    """A workflow with a model of version v1."""
    made = Batch(local_aws, "batch-workflow", synthesize, tmp_path_factory.mktemp("batch"))
    made.deploy()
    return made
