"""An endpoint of bare L1s with CloudFormation's own scalable target, as many teams have it."""

import json
from pathlib import Path
from typing import Any

from aws_cdk import App, CfnOutput, Environment, Stack
from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_sagemaker as sagemaker

from inference_constructs import InferenceModel, ModelArtifact

HERE = Path(__file__).resolve().parent
VARIANT = "AllTraffic"

given: dict[str, Any] = json.loads((HERE / "endpoint.json").read_text())
app = App(analytics_reporting=False)
stack = Stack(app, given["stack"], env=Environment(account="123456789012", region="us-east-1"))
model = InferenceModel(
    stack,
    "Model",
    artifact=ModelArtifact.from_directory(HERE / "model", code=HERE / "handler"),
    environment={
        "INFERENCE_MODEL_VERSION": given["version"],
        "FAULT_PERCENT": "0",
        "DELAY_SECONDS": "0",
    },
)
config = sagemaker.CfnEndpointConfig(
    stack,
    "Config",
    production_variants=[
        sagemaker.CfnEndpointConfig.ProductionVariantProperty(
            variant_name=VARIANT,
            model_name=model.model_name,
            instance_type=given["instance_type"],
            initial_instance_count=2,
            initial_variant_weight=1,
        )
    ],
)
routing = sagemaker.CfnEndpoint.TrafficRoutingConfigProperty(
    type="CANARY",
    wait_interval_in_seconds=60,
    canary_size=sagemaker.CfnEndpoint.CapacitySizeProperty(
        type="CAPACITY_PERCENT", value=given["canary_percent"]
    ),
)
endpoint = sagemaker.CfnEndpoint(
    stack,
    "Endpoint",
    endpoint_name=f"{given['stack']}-endpoint",
    endpoint_config_name=config.attr_endpoint_config_name,
    retain_all_variant_properties=True,
    exclude_retained_variant_properties=[
        sagemaker.CfnEndpoint.VariantPropertyProperty(variant_property_type="DesiredWeight")
    ],
    deployment_config=sagemaker.CfnEndpoint.DeploymentConfigProperty(
        blue_green_update_policy=sagemaker.CfnEndpoint.BlueGreenUpdatePolicyProperty(
            traffic_routing_configuration=routing
        )
    ),
)
if given["scaled"]:
    target = scaling.CfnScalableTarget(
        stack,
        "Target",
        service_namespace="sagemaker",
        scalable_dimension="sagemaker:variant:DesiredInstanceCount",
        resource_id=f"endpoint/{endpoint.attr_endpoint_name}/variant/{VARIANT}",
        min_capacity=2,
        max_capacity=3,
    )
CfnOutput(stack, "EndpointName", value=endpoint.attr_endpoint_name)
app.synth()
