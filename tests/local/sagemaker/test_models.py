"""Where a container's model comes from, and as whom it runs."""

from __future__ import annotations

import json
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
CREDENTIALS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}


INSTANCE = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetAuthorizationToken",
    "ecr:GetDownloadUrlForLayer",
)


def statement(action: str, resource: str) -> dict[str, Any]:
    """One statement that allows something."""
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def serve(hosting: Any, name: str, model: str) -> str:
    """An endpoint of a model that exists."""
    config = hosting.create_config(name, {"ModelName": model})
    endpoint: str = hosting.create_endpoint(name, config)
    return endpoint


def environment(hosting: Any, endpoint: str) -> dict[str, str]:
    """The environment of the container behind an endpoint."""
    found: dict[str, str] = json.loads(hosting.command(endpoint, "environ")["Body"].read())
    return found


def test_a_container_has_its_role_s_credentials_unless_it_is_isolated(hosting: Any) -> None:
    """Without isolation it can call this AWS as its role; with isolation it has nothing."""
    connected = environment(hosting, serve(hosting, "open", hosting.create_model("open")))
    assert connected.keys() >= CREDENTIALS
    session = {
        "aws_access_key_id": connected["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": connected["AWS_SECRET_ACCESS_KEY"],
        "aws_session_token": connected["AWS_SESSION_TOKEN"],
    }
    identity = hosting.connect_as(session, "sts").get_caller_identity()
    assert identity["Arn"] == ("arn:aws:sts::123456789012:assumed-role/models-execution/SageMaker")
    isolated = hosting.create_model(
        "isolated", environment={"PIP_NO_BUILD_ISOLATION": "0"}, EnableNetworkIsolation=True
    )
    assert hosting.api.describe_model(ModelName=isolated)["EnableNetworkIsolation"] is True
    found = environment(hosting, serve(hosting, "isolated", isolated))
    assert found.keys().isdisjoint({*CREDENTIALS, "AWS_ENDPOINT_URL"})
    assert found["SAGEMAKER_PROGRAM"] == "inference.py"


def test_nothing_of_the_server_s_environment_reaches_a_container(hosting: Any) -> None:
    """Only the model's own variables and those of a SageMaker host."""
    model = hosting.create_model("clean", environment={"OWN": "value"})
    found = environment(hosting, serve(hosting, "clean", model))
    assert found["OWN"] == "value"
    assert {name for name in found if name.startswith(("MOTO", "PYTEST", "VIRTUAL_ENV"))} == set()


def test_a_role_without_access_to_the_artifact_is_refused(hosting: Any) -> None:
    """CreateModel looks with the role's eyes: the object is there, but not for this role."""
    url = hosting.artifact("secret")
    role = hosting.create_role("no-s3", statement("s3:GetObject", "arn:aws:s3:::other/*"))
    with pytest.raises(ClientError, match=f"Could not access model data at {url}"):
        hosting.create_model("secret", url, ExecutionRoleArn=role)


def test_a_role_that_sagemaker_may_not_assume_is_refused(hosting: Any) -> None:
    """Trusting another service is not enough, and a role must exist."""
    url = hosting.artifact("trust")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    iam = hosting.connect("iam")
    other = iam.create_role(RoleName="for-lambda", AssumeRolePolicyDocument=json.dumps(trust))
    for role in (other["Role"]["Arn"], "arn:aws:iam::123456789012:role/nobody"):
        with pytest.raises(ClientError, match="trust relationship policy"):
            hosting.create_model("trust", url, ExecutionRoleArn=role)


def test_a_permission_that_is_taken_away_later_fails_the_endpoint(hosting: Any) -> None:
    """Each instance downloads the artifact as the role: scaling out needs it as well."""
    url = hosting.artifact("later")
    read = statement("s3:GetObject", f"arn:aws:s3:::{hosting.bucket}/*")
    role = hosting.create_role("later", read)
    model = hosting.create_model("later", url, ExecutionRoleArn=role)
    endpoint = serve(hosting, "later", model)
    policy = "arn:aws:iam::123456789012:policy/models-later"
    hosting.connect("iam").detach_role_policy(RoleName="models-later", PolicyArn=policy)
    hosting.api.update_endpoint_weights_and_capacities(
        EndpointName=endpoint,
        DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 2}],
    )
    found = hosting.wait(endpoint, "InService")
    assert found["FailureReason"].startswith("Failed to download model data")
    variant = found["ProductionVariants"][0]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (1, 1)
    assert hosting.version(endpoint) == "later"


