"""Requests and answers lie in S3; instances come with the backlog, and go when it is gone."""

from aws_cdk import App, Stack

from inference_constructs import (
    AsyncEndpoint,
    AsyncInference,
    DataBucket,
    EncryptionKey,
    InferenceModel,
    ModelArtifact,
    Notifications,
    ProductionVariant,
    Scaling,
    StepScaling,
    TargetTracking,
)

app = App()
stack = Stack(app, "example-asynchronous")
encryption = EncryptionKey(stack, "Encryption")
notifications = Notifications(stack, "Notifications", encryption=encryption)
bucket = DataBucket(stack, "Data", encryption=encryption)
inference = AsyncInference(
    input=bucket.prefix("input/"),
    output=bucket.prefix("output/"),
    failures=bucket.prefix("failures/"),
    success=notifications,
    error=notifications,
)
artifact = ModelArtifact.from_directory("build/model", code="model_code/serving")
model = InferenceModel(stack, "Model", artifact=artifact)
scaling = Scaling(
    min_capacity=0,
    max_capacity=3,
    policies=[TargetTracking.backlog_per_instance(5), StepScaling.waking_on_backlog()],
)
variant = ProductionVariant(model=model, instance_type="ml.m5.large", scaling=scaling)
AsyncEndpoint(stack, "Endpoint", variants=[variant], inference=inference, encryption=encryption)
app.synth()
