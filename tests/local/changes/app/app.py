"""An endpoint as `endpoint.json` describes it, made of the library's constructs."""

import json
from pathlib import Path
from typing import Any

from aws_cdk import App, CfnOutput, Duration, Environment, RemovalPolicy, Stack
from aws_cdk import aws_logs as logs

from inference_constructs import (
    AsyncEndpoint,
    AsyncInference,
    ComputeRequirements,
    DataBucket,
    EncryptionKey,
    EndpointLogs,
    FleetShare,
    InferenceComponent,
    InferenceComponentEndpoint,
    InferenceModel,
    ManagedFleet,
    ModelArtifact,
    Notifications,
    ProductionVariant,
    RealtimeEndpoint,
    RollbackAlarms,
    Rollout,
    Scaling,
    ServerlessEndpoint,
    ServerlessVariant,
    ShadowVariant,
    StepScaling,
    TargetTracking,
)
from inference_constructs.endpoint_base import EndpointBase

HERE = Path(__file__).resolve().parent
INSTANCE_TYPE = "ml.m5.large"

given: dict[str, Any] = json.loads((HERE / "endpoint.json").read_text())
app = App(analytics_reporting=False)
stack = Stack(app, given["stack"], env=Environment(account="123456789012", region="us-east-1"))
encryption = EncryptionKey(
    stack, "Encryption", removal_policy=RemovalPolicy[given.get("keys", "DESTROY")]
)
artifact = ModelArtifact.from_directory(HERE / "model", code=HERE / "handler")


def model(name: str, variant: dict[str, Any], **options: Any) -> InferenceModel:
    """A Model that answers with a version, after a delay or with errors if told so."""
    environment = {
        "INFERENCE_MODEL_VERSION": variant["version"],
        "FAULT_PERCENT": str(variant.get("fault_percent", 0)),
        "DELAY_SECONDS": str(variant.get("delay_seconds", 0)),
    }
    return InferenceModel(
        stack, f"{name}Model", artifact=artifact, environment=environment, **options
    )


def rollout() -> Rollout | None:
    """A canary; its alarms look at two of three minutes, and the bake lasts four."""
    if "canary_percent" not in given:
        return None
    alarms = RollbackAlarms(
        server_error_percent=5,
        model_latency_p99=Duration.millis(given.get("slowest_milliseconds", 2000)),
    )
    return Rollout.canary(
        size=FleetShare.percent(given["canary_percent"]),
        bake=Duration.minutes(4),
        rollback=alarms if given.get("rollback", True) else None,
    )


def scaling(bounds: dict[str, Any] | None) -> Scaling | None:
    """Target tracking on the invocations of an instance and minute."""
    if bounds is None:
        return None
    return Scaling(
        min_capacity=bounds["min"],
        max_capacity=bounds["max"],
        policies=[
            TargetTracking.invocations_per_instance(
                bounds["per_minute"], scale_in=bounds.get("scale_in", True)
            )
        ],
    )


def endpoint_logs() -> EndpointLogs | None:
    """A retention and a policy, by the CDK's names."""
    if "logs" not in given:
        return None
    return EndpointLogs(
        retention=logs.RetentionDays[given["logs"]["retention"]],
        removal_policy=RemovalPolicy[given["logs"]["removal"]],
    )


def realtime() -> EndpointBase:
    """Variants on instances, perhaps with a shadow."""
    shadow = given.get("shadow")
    return RealtimeEndpoint(
        stack,
        "Endpoint",
        encryption=encryption,
        variants=[
            ProductionVariant(
                name=name,
                model=model(name, variant),
                instance_type=variant.get("instance_type", INSTANCE_TYPE),
                initial_instance_count=variant.get("count"),
                weight=variant.get("weight", 1),
                scaling=scaling(variant.get("scaling")),
            )
            for name, variant in given["variants"].items()
        ],
        shadow=None
        if shadow is None
        else ShadowVariant(model=model("Shadow", shadow), instance_type=INSTANCE_TYPE),
        rollout=rollout(),
    )


def serverless() -> EndpointBase:
    """One serverless variant."""
    [(name, variant)] = given["variants"].items()
    return ServerlessEndpoint(
        stack,
        "Endpoint",
        encryption=encryption,
        variants=[
            ServerlessVariant(name=name, model=model(name, variant, network_isolation=False))
        ],
        endpoint_logs=endpoint_logs(),
    )


def asynchronous() -> EndpointBase:
    """One variant that reads its requests from S3."""
    [(name, variant)] = given["variants"].items()
    data = DataBucket(stack, "Data", encryption=encryption, removal_policy=RemovalPolicy.DESTROY)
    CfnOutput(stack, "Bucket", value=data.bucket_name)
    notifications = Notifications(stack, "Notifications", encryption=encryption)
    CfnOutput(stack, "Topic", value=notifications.topic_arn)
    return AsyncEndpoint(
        stack,
        "Endpoint",
        encryption=encryption,
        variants=[
            ProductionVariant(name=name, model=model(name, variant), instance_type=INSTANCE_TYPE)
        ],
        inference=AsyncInference(
            input=data.prefix("input/"),
            output=data.prefix("output/"),
            failures=data.prefix("failures/"),
            success=notifications,
            error=notifications,
        ),
    )


def components() -> EndpointBase:
    """Inference components whose copies go to zero and come back."""
    return InferenceComponentEndpoint(
        stack,
        "Endpoint",
        encryption=encryption,
        fleet=ManagedFleet(instance_type="ml.m5.xlarge", max_instances=2),
        components=[
            InferenceComponent(
                name=name,
                model=model(name, variant),
                requirements=ComputeRequirements(memory_mb=1024, cpus=1),
                scaling=Scaling(
                    min_capacity=0,
                    max_capacity=2,
                    policies=[
                        TargetTracking.invocations_per_copy(600),
                        StepScaling.waking_on_failures(),
                    ],
                ),
            )
            for name, variant in given["variants"].items()
        ],
    )


kinds = {
    "realtime": realtime,
    "serverless": serverless,
    "async": asynchronous,
    "components": components,
}
endpoint = kinds[given.get("kind", "realtime")]()
if given.get("keep_previous"):
    endpoint.keep_previous(given["keep_previous"])
CfnOutput(stack, "EndpointName", value=endpoint.endpoint_name)
app.synth()