def test_a_role_that_may_not_write_logs_has_none_and_serves(hosting: Any) -> None:
    """The service writes a container's log as its role, and is silent when it may not."""
    url = hosting.artifact("mute")
    read = statement("s3:GetObject", f"arn:aws:s3:::{hosting.bucket}/*")
    role = hosting.create_role("mute", read)
    endpoint = serve(hosting, "mute", hosting.create_model("mute", url, ExecutionRoleArn=role))
    assert hosting.version(endpoint) == "mute"
    hosting.remove(endpoint)
    groups = hosting.connect("logs").describe_log_groups(
        logGroupNamePrefix=f"/aws/sagemaker/Endpoints/{endpoint}"
    )["logGroups"]
    assert groups == []


def test_a_role_that_may_not_create_groups_writes_into_the_one_that_is_there(hosting: Any) -> None:
    """Streams and events suffice when the stack made the group."""
    logs = hosting.connect("logs")
    group = "/aws/sagemaker/Endpoints/models-grouped"
    logs.create_log_group(logGroupName=group)
    resource = f"arn:aws:logs:us-east-1:123456789012:log-group:{group}:*"
    role = hosting.create_role(
        "grouped",
        statement("s3:GetObject", f"arn:aws:s3:::{hosting.bucket}/*"),
        statement("logs:CreateLogStream", resource),
        statement("logs:PutLogEvents", resource),
    )
    serve(hosting, "grouped", hosting.create_model("grouped", ExecutionRoleArn=role))
    hosting.remove("models-grouped")
    messages = [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]
    assert any('"GET /ping HTTP/1.1" 200' in message for message in messages)


@pytest.mark.parametrize("missing", ["GetAuthorizationToken", "BatchGetImage"])
def test_a_role_that_may_not_pull_the_image_fails_the_endpoint(hosting: Any, missing: str) -> None:
    """As https://github.com/aws/deep-learning-containers/issues/759 words it."""
    role = hosting.create_role(
        f"no-{missing.lower()}",
        statement("s3:GetObject", f"arn:aws:s3:::{hosting.bucket}/*"),
        instance=[action for action in INSTANCE if not action.endswith(missing)],
    )
    name = f"unpulled-{missing.lower()}"
    model = hosting.create_model(name, ExecutionRoleArn=role)
    config = hosting.create_config(name, {"ModelName": model})
    found = hosting.wait(hosting.create_endpoint(name, config, wait=None), "Failed")
    assert found["FailureReason"].startswith(
        f"The role '{role}' does not have {missing} permission for the image: '683313688378.dkr.ecr"
    )


def test_a_model_package_brings_image_artifact_and_environment(hosting: Any) -> None:
    """A model by ModelPackageName serves what the package says, and the package can be deleted."""
    api = hosting.api
    api.create_model_package_group(ModelPackageGroupName="models-group")
    package = api.create_model_package(
        ModelPackageGroupName="models-group",
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [
                {
                    "Image": IMAGE,
                    "ModelDataUrl": hosting.artifact("packaged"),
                    "Environment": {
                        "SAGEMAKER_PROGRAM": "inference.py",
                        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                    },
                }
            ],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]
    api.create_model(
        ModelName="models-packaged",
        ExecutionRoleArn=hosting.role,
        PrimaryContainer={"ModelPackageName": package},
    )
    endpoint = serve(hosting, "packaged", "models-packaged")
    assert hosting.version(endpoint) == "packaged"
    deployed = api.describe_endpoint(EndpointName=endpoint)["ProductionVariants"][0]
    assert deployed["DeployedImages"][0]["SpecifiedImage"] == IMAGE
    with pytest.raises(ClientError, match="still contains model packages"):
        api.delete_model_package_group(ModelPackageGroupName="models-group")
    api.delete_model_package(ModelPackageName=package)
    api.delete_model_package_group(ModelPackageGroupName="models-group")
    with pytest.raises(ClientError, match="not found"):
        api.describe_model_package(ModelPackageName=package)


