"""Quotas that Service Quotas tells are those that SageMaker enforces."""

from __future__ import annotations

import urllib.error
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

SetQuota = Callable[[str, float | None], None]
# Types that no other test has endpoints of.
ROLLING, CREATED, SCALED = "ml.c5d.large", "ml.c5d.xlarge", "ml.c5d.2xlarge"


def usage(instance_type: str) -> str:
    """The name of its quota."""
    return f"{instance_type} for endpoint usage"


def words(quota: str, *, most: str, used: str, delta: str) -> str:
    """AWS's message, from https://github.com/aws-samples/aws-genai-llm-chatbot/issues/244."""
    return (
        f"The account-level service limit '{quota}' is {most}, with current utilization of {used} "
        f"and a request delta of {delta}. Please use AWS Service Quotas to request an increase for "
        "this quota."
    )


def refused(call: Callable[..., Any], **parameters: Any) -> str:
    """The message of a call that exceeds a quota."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    assert caught.value.response["Error"]["Code"] == "ResourceLimitExceeded"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    message: str = caught.value.response["Error"]["Message"]
    return message


def test_quotas_are_listed_and_raised(hosting: Any, set_quota: SetQuota) -> None:
    """Those with a value of the account's own by themselves; the totals under AWS's own codes."""
    api = hosting.connect("service-quotas")
    pages = api.get_paginator("list_aws_default_service_quotas").paginate(ServiceCode="sagemaker")
    codes = {each["QuotaName"]: each["QuotaCode"] for page in pages for each in page["Quotas"]}
    assert codes["Number of instances across active endpoints"] == "L-7A3DF611"
    assert "ml.m5.xlarge for transform job usage" in codes
    assert len(set(codes.values())) == len(codes)

    name = usage("ml.c5d.4xlarge")
    given = {"ServiceCode": "sagemaker", "QuotaCode": codes[name]}
    set_quota(name, 2)
    applied = api.list_service_quotas(ServiceCode="sagemaker")["Quotas"]
    assert {each["QuotaName"]: each["Value"] for each in applied}[name] == 2
    with pytest.raises(ClientError, match="IllegalArgumentException"):
        api.request_service_quota_increase(**given, DesiredValue=2)
    api.request_service_quota_increase(**given, DesiredValue=5)
    assert api.get_service_quota(**given)["Quota"]["Value"] == 5
    with pytest.raises(ClientError, match="NoSuchResourceException"):
        api.get_service_quota(ServiceCode="sagemaker", QuotaCode="L-00000000")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        set_quota("ml.c5d.enormous for endpoint usage", 1)


def test_an_endpoint_beyond_a_quota_is_not_created(hosting: Any, set_quota: SetQuota) -> None:
    """Nor one beyond the total of all types, and nothing of it is left."""
    model = hosting.create_model("quota")
    config = hosting.create_config(
        "quota", {"ModelName": model, "InstanceType": CREATED, "InitialInstanceCount": 2}
    )
    set_quota(usage(CREATED), 1)
    wanted = {"EndpointName": f"{hosting.prefix}-quota", "EndpointConfigName": config}
    assert refused(hosting.api.create_endpoint, **wanted).startswith(
        words(usage(CREATED), most="1 Instances", used="0 Instances", delta="2 Instances")
    )
    set_quota(usage(CREATED), None)
    set_quota("Number of instances across active endpoints", 0)
    assert "'Number of instances across active endpoints' is 0" in refused(
        hosting.api.create_endpoint, **wanted
    )
    set_quota("Number of instances across active endpoints", None)
    listed = hosting.api.list_endpoints(NameContains=wanted["EndpointName"])["Endpoints"]
    assert listed == []


def test_serverless_endpoints_share_a_concurrency(hosting: Any, set_quota: SetQuota) -> None:
    """What one has taken another cannot have; an update has the new one in the old one's place."""
    model = hosting.create_model("serverless-quota")
    configs = [
        hosting.create_config(f"concurrency-{most}", serverless(model, most)) for most in (3, 4)
    ]
    set_quota("Maximum total concurrency that can be allocated across all serverless endpoints", 4)
    name = hosting.create_endpoint("serverless-quota", configs[0])
    message = refused(
        hosting.api.create_endpoint, EndpointName="second", EndpointConfigName=configs[1]
    )
    assert "is 4, with current utilization of 3 and a request delta of 4" in message
    hosting.api.update_endpoint(EndpointName=name, EndpointConfigName=configs[1])
    hosting.wait(name, "InService")
    hosting.remove(name)


