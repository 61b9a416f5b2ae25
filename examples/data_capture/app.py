"""One in five requests is kept with its answer, encrypted, in a bucket of the stack."""

from aws_cdk import App, Stack

from inference_constructs import (
    DataBucket,
    DataCapture,
    EncryptionKey,
    InferenceModel,
    ModelArtifact,
    ProductionVariant,
    RealtimeEndpoint,
)

app = App()
stack = Stack(app, "example-data-capture")
encryption = EncryptionKey(stack, "Encryption")
bucket = DataBucket(stack, "Data", encryption=encryption)
artifact = ModelArtifact.from_directory("build/model", code="model_code/serving")
model = InferenceModel(stack, "Model", artifact=artifact)
RealtimeEndpoint(
    stack,
    "Endpoint",
    encryption=encryption,
    variants=[ProductionVariant(model=model, instance_type="ml.m5.large")],
    data_capture=DataCapture(destination=bucket.prefix("captured/"), sampling_percent=20),
)
app.synth()
