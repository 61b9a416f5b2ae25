"""AWS::SageMaker::InferenceComponent in a template."""

from __future__ import annotations

import json
from typing import Any

import pytest

ALLOWED = ("sagemaker:*",)
NEEDS = {"NumberOfCpuCoresRequired": 1, "MinMemoryRequiredInMb": 1024}


class Stack:
    """One stack, deployed again and again."""

    def __init__(self, kinds: Any) -> None:
        self.name = kinds.name("stack")
        self._api = kinds.local_aws.client("cloudformation")
        self._until = kinds.until

    def deploy(self, resources: dict[str, Any]) -> dict[str, Any]:
        """Create or update it with these resources; the stack when it is through."""
        outputs = {
            "Ref": {"Value": {"Ref": "Component"}},
            "Copies": {"Value": {"Fn::GetAtt": ["Component", "RuntimeConfig.CurrentCopyCount"]}},
        }
        template = json.dumps({"Resources": resources, "Outputs": outputs})
        exists = any(one["StackName"] == self.name for one in self._listed())
        change = self._api.update_stack if exists else self._api.create_stack
        change(StackName=self.name, TemplateBody=template)
        return self._settled()

    def delete(self) -> None:
        """Delete it."""
        self._api.delete_stack(StackName=self.name)
        self._until(lambda: all(one["StackName"] != self.name for one in self._listed()))

    def reasons(self) -> str:
        """Everything that was said of its resources."""
        events = self._api.describe_stack_events(StackName=self.name)["StackEvents"]
        return " ".join(event.get("ResourceStatusReason", "") for event in events)

    def _listed(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._api.describe_stacks()["Stacks"]
        return found

    def _settled(self) -> dict[str, Any]:
        def look() -> Any:
            (found,) = self._api.describe_stacks(StackName=self.name)["Stacks"]
            return None if found["StackStatus"].endswith("_IN_PROGRESS") else found

        found: dict[str, Any] = self._until(look, seconds=60)
        return found


@pytest.fixture
def stack(kinds: Any) -> Any:
    """A stack, deleted at the end."""
    made = Stack(kinds)
    yield made
    made.delete()


def test_a_component_is_deployed_updated_and_deleted_by_a_stack(kinds: Any, stack: Any) -> None:
    """Its own update is in place; copies that scaling has added outlive another model."""
    first, second = kinds.command_model("one"), kinds.command_model("two")
    name = kinds.name("endpoint")
    variant = {
        "VariantName": "main",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        "ManagedInstanceScaling": {
            "Status": "ENABLED",
            "MinInstanceCount": 0,
            "MaxInstanceCount": 3,
        },
    }

    def resources(model: str, **component: Any) -> dict[str, Any]:
        properties = {
            "EndpointName": name,
            "Specification": {"ModelName": model, "ComputeResourceRequirements": NEEDS},
            "RuntimeConfig": {"CopyCount": 1},
            **component,
        }
        return {
            "Config": {
                "Type": "AWS::SageMaker::EndpointConfig",
                "Properties": {"ExecutionRoleArn": kinds.role, "ProductionVariants": [variant]},
            },
            "Endpoint": {
                "Type": "AWS::SageMaker::Endpoint",
                "Properties": {
                    "EndpointName": name,
                    "EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]},
                },
            },
            "Component": {
                "Type": "AWS::SageMaker::InferenceComponent",
                "DependsOn": "Endpoint",
                "Properties": properties,
            },
        }

    found = stack.deploy(resources(first))
    assert found["StackStatus"] == "CREATE_COMPLETE", stack.reasons()
    outputs = {one["OutputKey"]: one["OutputValue"] for one in found["Outputs"]}
    assert outputs["Ref"].startswith(
        "arn:aws:sagemaker:us-east-1:123456789012:inference-component/"
    )
    assert outputs["Copies"] == "1"
    (component,) = kinds.components(name)
    assert outputs["Ref"].endswith(f"/{component.lower()}")
    kinds.api.update_inference_component_runtime_config(
        InferenceComponentName=component, DesiredRuntimeConfig={"CopyCount": 2}
    )
    kinds.until(
        lambda: (
            kinds.api.describe_inference_component(InferenceComponentName=component)[
                "InferenceComponentStatus"
            ]
            == "InService"
        )
    )
    found = stack.deploy(resources(second, Tags=[{"Key": "team", "Value": "one"}]))
    assert found["StackStatus"] == "UPDATE_COMPLETE", stack.reasons()
    described = kinds.api.describe_inference_component(InferenceComponentName=component)
    assert described["RuntimeConfig"]["CurrentCopyCount"] == 2
    assert kinds.command(name, component=component)["version"] == "two"
    # The endpoint's name is no property that an update takes.
    failed = stack.deploy(resources(second, EndpointName="elsewhere"))
    assert failed["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "EndpointName of an inference component cannot be updated" in stack.reasons()
    assert kinds.components(name) == [component]
