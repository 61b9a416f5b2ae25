"""SageMaker refuses what it refuses on AWS, in AWS's words."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

ARN = "arn:aws:sagemaker:us-east-1:123456789012"


@pytest.fixture(scope="module")
def model(hosting: Any) -> str:
    """A model."""
    name: str = hosting.create_model("model")
    return name


def refused(call: Any, **parameters: Any) -> str:
    """The message of the ValidationException that a call is refused with."""
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    error = raised.value.response
    assert error["Error"]["Code"] == "ValidationException"
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
    message: str = error["Error"]["Message"]
    return message


def test_what_does_not_exist_is_not_found(hosting: Any) -> None:
    """Describing, deleting and using names of nothing."""
    api = hosting.api
    for call, parameters, message in (
        (api.describe_model, {"ModelName": "no"}, f'model "{ARN}:model/no"'),
        (api.delete_model, {"ModelName": "no"}, f'model "{ARN}:model/no"'),
        (
            api.describe_endpoint_config,
            {"EndpointConfigName": "no"},
            f'endpoint configuration "{ARN}:endpoint-config/no"',
        ),
        (
            api.create_endpoint,
            {"EndpointName": "e", "EndpointConfigName": "no"},
            f'endpoint configuration "{ARN}:endpoint-config/no"',
        ),
        (api.describe_endpoint, {"EndpointName": "no"}, f'endpoint "{ARN}:endpoint/no"'),
        (api.delete_endpoint, {"EndpointName": "no"}, f'endpoint "{ARN}:endpoint/no"'),
        (
            api.update_endpoint,
            {"EndpointName": "no", "EndpointConfigName": "no"},
            f'endpoint "{ARN}:endpoint/no"',
        ),
    ):
        assert refused(call, **parameters) == f"Could not find {message}."


def test_a_config_of_a_model_that_does_not_exist_is_refused(hosting: Any) -> None:
    """CreateEndpointConfig looks the model up."""
    with pytest.raises(ClientError, match="Could not find model") as raised:
        hosting.create_config("of-no-model", {"ModelName": "no"})
    assert raised.value.response["Error"]["Message"] == f'Could not find model "{ARN}:model/no".'


def test_names_are_taken_once(hosting: Any, model: str) -> None:
    """A second thing of the same name is refused; the first one stays."""
    with pytest.raises(ClientError) as raised:
        hosting.create_model("model")
    assert raised.value.response["Error"]["Message"] == (
        f'Cannot create already existing model "{ARN}:model/{model}".'
    )
    config = hosting.create_config("twice", {"ModelName": model})
    with pytest.raises(ClientError) as raised:
        hosting.create_config("twice", {"ModelName": model})
    assert raised.value.response["Error"]["Message"] == (
        f'Cannot create already existing endpoint configuration "{ARN}:endpoint-config/{config}".'
    )
    endpoint = hosting.create_endpoint("twice", config, wait=None)
    message = refused(hosting.api.create_endpoint, EndpointName=endpoint, EndpointConfigName=config)
    assert message == f'Cannot create already existing endpoint "{ARN}:endpoint/{endpoint}".'
    hosting.wait(endpoint, "InService")


@pytest.mark.parametrize(
    ("variant", "message"),
    [
        (
            {"InstanceType": "ml.m5.tiny"},
            "1 validation error detected: Value 'ml.m5.tiny' at "
            "'productionVariants.1.member.instanceType' failed to satisfy constraint: Member must "
            "satisfy enum value set: [",
        ),
        (
            {"VariantName": "under_score"},
            "1 validation error detected: Value 'under_score' at "
            "'productionVariants.1.member.variantName' failed to satisfy constraint: Member must "
            "satisfy regular expression pattern: ",
        ),
    ],
)
def test_parameters_are_judged_by_the_service_model(
    hosting: Any, model: str, variant: dict[str, Any], message: str
) -> None:
    """Enums and patterns, which boto3 does not check."""
    with pytest.raises(ClientError) as raised:
        hosting.create_config("judged", {"ModelName": model, **variant})
    assert raised.value.response["Error"]["Message"].startswith(message)


def test_a_hosting_type_that_transform_lacks_is_taken(hosting: Any, model: str) -> None:
    """ml.t2.medium serves endpoints; ml.t3.medium is no hosting type."""
    hosting.create_config("t2", {"ModelName": model, "InstanceType": "ml.t2.medium"})
    with pytest.raises(ClientError, match=r"ml\.t3\.medium"):
        hosting.create_config("t3", {"ModelName": model, "InstanceType": "ml.t3.medium"})


def test_a_key_is_refused_for_local_nvme_and_taken_otherwise(hosting: Any, model: str) -> None:
    """KmsKeyId encrypts EBS volumes; m5d and g5 have none."""
    hosting.create_config("ebs", {"ModelName": model}, KmsKeyId="alias/own")
    for number, instance_type in enumerate(("ml.m5d.large", "ml.g5.xlarge", "ml.c6gd.large")):
        with pytest.raises(ClientError, match="local storage"):
            hosting.create_config(
                f"nvme-{number}",
                {"ModelName": model, "InstanceType": instance_type},
                KmsKeyId="alias/own",
            )


def test_variant_names_are_unique(hosting: Any, model: str) -> None:
    """Two variants of one name are refused."""
    with pytest.raises(ClientError, match='"AllTraffic" was non-unique within the request'):
        hosting.create_config("same", {"ModelName": model}, {"ModelName": model})


def test_a_model_needs_an_artifact_that_its_role_can_read(hosting: Any) -> None:
    """CreateModel looks for the object at once, as the role."""
    url = f"s3://{hosting.bucket}/missing.tar.gz"
    with pytest.raises(ClientError) as raised:
        hosting.create_model("unreadable", url)
    assert raised.value.response["Error"]["Message"].startswith(
        f'Could not access model data at {url}. Please ensure that the role "{hosting.role}" '
        f"exists and that its trust relationship policy allows the action "
        f'"sts:AssumeRole" for the service principal "sagemaker.amazonaws.com". Also ensure that '
        f'the role has "s3:GetObject" permissions and that the object is located in us-east-1.'
    )


def test_weights_and_counts_are_for_variants_that_exist(hosting: Any, model: str) -> None:
    """Unknown and repeated names, negative weights and an instance count of 0."""
    config = hosting.create_config("weights", {"ModelName": model})
    endpoint = hosting.create_endpoint("weights", config)

    def change(*wanted: dict[str, Any]) -> str:
        return refused(
            hosting.api.update_endpoint_weights_and_capacities,
            EndpointName=endpoint,
            DesiredWeightsAndCapacities=list(wanted),
        )

    assert change({"VariantName": "other", "DesiredWeight": 1}) == (
        f'The variant name(s) "other" is/are not present within endpoint configuration "{config}".'
    )
    twice = {"VariantName": "AllTraffic", "DesiredWeight": 1}
    assert "non-unique" in change(twice, twice)
    assert "at least 1" in change({"VariantName": "AllTraffic", "DesiredInstanceCount": 0})
    assert hosting.wait(endpoint, "InService")["ProductionVariants"][0]["DesiredWeight"] == 1


def test_an_update_fails_when_the_config_in_use_has_been_deleted(hosting: Any, model: str) -> None:
    """An endpoint config must not be deleted while an endpoint uses it."""
    old = hosting.create_config("old", {"ModelName": model})
    endpoint = hosting.create_endpoint("orphan", old)
    new = hosting.create_config("new", {"ModelName": model})
    hosting.api.delete_endpoint_config(EndpointConfigName=old)
    message = refused(hosting.api.update_endpoint, EndpointName=endpoint, EndpointConfigName=new)
    assert message == f'Could not find endpoint configuration "{ARN}:endpoint-config/{old}".'
    assert hosting.version(endpoint) == "model"


def test_a_scaled_variant_keeps_its_instance_type_and_its_place(hosting: Any, model: str) -> None:
    """Changing the type of a scalable target, or removing it, is refused; a new model is taken."""
    scaling = hosting.connect("application-autoscaling")
    config = hosting.create_config("scaled", {"ModelName": model})
    endpoint = hosting.create_endpoint("scaled", config)
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/AllTraffic",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2)
    other_type = hosting.create_config(
        "other-type", {"ModelName": model, "InstanceType": "ml.c5.large"}
    )
    renamed = hosting.create_config("renamed", {"ModelName": model, "VariantName": "Renamed"})
    for wanted in (other_type, renamed):
        message = refused(
            hosting.api.update_endpoint, EndpointName=endpoint, EndpointConfigName=wanted
        )
        assert message.startswith(
            'The variant(s) "AllTraffic" must be deregistered as scalable targets'
        )
    same_type = hosting.create_config("same-type", {"ModelName": hosting.create_model("newer")})
    hosting.api.update_endpoint(EndpointName=endpoint, EndpointConfigName=same_type)
    hosting.wait(endpoint, "InService")
    assert hosting.version(endpoint) == "newer"
    # Once it is deregistered the type may change.
    scaling.deregister_scalable_target(**target)
    hosting.api.update_endpoint(EndpointName=endpoint, EndpointConfigName=other_type)
    hosting.wait(endpoint, "InService")


def test_deleting_an_endpoint_deregisters_its_scalable_targets(hosting: Any, model: str) -> None:
    """They go silently with the endpoint; those of other endpoints stay."""
    scaling = hosting.connect("application-autoscaling")
    targets = []
    for name in ("going", "staying"):
        config = hosting.create_config(name, {"ModelName": model})
        endpoint = hosting.create_endpoint(name, config)
        targets.append(f"endpoint/{endpoint}/variant/AllTraffic")
        scaling.register_scalable_target(
            ServiceNamespace="sagemaker",
            ResourceId=targets[-1],
            ScalableDimension="sagemaker:variant:DesiredInstanceCount",
            MinCapacity=1,
            MaxCapacity=2,
        )
    hosting.remove("refusals-going")
    found = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    left = {target["ResourceId"] for target in found}
    assert left & set(targets) == {targets[1]}


def test_a_model_of_several_containers_is_refused_by_name(hosting: Any) -> None:
    """What cannot be served gets a clear answer, not a pretended endpoint."""
    url = hosting.artifact("several")
    several = f"{hosting.prefix}-several"
    hosting.api.create_model(
        ModelName=several,
        ExecutionRoleArn=hosting.role,
        Containers=[{"Image": f"registry/image:{tag}", "ModelDataUrl": url} for tag in ("1", "2")],
    )
    config = hosting.create_config("several", {"ModelName": several})
    message = refused(
        hosting.api.create_endpoint, EndpointName="other-kind", EndpointConfigName=config
    )
    assert message.startswith("The local AWS does not serve models of several containers")


def test_an_operation_that_nobody_implements_is_refused_by_its_name(hosting: Any) -> None:
    """No 500 and no silence."""
    message = refused(hosting.api.list_monitoring_schedules)
    assert message == "The local AWS does not implement sagemaker:ListMonitoringSchedules."
