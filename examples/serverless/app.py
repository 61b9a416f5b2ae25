"""A model without instances: a container starts with a request, and two are kept started."""

from aws_cdk import App, Stack

from inference_constructs import (
    EndpointAlarms,
    InferenceModel,
    ModelArtifact,
    Notifications,
    Scaling,
    ServerlessEndpoint,
    ServerlessVariant,
    TargetTracking,
)

app = App()
stack = Stack(app, "example-serverless")
artifact = ModelArtifact.from_directory("build/model", code="model_code/serving")
model = InferenceModel(stack, "Model", artifact=artifact, network_isolation=False)
target = TargetTracking.provisioned_concurrency_utilization(0.7)
scaling = Scaling(min_capacity=2, max_capacity=10, policies=[target])
variant = ServerlessVariant(model=model, memory_mb=2048, max_concurrency=20, scaling=scaling)
endpoint = ServerlessEndpoint(stack, "Endpoint", variants=[variant])
notifications = Notifications(stack, "Notifications", encryption=endpoint.encryption)
endpoint.add_alarms(EndpointAlarms(), notifications)
app.synth()
