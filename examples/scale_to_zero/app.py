"""A real-time model whose instances go when nobody asks, and come with the next request."""

from aws_cdk import App, CfnOutput, Stack

from inference_constructs import (
    ComputeRequirements,
    InferenceComponent,
    InferenceComponentEndpoint,
    InferenceModel,
    ManagedFleet,
    ModelArtifact,
    Scaling,
    StepScaling,
    TargetTracking,
)

app = App()
stack = Stack(app, "example-scale-to-zero")
artifact = ModelArtifact.from_directory("build/model", code="model_code/serving")
scaling = Scaling(
    min_capacity=0,
    max_capacity=4,
    policies=[TargetTracking.invocations_per_copy(600), StepScaling.waking_on_failures()],
)
component = InferenceComponent(
    name="Churn",
    model=InferenceModel(stack, "Model", artifact=artifact),
    requirements=ComputeRequirements(memory_mb=1024, cpus=1),
    scaling=scaling,
)
fleet = ManagedFleet(instance_type="ml.m5.xlarge", max_instances=2)
endpoint = InferenceComponentEndpoint(stack, "Endpoint", fleet=fleet, components=[component])
CfnOutput(stack, "ComponentName", value=endpoint.component_name())
app.synth()
