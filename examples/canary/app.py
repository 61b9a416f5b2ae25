"""A new model gets 10 % of the traffic first; if it errs or is slow, the old one comes back."""

from aws_cdk import App, Stack

from inference_constructs import (
    EndpointAlarms,
    FleetShare,
    InferenceModel,
    ModelArtifact,
    Notifications,
    ProductionVariant,
    RealtimeEndpoint,
    Rollout,
    Scaling,
    TargetTracking,
)

app = App()
stack = Stack(app, "example-canary")
artifact = ModelArtifact.from_source("s3://example-models/churn/model.tar.gz")
model = InferenceModel(stack, "Model", artifact=artifact)
target = TargetTracking.invocations_per_instance(6000)
scaling = Scaling(min_capacity=2, max_capacity=6, policies=[target])
variant = ProductionVariant(model=model, instance_type="ml.m5.large", scaling=scaling)
rollout = Rollout.canary(size=FleetShare.percent(10))
endpoint = RealtimeEndpoint(stack, "Endpoint", variants=[variant], rollout=rollout)
notifications = Notifications(stack, "Notifications", encryption=endpoint.encryption)
endpoint.add_alarms(EndpointAlarms(), notifications)
app.synth()
