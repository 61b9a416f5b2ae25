"""Templates of an endpoint as somebody writes them by hand, and their deployment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

# A type that no other test has endpoints of.
TYPE = "ml.m5d.xlarge"


def hosted(
    hosting: Any, data: str, *, instances: int = 1, most: int | None = None, **endpoint: Any
) -> dict[str, Any]:
    """The template of a model and its endpoint, as somebody writes it by hand."""
    environment = {
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    }
    resources: dict[str, Any] = {
        "Model": {
            "Type": "AWS::SageMaker::Model",
            "Properties": {
                "ExecutionRoleArn": hosting.role,
                "PrimaryContainer": {
                    "Image": {
                        "Fn::Sub": "683313688378.dkr.ecr.${AWS::Region}.amazonaws.com/"
                        "sagemaker-xgboost:3.2-0"
                    },
                    "ModelDataUrl": data,
                    "Environment": environment,
                },
            },
        },
        "Config": {
            "Type": "AWS::SageMaker::EndpointConfig",
            "Properties": {
                "ProductionVariants": [
                    {
                        "VariantName": "AllTraffic",
                        "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
                        "InstanceType": TYPE,
                        "InitialInstanceCount": instances,
                        "InitialVariantWeight": 1,
                    }
                ]
            },
        },
        "Endpoint": {
            "Type": "AWS::SageMaker::Endpoint",
            "Properties": {
                "EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]},
                **endpoint,
            },
        },
    }
    if most is not None:
        resources["Target"] = {
            "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
            "Properties": {
                "ServiceNamespace": "sagemaker",
                "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
                "ResourceId": {"Fn::Sub": "endpoint/${Endpoint.EndpointName}/variant/AllTraffic"},
                "MinCapacity": 1,
                "MaxCapacity": most,
            },
        }
    return {"Resources": resources}


def assemble(directory: Path, hosting: Any, stack: str, template: dict[str, Any], key: str) -> str:
    """Write a cloud assembly of one stack with one archive; its bootstrap parameter's name."""
    parameter = f"/cdk-bootstrap/{stack}/version"
    place = {"bucketName": hosting.bucket, "objectKey": key}
    source = {"path": "asset.abc.tar.gz", "packaging": "file"}
    artifact = {
        "type": "aws:cloudformation:stack",
        "environment": "aws://unknown-account/us-east-1",
        "properties": {
            "templateFile": "a.template.json",
            "stackName": stack,
            "requiresBootstrapStackVersion": 6,
            "bootstrapStackVersionSsmParameter": parameter,
        },
    }
    for file, content in (
        ("manifest.json", {"artifacts": {"a": artifact}}),
        ("a.template.json", template),
        ("a.assets.json", {"files": {"abc": {"source": source, "destinations": {"here": place}}}}),
        ("asset.abc.tar.gz", "123456"),
    ):
        (directory / file).write_text(json.dumps(content))
    return parameter


def batch(**map_state: Any) -> dict[str, Any]:
    """A state machine whose map starts transform jobs of two instances."""
    job = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sagemaker:createTransformJob.sync",
        "Parameters": {"TransformResources": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2}},
        "End": True,
    }
    each = {
        "Type": "Map",
        "ItemProcessor": {"StartAt": "Job", "States": {"Job": job}},
        "End": True,
        **map_state,
    }
    return {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {"Definition": {"StartAt": "Each", "States": {"Each": each}}},
    }


def deployed(cloudformation: Any, name: str, template: dict[str, Any], how: str) -> str:
    """Deploy, and wait until the stack is at rest; its status."""
    done = getattr(cloudformation, f"{how}_stack")(
        StackName=name, TemplateBody=json.dumps(template)
    )
    return at_rest(cloudformation, done["StackId"])


def removed(cloudformation: Any, name: str) -> None:
    """Delete a stack, and wait until it is gone."""
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    cloudformation.delete_stack(StackName=name)
    assert at_rest(cloudformation, stack["StackId"]) == "DELETE_COMPLETE"


def at_rest(cloudformation: Any, stack_id: str) -> str:
    """Wait until the stack is at rest; its status."""
    while True:
        (stack,) = cloudformation.describe_stacks(StackName=stack_id)["Stacks"]
        status: str = stack["StackStatus"]
        if not status.endswith("_IN_PROGRESS"):
            return status
