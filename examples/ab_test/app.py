"""Two models share the traffic, 90 to 10, each with instances, scaling and alarms of its own."""

from aws_cdk import App, Stack

from inference_constructs import (
    EndpointAlarms,
    InferenceModel,
    ModelArtifact,
    Notifications,
    ProductionVariant,
    RealtimeEndpoint,
    Scaling,
    TargetTracking,
)

app = App()
stack = Stack(app, "example-ab-test")
artifact = ModelArtifact.from_directory("build/model", code="model_code/serving")
classes = {"INFERENCE_OUTPUT": "class"}
champion = InferenceModel(stack, "Champion", artifact=artifact)
challenger = InferenceModel(stack, "Challenger", artifact=artifact, environment=classes)
target = TargetTracking.invocations_per_instance(6000)
scaling = Scaling(min_capacity=1, max_capacity=4, policies=[target])
variants = [
    ProductionVariant(
        name=name, model=model, weight=weight, instance_type="ml.m5.large", scaling=scaling
    )
    for name, model, weight in (("Champion", champion, 90), ("Challenger", challenger, 10))
]
endpoint = RealtimeEndpoint(stack, "Endpoint", variants=variants)
notifications = Notifications(stack, "Notifications", encryption=endpoint.encryption)
endpoint.add_alarms(EndpointAlarms(), notifications)
app.synth()
