"""Models, endpoints and their scaling, as templates describe them."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.cloudformation.provider import Created, ResourceError

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"


def names(local_aws: Any, kind: str) -> list[str]:
    """The names of all models, or of all endpoint configs."""
    api = local_aws.client("sagemaker")
    if kind == "Model":
        return [entry["ModelName"] for entry in api.list_models()["Models"]]
    return [entry["EndpointConfigName"] for entry in api.list_endpoint_configs()["EndpointConfigs"]]


@pytest.fixture
def model(drive: Any, role: str, local_aws: Any) -> Any:
    """A model whose artifact is no archive."""
    s3 = local_aws.client("s3")
    s3.create_bucket(Bucket="broken-models")
    s3.put_object(Bucket="broken-models", Key="model.tar.gz", Body=b"no archive")
    driven = drive("AWS::SageMaker::Model", {"stage": "dev"})
    properties = {
        "PrimaryContainer": {
            "Image": IMAGE,
            "ModelDataUrl": "s3://broken-models/model.tar.gz",
            "Environment": {"SAGEMAKER_PROGRAM": "inference.py"},
        },
        "ExecutionRoleArn": role,
        "EnableNetworkIsolation": "true",
    }
    return driven, driven.create(properties), properties


def variant(model_name: str) -> dict[str, Any]:
    """The one production variant."""
    return {
        "VariantName": "AllTraffic",
        "ModelName": model_name,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": "1",
        "InitialVariantWeight": 1,
    }


def test_a_model_is_named_by_its_arn(model: Any, local_aws: Any) -> None:
    """Ref is the ARN, the name is an attribute; network isolation is kept."""
    driven, created, properties = model
    name = created.attributes["ModelName"]
    assert created.physical_id == f"arn:aws:sagemaker:us-east-1:123456789012:model/{name}"
    api = local_aws.client("sagemaker")
    found = api.describe_model(ModelName=name)
    assert found["EnableNetworkIsolation"] is True
    assert found["PrimaryContainer"]["Environment"] == {"SAGEMAKER_PROGRAM": "inference.py"}
    tags = api.list_tags(ResourceArn=created.physical_id)["Tags"]
    assert tags == [{"Key": "stage", "Value": "dev"}]
    driven.update(created, properties, {**properties, "Tags": [{"Key": "a", "Value": "b"}]})
    tags = api.list_tags(ResourceArn=created.physical_id)["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"stage": "dev", "a": "b"}
    driven.delete(created, properties)
    driven.delete(created, properties)
    assert name not in names(local_aws, "Model")


def test_an_endpoint_config_keeps_its_variants(drive: Any, model: Any, local_aws: Any) -> None:
    """Numbers of the template reach the service as numbers."""
    config = drive("AWS::SageMaker::EndpointConfig")
    properties = {"ProductionVariants": [variant(model[1].attributes["ModelName"])]}
    created = config.create(properties)
    name = created.attributes["EndpointConfigName"]
    assert created.physical_id.endswith(f":endpoint-config/{name}")
    found = local_aws.client("sagemaker").describe_endpoint_config(EndpointConfigName=name)
    assert found["ProductionVariants"][0]["InitialInstanceCount"] == 1
    config.delete(created, properties)
    config.delete(created, properties)
    assert name not in names(local_aws, "EndpointConfig")


def test_an_update_changes_the_templates_tags_and_leaves_those_of_others(
    drive: Any, model: Any, local_aws: Any
) -> None:
    """What it no longer has goes; what someone else put there stays."""
    config, api = drive("AWS::SageMaker::EndpointConfig"), local_aws.client("sagemaker")
    old = {
        "ProductionVariants": [variant(model[1].attributes["ModelName"])],
        "Tags": [{"Key": "stage", "Value": "dev"}, {"Key": "gone", "Value": "soon"}],
    }
    created = config.create(old)
    arn = created.physical_id
    api.add_tags(ResourceArn=arn, Tags=[{"Key": "owner", "Value": "somebody"}])
    new = {**old, "Tags": [{"Key": "stage", "Value": "prod"}]}

    def tags() -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in api.list_tags(ResourceArn=arn)["Tags"]}

    config.update(created, old, new)
    assert tags() == {"stage": "prod", "owner": "somebody"}
    named = {**new, "Tags": [*new["Tags"], {"Key": "owner", "Value": "us"}]}
    config.update(created, new, named)
    assert tags() == {"stage": "prod", "owner": "us"}
    config.delete(created, named)


def test_an_endpoint_that_somebody_deleted_can_be_deleted_and_not_updated(drive: Any) -> None:
    """CloudFormation still believes in it; SageMaker's own words are the reason."""
    endpoint = drive("AWS::SageMaker::Endpoint")
    gone = Created(physical_id="arn:aws:sagemaker:us-east-1:123456789012:endpoint/gone")
    old, new = {"EndpointConfigName": "a"}, {"EndpointConfigName": "b"}
    with pytest.raises(ClientError, match="Could not find endpoint") as raised:
        endpoint.update(gone, old, new)
    assert raised.value.response["Error"]["Code"] == "ValidationException"
    endpoint.delete(gone, old)


