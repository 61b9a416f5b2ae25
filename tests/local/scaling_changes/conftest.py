"""A stack made of the constructs, deployed by the local CloudFormation, and what AWS has of it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_ssm as ssm

from inference_constructs import (
    InferenceModel,
    ModelArtifact,
    ProductionVariant,
    RealtimeEndpoint,
    Scaling,
)

BUCKET = "scaling-changes-assets"
ENDPOINT = "changing"
STACK = "scaling-changes"


@dataclass(frozen=True)
class State:
    """What Application Auto Scaling and CloudWatch have of an endpoint.

    Attributes:
        targets: minimum, maximum and what is suspended, by resource id.
        policies: target value or steps, by resource id and name.
        schedules: schedule and capacities, by resource id and name.
        alarms: names of step policies' alarms, with whether they lead to a policy that is there.
    """

    targets: dict[str, tuple[int, int, tuple[str, ...]]]
    policies: dict[tuple[str, str], Any]
    schedules: dict[tuple[str, str], tuple[str, dict[str, int]]]
    alarms: dict[str, bool]


@dataclass
class Traffic:
    """A client that asks all the while, and remembers what was not answered."""

    runtime: Any
    sent: int = 0
    failures: list[str] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Ask every 100 ms until told to stop."""
        while not self._stopping.wait(0.1):
            self.sent += 1
            try:
                self.runtime.invoke_endpoint(
                    EndpointName=ENDPOINT, ContentType="text/csv", Body=b"1"
                )
            except Exception as error:
                self.failures.append(f"{time.time():.1f} {error}")

    def stop(self) -> None:
        """Ask no more."""
        self._stopping.set()