def serverless(model: str, most: int) -> dict[str, Any]:
    """A serverless variant; the defaults of an instance's are taken away."""
    return {
        "ModelName": model,
        "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": most},
        "InstanceType": None,
        "InitialInstanceCount": None,
    }


@pytest.mark.long
def test_an_update_needs_both_fleets_and_a_rolling_one_a_batch(
    hosting: Any, set_quota: SetQuota
) -> None:
    """With one instance to spare two can be replaced in turn, and not at once."""
    model = hosting.create_model("surge")
    config = hosting.create_config(
        "surge", {"ModelName": model, "InstanceType": ROLLING, "InitialInstanceCount": 2}
    )
    set_quota(usage(ROLLING), 3)
    name = hosting.create_endpoint("surge", config)
    wanted = {"EndpointName": name, "EndpointConfigName": config}
    assert refused(hosting.api.update_endpoint, **wanted).startswith(
        words(usage(ROLLING), most="3 Instances", used="2 Instances", delta="2 Instances")
    )
    batch = {
        "MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1},
        "WaitIntervalInSeconds": 60,
    }
    hosting.api.update_endpoint(**wanted, DeploymentConfig={"RollingUpdatePolicy": batch})
    busy = pytest.raises(ClientError, match="in-progress")
    with busy:
        hosting.api.update_endpoint(**wanted)
    hosting.wait(name, "InService")
    set_quota(usage(ROLLING), 4)
    hosting.api.update_endpoint(**wanted)
    hosting.wait(name, "InService")
    hosting.remove(name)


@pytest.mark.long
def test_scaling_out_ends_at_the_quota(hosting: Any, set_quota: SetQuota) -> None:
    """The whole request is refused, and the endpoint serves on as it was."""
    model = hosting.create_model("scaled")
    name = hosting.create_endpoint(
        "scaled", hosting.create_config("scaled", {"ModelName": model, "InstanceType": SCALED})
    )
    set_quota(usage(SCALED), 2)
    change = {"VariantName": "AllTraffic", "DesiredInstanceCount": 3}
    wanted = {"EndpointName": name, "DesiredWeightsAndCapacities": [change]}
    assert refused(hosting.api.update_endpoint_weights_and_capacities, **wanted).startswith(
        words(usage(SCALED), most="2 Instances", used="1 Instances", delta="2 Instances")
    )
    assert hosting.api.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService"
    change["DesiredInstanceCount"] = 2
    hosting.api.update_endpoint_weights_and_capacities(**wanted)
    hosting.wait(name, "InService")
    hosting.remove(name)


def test_a_transform_job_beyond_a_quota_is_not_created(hosting: Any, set_quota: SetQuota) -> None:
    """Its instances count under the type's quota for jobs, not for endpoints."""
    model = hosting.create_model("job")
    hosting.s3.put_object(Bucket=hosting.bucket, Key="rows/rows.csv", Body=b"1,2,3,4\n")
    set_quota("ml.c5.xlarge for transform job usage", 1)
    data = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{hosting.bucket}/rows/"}
    message = refused(
        hosting.api.create_transform_job,
        TransformJobName=f"{hosting.prefix}-job",
        ModelName=model,
        TransformInput={"DataSource": {"S3DataSource": data}, "ContentType": "text/csv"},
        TransformOutput={"S3OutputPath": f"s3://{hosting.bucket}/out"},
        TransformResources={"InstanceType": "ml.c5.xlarge", "InstanceCount": 2},
    )
    assert message.startswith(
        words(
            "ml.c5.xlarge for transform job usage",
            most="1 Instances",
            used="0 Instances",
            delta="2 Instances",
        )
    )
    assert not hosting.api.list_transform_jobs(NameContains=hosting.prefix)["TransformJobSummaries"]


def test_the_images_of_other_accounts_are_not_here(hosting: Any) -> None:
    """A call for one is refused as AWS refuses who may not; a missing one of one's own is told."""
    api = hosting.connect("ecr")
    image = {"repositoryName": "sagemaker-xgboost", "imageIds": [{"imageTag": "3.2-0"}]}
    with pytest.raises(ClientError, match="AccessDeniedException"):
        api.batch_get_image(registryId="683313688378", **image)
    with pytest.raises(ClientError, match="RepositoryNotFoundException"):
        api.batch_get_image(**image)