def test_an_endpoint_whose_model_cannot_be_loaded_fails_with_the_services_reason(
    drive: Any, model: Any, local_aws: Any
) -> None:
    """The endpoint is left as Failed, named for the rollback, which can delete it."""
    given = {"ProductionVariants": [variant(model[1].attributes["ModelName"])]}
    config = drive("AWS::SageMaker::EndpointConfig").create(given)
    endpoint = drive("AWS::SageMaker::Endpoint")
    properties = {"EndpointConfigName": config.attributes["EndpointConfigName"]}
    with pytest.raises(ResourceError) as caught:
        endpoint.create(properties)
    arn = caught.value.physical_id
    assert arn is not None
    api = local_aws.client("sagemaker")
    found = api.describe_endpoint(EndpointName=arn.rsplit("/", 1)[-1])
    assert found["EndpointStatus"] == "Failed"
    assert str(caught.value) == found["FailureReason"]
    for _ in range(2):
        endpoint.provider.delete(endpoint.context, arn, properties)
    assert arn not in [entry["EndpointArn"] for entry in api.list_endpoints()["Endpoints"]]


def test_a_model_package_group_comes_and_goes(drive: Any, local_aws: Any) -> None:
    """Ref is the ARN."""
    group = drive("AWS::SageMaker::ModelPackageGroup", {"stage": "dev"})
    properties = {"ModelPackageGroupName": "churn", "ModelPackageGroupDescription": "models"}
    created = group.create(properties)
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/churn"
    assert created.physical_id == arn
    assert created.attributes["ModelPackageGroupStatus"] == "Completed"
    group.delete(created, properties)
    group.delete(created, properties)
    listed = local_aws.client("sagemaker").list_model_package_groups()
    assert arn not in [
        entry["ModelPackageGroupArn"] for entry in listed["ModelPackageGroupSummaryList"]
    ]


class Recorded:
    """A SageMaker client that records updates and answers with what a test prepared."""

    def __init__(self, api: Any, answers: list[dict[str, Any]]) -> None:
        self.meta = api.meta
        self.updates: list[dict[str, Any]] = []
        self._answers = answers

    def list_tags(self, **_: Any) -> dict[str, Any]:
        """No tags."""
        return {"Tags": []}

    def describe_endpoint(self, **_: Any) -> dict[str, Any]:
        """The next answer; the last one again and again."""
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    def update_endpoint(self, **arguments: Any) -> None:
        """Record it."""
        self.updates.append(arguments)


ARN = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/e"
NEW = {
    "EndpointConfigName": "new",
    "RetainAllVariantProperties": "true",
    "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DesiredWeight"}],
    "DeploymentConfig": {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": "10"},
                "WaitIntervalInSeconds": 60,
            }
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "a"}]},
    },
}


