"""A model in a VPC of its own, in two zones, from which a way leads to S3 and to nothing else."""

from aws_cdk import App, Stack

from inference_constructs import (
    EncryptionKey,
    InferenceModel,
    InferenceVpc,
    ModelArtifact,
    ProductionVariant,
    RealtimeEndpoint,
)

app = App()
stack = Stack(app, "example-vpc")
encryption = EncryptionKey(stack, "Encryption")
vpc = InferenceVpc(stack, "Network", encryption=encryption)
artifact = ModelArtifact.from_directory("build/model", code="model_code/serving")
model = InferenceModel(stack, "Model", artifact=artifact, network=vpc.network)
variant = ProductionVariant(model=model, instance_type="ml.m5.large")
RealtimeEndpoint(stack, "Endpoint", variants=[variant], encryption=encryption)
app.synth()
