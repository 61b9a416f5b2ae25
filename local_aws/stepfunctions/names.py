"""How Step Functions names services and errors; they differ from boto3's names."""

from __future__ import annotations

from functools import cache

import botocore.session
from botocore.exceptions import ClientError

from local_aws.stepfunctions import shapes

# Task resources name a service as AWS's SDK for Java does.
_SERVICES = {
    "cloudwatchlogs": "logs",
    "configservice": "config",
    "costexplorer": "ce",
    "databasemigration": "dms",
    "directory": "ds",
    "elasticloadbalancing": "elb",
    "elasticloadbalancingv2": "elbv2",
    "eventbridge": "events",
    "servicequotas": "service-quotas",
    "sfn": "stepfunctions",
    "states": "stepfunctions",
}
# In an error's name: the Java client's spelling, where it is not the service id's.
_CAPITALS = {"DynamoDB": "DynamoDb", "SFN": "Sfn", "SNS": "Sns", "SQS": "Sqs", "SSM": "Ssm"}
_MORE_CAPITALS = {"STS": "Sts", "KMS": "Kms", "IAM": "Iam", "ECR": "Ecr", "EC2": "Ec2"}


@cache
def boto_services() -> dict[str, str]:
    """boto3's name of each service, by the name that a task's resource uses."""
    available = botocore.session.get_session().get_available_services()
    return {name.replace("-", ""): name for name in available} | _SERVICES


@cache
def error_prefix(boto_service: str) -> str:
    """The part before the dot in the name of an ``aws-sdk`` task's error, e.g. ``DynamoDb``."""
    model = botocore.session.get_session().get_service_model(boto_service)
    service_id: str = model.service_id
    return (_CAPITALS | _MORE_CAPITALS).get(service_id, service_id.replace(" ", ""))


def sdk_error(boto_service: str, action: str, error: ClientError) -> str:
    """The error of an ``aws-sdk`` integration: ``S3.NoSuchKeyException``, ``S3.S3Exception``.

    Args:
        boto_service: boto3's name of the service.
        action: the operation in snake case.
        error: what the service answered; what the operation does not declare gets the service's
            name.
    """
    prefix = error_prefix(boto_service)
    name = _declared(error)
    found = shapes.operation(boto_service, action)
    if found is not None and name not in {shape.name for shape in found.error_shapes}:
        name = None
    if boto_service == "s3" and action == "head_object" and _is_missing(error):
        name = "NoSuchKey"
    return f"{prefix}.{_exception(name if name is not None else prefix)}"


def optimized_error(prefix: str, fallback: str, error: ClientError) -> str:
    """The error of an optimized integration: ``SageMaker.ResourceInUseException``.

    Args:
        prefix: the service's name, e.g. ``SageMaker``.
        fallback: for what the service's API does not declare, such as throttling, wrong parameters
            and denied access, e.g. ``AmazonSageMakerException``.
        error: what the service answered.
    """
    name = _declared(error)
    return f"{prefix}.{fallback if name is None else _exception(name)}"


def cause(service: str, error: ClientError) -> str:
    """The cause of an optimized integration's error, with what the SDK for Java adds to it."""
    metadata = error.response.get("ResponseMetadata", {})
    details = {
        "Service": service,
        "Status Code": metadata.get("HTTPStatusCode"),
        "Error Code": error.response["Error"]["Code"],
        "Request ID": metadata.get("RequestId"),
        "Proxy": "null",
    }
    listed = "; ".join(f"{name}: {value}" for name, value in details.items())
    return f"{error.response['Error']['Message']} ({listed})"


def _declared(error: ClientError) -> str | None:
    """The error's name if the service's API declares it: boto3 then has a class for it."""
    name = type(error).__name__
    return None if name == "ClientError" else name


def _is_missing(error: ClientError) -> bool:
    # The answer to a HEAD request has no body that could name the error.
    return error.response["Error"]["Code"] in ("404", "NoSuchKey")


def _exception(name: str) -> str:
    return name if name.endswith("Exception") else f"{name}Exception"