@pytest.fixture
def updated(drive: Any, local_aws: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Updates an endpoint from config ``old`` to ``new`` against prepared answers."""

    def update(*answers: dict[str, Any]) -> tuple[Recorded, Any]:
        api = Recorded(local_aws.client("sagemaker"), list(answers))
        endpoint = drive("AWS::SageMaker::Endpoint")
        monkeypatch.setattr(
            sys.modules[type(endpoint.provider).__module__], "client", lambda *_: api
        )
        old = {"EndpointConfigName": "old"}
        return api, lambda: endpoint.provider.update(endpoint.context, ARN, old, NEW)

    return update


def test_an_update_passes_on_how_it_is_to_be_done(updated: Any) -> None:
    """Guardrails and retained properties go to UpdateEndpoint, which is waited for."""
    api, update = updated(
        {"EndpointStatus": "InService", "EndpointConfigName": "old"},
        {"EndpointStatus": "Updating", "EndpointConfigName": "old"},
        {"EndpointStatus": "InService", "EndpointConfigName": "new"},
    )
    assert update().attributes["EndpointName"] == "e"
    [call] = api.updates
    assert call["EndpointConfigName"] == "new"
    assert call["RetainAllVariantProperties"] is True
    assert call["ExcludeRetainedVariantProperties"] == NEW["ExcludeRetainedVariantProperties"]
    policy = call["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert policy["CanarySize"]["Value"] == 10


def test_an_update_that_sagemaker_rolled_back_is_a_failure(updated: Any) -> None:
    """The endpoint is in service again, but with the old configuration."""
    api, update = updated(
        {"EndpointStatus": "InService", "EndpointConfigName": "old"},
        {"EndpointStatus": "InService", "EndpointConfigName": "old", "FailureReason": "alarm a"},
    )
    with pytest.raises(ResourceError, match="alarm a"):
        update()
    assert len(api.updates) == 1


def test_a_configuration_that_is_in_service_already_is_not_deployed_again(updated: Any) -> None:
    """A stack's rollback finds the old configuration live after SageMaker's own rollback."""
    api, update = updated({"EndpointStatus": "InService", "EndpointConfigName": "new"})
    update()
    assert api.updates == []


def test_a_scalable_target_has_its_bounds_and_policies(drive: Any, local_aws: Any) -> None:
    """Ref of the target is made of its three parts, and a policy may name it by that."""
    target = drive("AWS::ApplicationAutoScaling::ScalableTarget")
    old = {
        "ServiceNamespace": "dynamodb",
        "ResourceId": "table/scaled",
        "ScalableDimension": "dynamodb:table:ReadCapacityUnits",
        "MinCapacity": "1",
        "MaxCapacity": 4,
        "RoleARN": "arn:aws:iam::123456789012:role/x",
    }
    created = target.create(old)
    identifier = "table/scaled|dynamodb:table:ReadCapacityUnits|dynamodb"
    assert created.physical_id == identifier
    assert created.attributes["Id"] == identifier
    target.update(created, old, {**old, "MaxCapacity": 6})
    api = local_aws.client("application-autoscaling")

    def targets() -> list[Any]:
        answer = api.describe_scalable_targets(
            ServiceNamespace="dynamodb", ResourceIds=[old["ResourceId"]]
        )
        return [(entry["MinCapacity"], entry["MaxCapacity"]) for entry in answer["ScalableTargets"]]

    assert targets() == [(1, 6)]
    policy = drive("AWS::ApplicationAutoScaling::ScalingPolicy")
    tracking = {
        "TargetValue": "70",
        "CustomizedMetricSpecification": {
            "MetricName": "Load",
            "Namespace": "App",
            "Statistic": "Average",
        },
        "ScaleInCooldown": 300,
    }
    given = {
        "PolicyName": "invocations",
        "PolicyType": "TargetTrackingScaling",
        "ScalingTargetId": identifier,
        "TargetTrackingScalingPolicyConfiguration": tracking,
    }
    made = policy.create(given)
    assert made.physical_id.endswith(":policyName/invocations")
    [found] = api.describe_scaling_policies(
        ServiceNamespace="dynamodb", ResourceId=old["ResourceId"]
    )["ScalingPolicies"]
    assert found["PolicyARN"] == made.physical_id
    assert found["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 70
    target.delete(created, old)
    target.delete(created, old)
    policy.delete(made, given)
    policy.delete(made, given)
    assert targets() == []