class Deployed:
    """One stack that is deployed again and again."""

    def __init__(
        self,
        aws: Any,
        artifact: Callable[..., ModelArtifact],
        synthesize: Callable[[str, Callable[[Stack], None]], str],
    ) -> None:
        self.aws = aws
        self._artifact = artifact
        self._synthesize = synthesize
        self._number = 0
        self._cloudformation = aws.client("cloudformation")
        self.stack_name = STACK

    def deploy(
        self,
        variants: Mapping[str, Mapping[str, Any]],
        *,
        version: str = "1",
        breaks: bool = False,
        fails: str | None = None,
        beside: Mapping[str, Scaling] | None = None,
    ) -> str:
        """Deploy the endpoint; the stack's status afterwards.

        Args:
            variants: what `ProductionVariant` takes, by the variant's name.
            version: of the model.
            breaks: whether its containers do not start.
            fails: `between` for a resource that fails between the endpoint and its scaling, `after`
                for one that fails after both.
            beside: how further endpoints of the stack are scaled, by their name.
        """
        self._number += 1
        template = self._synthesize(
            self.stack_name,
            lambda stack: self._define(
                stack,
                variants,
                version=version,
                breaks=breaks,
                fails=fails,
                beside={} if beside is None else beside,
            ),
        )
        given = {
            "StackName": self.stack_name,
            "TemplateBody": template,
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
        }
        if self._number == 1:
            self._cloudformation.create_stack(**given)
        else:
            self._cloudformation.update_stack(**given)
        return self.ended()

    def destroy(self) -> str:
        """Delete the stack; its status afterwards."""
        stack = self._described()["StackId"]
        self._cloudformation.delete_stack(StackName=self.stack_name)
        return self.ended(stack)

    def ended(self, name: str | None = None) -> str:
        """The stack's status when nothing is under way."""
        while True:
            status: str = self._described(name)["StackStatus"]
            if not status.endswith("_IN_PROGRESS"):
                return status
            time.sleep(0.2)

    def failures(self) -> list[str]:
        """Why resources failed, the newest first."""
        events = self._cloudformation.describe_stack_events(StackName=self.stack_name)
        return [
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}"
            for event in events["StackEvents"]
            if event["ResourceStatus"].endswith("FAILED")
        ]

    def state(self, endpoint: str = ENDPOINT) -> State:
        """What there is of an endpoint's scaling now."""
        scaling = self.aws.client("application-autoscaling")
        targets = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")
        policies = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")
        schedules = scaling.describe_scheduled_actions(ServiceNamespace="sagemaker")
        alarms = self.aws.client("cloudwatch").describe_alarms(
            AlarmNamePrefix=f"StepScaling-{STACK}/{endpoint}/"
        )
        own = f"endpoint/{endpoint}/"
        arns = {policy["PolicyARN"] for policy in policies["ScalingPolicies"]}
        return State(
            targets={
                found["ResourceId"]: (
                    found["MinCapacity"],
                    found["MaxCapacity"],
                    tuple(sorted(name for name, on in found["SuspendedState"].items() if on)),
                )
                for found in targets["ScalableTargets"]
                if found["ResourceId"].startswith(own)
            },
            policies={
                (found["ResourceId"], found["PolicyName"]): _told(found)
                for found in policies["ScalingPolicies"]
                if found["ResourceId"].startswith(own)
            },
            schedules={
                (found["ResourceId"], found["ScheduledActionName"]): (
                    found["Schedule"],
                    found["ScalableTargetAction"],
                )
                for found in schedules["ScheduledActions"]
                if found["ResourceId"].startswith(own)
            },
            alarms={
                found["AlarmName"]: set(found["AlarmActions"]) <= arns
                for found in alarms["MetricAlarms"]
            },
        )

    def parameters(self) -> list[str]:
        """Names of what the owner remembers of the stack's endpoints."""
        found = self.aws.client("ssm").describe_parameters()
        return [
            parameter["Name"]
            for parameter in found["Parameters"]
            if parameter["Name"].startswith(f"/inference/scaling/{STACK}/")
        ]

    def instance_types(self) -> dict[str, str]:
        """The instance types of the endpoint, by variant."""
        api = self.aws.client("sagemaker")
        name = api.describe_endpoint(EndpointName=ENDPOINT)["EndpointConfigName"]
        config = api.describe_endpoint_config(EndpointConfigName=name)
        return {
            found["VariantName"]: found["InstanceType"] for found in config["ProductionVariants"]
        }

    def ask(self, event: Mapping[str, Any]) -> Any:
        """Invoke the owner of the scaling; what it returns, or raises."""
        found = self._cloudformation.list_stack_resources(StackName=self.stack_name)
        (name,) = [
            resource["PhysicalResourceId"]
            for resource in found["StackResourceSummaries"]
            if resource["ResourceType"] == "AWS::Lambda::Function"
        ]
        answer = self.aws.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
        return json.loads(answer["Payload"].read())

    def ask_as_cloudformation(
        self, kind: str, request: str, properties: Mapping[str, Any], physical_id: str = "made-up"
    ) -> str:
        """Ask for a custom resource of a type; the status of the answer."""
        where = {"Bucket": BUCKET, "Key": f"answers/{time.monotonic_ns()}"}
        s3 = self.aws.client("s3")
        self.ask(
            {
                "RequestType": request,
                "ResourceType": f"Custom::{kind}",
                "ResponseURL": s3.generate_presigned_url("put_object", Params=where),
                "PhysicalResourceId": physical_id,
                "ResourceProperties": {"EndpointName": ENDPOINT, **properties},
                "StackId": "stack",
                "RequestId": "request",
                "LogicalResourceId": "Asked",
            }
        )
        status: str = json.loads(s3.get_object(**where)["Body"].read())["Status"]
        return status

    def remembered(self) -> list[dict[str, Any]]:
        """The definition that was applied last."""
        found = self.aws.client("ssm").get_parameter(Name=f"/inference/scaling/{STACK}/{ENDPOINT}")
        definitions: list[dict[str, Any]] = json.loads(found["Parameter"]["Value"])
        return definitions

    def _described(self, name: str | None = None) -> dict[str, Any]:
        found = self._cloudformation.describe_stacks(StackName=name or self.stack_name)
        stack: dict[str, Any] = found["Stacks"][0]
        return stack

    def _define(
        self,
        stack: Stack,
        variants: Mapping[str, Mapping[str, Any]],
        *,
        version: str,
        breaks: bool,
        fails: str | None,
        beside: Mapping[str, Scaling],
    ) -> None:
        model = InferenceModel(stack, "Model", artifact=self._artifact(version, breaks=breaks))
        endpoint = RealtimeEndpoint(
            stack,
            "Endpoint",
            endpoint_name=ENDPOINT,
            variants=[
                ProductionVariant(model=model, name=name, **given)
                for name, given in variants.items()
            ],
        )
        others = []
        for name, scaling in beside.items():
            variant = ProductionVariant(
                model=model, name="A", instance_type="ml.m5.large", scaling=scaling
            )
            others.append(RealtimeEndpoint(stack, name, endpoint_name=name, variants=[variant]))
        if fails is not None:
            wrong = ssm.CfnParameter(stack, "Wrong", type="Nonsense", value="none")
            done = [endpoint.resource] if fails == "between" else [endpoint, *others]
            wrong.node.add_dependency(*done)
            if fails == "between":
                endpoint.scaling.node.find_child("Applied").node.add_dependency(wrong)


def _told(policy: Mapping[str, Any]) -> Any:
    if policy["PolicyType"] == "StepScaling":
        return policy["StepScalingPolicyConfiguration"]["StepAdjustments"]
    return policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"]


@pytest.fixture
def deployed(
    local_aws: Any,
    versioned_artifact: Callable[..., ModelArtifact],
    synthesize: Callable[[str, Callable[[Stack], None]], str],
) -> Iterator[Deployed]:
    """A stack that is not deployed yet, and is gone afterwards."""
    local_aws.client("s3").create_bucket(Bucket=BUCKET)
    stack = Deployed(local_aws, versioned_artifact, synthesize)
    yield stack
    cloudformation = local_aws.client("cloudformation")
    cloudformation.delete_stack(StackName=stack.stack_name)
    stack_gone = time.monotonic() + 60
    while time.monotonic() < stack_gone:
        left = [
            found
            for found in cloudformation.describe_stacks()["Stacks"]
            if found["StackName"] == stack.stack_name
        ]
        if not left:
            break
        time.sleep(0.2)


@pytest.fixture
def traffic(local_aws: Any) -> Iterator[Callable[[], Traffic]]:
    """Starts clients, and stops them."""
    started: list[tuple[Traffic, threading.Thread]] = []

    def start() -> Traffic:
        found = Traffic(local_aws.client("sagemaker-runtime"))
        thread = threading.Thread(target=found.run, daemon=True)
        started.append((found, thread))
        thread.start()
        return found

    yield start
    for found, thread in started:
        found.stop()
        thread.join(timeout=5)
