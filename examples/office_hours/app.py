"""An endpoint that is there from eight to six on workdays, and costs nothing in between."""

from datetime import time

from aws_cdk import App, Environment, Stack, TimeZone

from inference_constructs import (
    BusinessHours,
    InferenceModel,
    ModelArtifact,
    Notifications,
    OfficeHours,
    ProductionVariant,
    RealtimeEndpoint,
)

app = App()
# The region is given, so that the synth can tell what the hours save.
stack = Stack(app, "example-office-hours", env=Environment(region="us-east-1"))
artifact = ModelArtifact.from_directory("build/model", code="model_code/serving")
model = InferenceModel(stack, "Model", artifact=artifact)
variant = ProductionVariant(model=model, instance_type="ml.m5.large")
endpoint = RealtimeEndpoint(stack, "Endpoint", variants=[variant])
OfficeHours(
    stack,
    "OfficeHours",
    endpoint=endpoint,
    hours=BusinessHours(opens=time(8), closes=time(18), time_zone=TimeZone.EUROPE_BERLIN),
    notifications=Notifications(stack, "Notifications", encryption=endpoint.encryption),
)
app.synth()
