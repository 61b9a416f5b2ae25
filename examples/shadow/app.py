"""A new model gets copies of half of the requests, and its answers go to nobody."""

from aws_cdk import App, Stack

from inference_constructs import (
    EndpointDashboard,
    InferenceModel,
    ModelArtifact,
    ProductionVariant,
    RealtimeEndpoint,
    ShadowVariant,
)

app = App()
stack = Stack(app, "example-shadow")
artifact = ModelArtifact.from_directory("build/model", code="model_code/serving")
classes = {"INFERENCE_OUTPUT": "class"}
live = InferenceModel(stack, "Live", artifact=artifact)
candidate = InferenceModel(stack, "Candidate", artifact=artifact, environment=classes)
endpoint = RealtimeEndpoint(
    stack,
    "Endpoint",
    variants=[ProductionVariant(model=live, instance_type="ml.m5.large")],
    shadow=ShadowVariant(model=candidate, instance_type="ml.m5.large", sampling_percent=50),
)
EndpointDashboard(stack, "Dashboard", endpoint=endpoint)
app.synth()
