"""A model behind a real-time endpoint that grows with its load and is watched."""

from aws_cdk import App, Stack

from inference_constructs import (
    EndpointAlarms,
    EndpointDashboard,
    InferenceModel,
    ModelArtifact,
    Notifications,
    ProductionVariant,
    RealtimeEndpoint,
    Scaling,
    TargetTracking,
)

app = App()
stack = Stack(app, "example-realtime")
artifact = ModelArtifact.from_directory("build/model", code="model_code/serving")
model = InferenceModel(stack, "Model", artifact=artifact)
# One instance answered 200 requests a second in a load test; half of that is the target.
target = TargetTracking.from_measured_capacity(peak_requests_per_second=200)
scaling = Scaling(min_capacity=1, max_capacity=4, policies=[target])
variant = ProductionVariant(model=model, instance_type="ml.m5.large", scaling=scaling)
endpoint = RealtimeEndpoint(stack, "Endpoint", variants=[variant])
notifications = Notifications(stack, "Notifications", encryption=endpoint.encryption)
alarms = endpoint.add_alarms(EndpointAlarms(), notifications)
EndpointDashboard(stack, "Dashboard", endpoint=endpoint, alarms=alarms)
app.synth()