def test_an_uncompressed_artifact_is_everything_below_its_prefix(hosting: Any) -> None:
    """ModelDataSource with CompressionType None."""
    for name in ("xgboost-model", "code/inference.py"):
        body = hosting.model.file if name == "xgboost-model" else hosting.handler("plain")
        hosting.s3.put_object(Bucket=hosting.bucket, Key=f"plain/{name}", Body=body)
    hosting.create_model(
        "plain",
        PrimaryContainer={
            "Image": IMAGE,
            "ModelDataSource": {
                "S3DataSource": {
                    "S3Uri": f"s3://{hosting.bucket}/plain/",
                    "S3DataType": "S3Prefix",
                    "CompressionType": "None",
                }
            },
            "Environment": {
                "SAGEMAKER_PROGRAM": "inference.py",
                "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
            },
        },
    )
    assert hosting.version(serve(hosting, "plain", "models-plain")) == "plain"


def test_code_may_lie_in_s3_where_there_is_a_network(hosting: Any) -> None:
    """SAGEMAKER_SUBMIT_DIRECTORY as an S3 URI is fetched as the role; in isolation that fails."""
    code = f"s3://{hosting.bucket}/{hosting.code('apart')}"
    apart = {"SAGEMAKER_SUBMIT_DIRECTORY": code}
    endpoint = serve(hosting, "apart", hosting.create_model("apart", environment=apart))
    assert hosting.version(endpoint) == "apart"
    isolated = hosting.create_model(
        "cut-off",
        environment={**apart, "PIP_NO_BUILD_ISOLATION": "0"},
        EnableNetworkIsolation=True,
    )
    config = hosting.create_config("cut-off", {"ModelName": isolated})
    hosting.create_endpoint("cut-off", config, wait="Failed")


def test_models_are_listed_by_page(hosting: Any) -> None:
    """Filtered by name, in either order, page by page."""
    for number in range(3):
        hosting.create_model(f"listed-{number}")
    pages = hosting.api.get_paginator("list_models").paginate(
        NameContains="models-listed",
        SortBy="Name",
        SortOrder="Ascending",
        PaginationConfig={"PageSize": 2},
    )
    names = [[model["ModelName"] for model in page["Models"]] for page in pages]
    assert names == [["models-listed-0", "models-listed-1"], ["models-listed-2"]]


def test_tags_are_kept_on_models_configs_endpoints_and_packages(hosting: Any) -> None:
    """They can be read, added and removed by ARN."""
    tags = [{"Key": "team", "Value": "a"}]
    model = hosting.create_model("tagged", Tags=tags)
    config = hosting.create_config("tagged", {"ModelName": model}, Tags=tags)
    for arn in (
        hosting.api.describe_model(ModelName=model)["ModelArn"],
        hosting.api.describe_endpoint_config(EndpointConfigName=config)["EndpointConfigArn"],
    ):
        assert hosting.api.list_tags(ResourceArn=arn)["Tags"] == tags
        for value in ("prod", "dev"):
            hosting.api.add_tags(ResourceArn=arn, Tags=[{"Key": "stage", "Value": value}])
        hosting.api.delete_tags(ResourceArn=arn, TagKeys=["team"])
        found = hosting.api.list_tags(ResourceArn=arn)["Tags"]
        assert found == [{"Key": "stage", "Value": "dev"}]


@pytest.mark.parametrize("signal", ["SIGTERM", "SIGKILL"])
def test_no_container_outlives_the_server(
    signal: str, launch: Any, tmp_path: Any, hosting_on: Any
) -> None:
    """Whatever ends the server ends its containers and their workers."""
    running = launch(tmp_path / "state")
    hosting = hosting_on(running.client, "ending")
    hosting.serve("ending", InitialInstanceCount=2)
    server = psutil.Process(running.process.pid)
    children = server.children(recursive=True)
    assert sum("sagemaker.container" in " ".join(child.cmdline()) for child in children) >= 4
    getattr(running.process, "kill" if signal == "SIGKILL" else "terminate")()
    running.process.wait(timeout=60)
    _, left = psutil.wait_procs(children, timeout=30)
    assert left == []
