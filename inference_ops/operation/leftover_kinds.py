"""What `inference cleanup --stack` knows to find and to delete, by its CloudFormation type."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inference_ops.aws import aws_errors
from inference_ops.operation.cleanup import empty_bucket

if TYPE_CHECKING:
    import boto3

MODEL = "AWS::SageMaker::Model"
CONFIG = "AWS::SageMaker::EndpointConfig"
ENDPOINT = "AWS::SageMaker::Endpoint"
ALARM = "AWS::CloudWatch::Alarm"
LOG_GROUP = "AWS::Logs::LogGroup"
BUCKET = "AWS::S3::Bucket"
KEY = "AWS::KMS::Key"
TABLE = "AWS::DynamoDB::Table"
# Data cannot be made again, nor can be read what a deleted key has encrypted.
_KEY_WINDOW_DAYS = 30

Delete = Callable[["boto3.Session", str], object]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of resource.

    Attributes:
        name: what it is, in a word or two.
        find: gives the name that the API knows it by, for what ARNs and stacks call it; None where
            there is none any more.
        delete: deletes it, by the name that the API knows it by.
        data: whether it holds, or protects, what cannot be made again.
    """

    name: str
    find: Callable[["boto3.Session", str], str | None]
    delete: Delete
    data: bool = False


def type_and_id(arn: str) -> tuple[str, str]:
    """The CloudFormation type of a resource, and its physical id.

    Args:
        arn: the resource.

    Returns:
        Both; the ARN's service and the ARN where the type is none that is known here.
    """
    service, resource = arn.split(":")[2], arn.split(":", 5)[-1]
    for (known, prefix), resource_type in _ARNS.items():
        if service == known and resource.startswith(prefix):
            named = resource.removeprefix(prefix)
            return resource_type, arn if service == "sagemaker" else named.removesuffix(":*")
    return service, arn


def _last(physical_id: str) -> str:
    return physical_id.rpartition("/")[2]


def _of_sagemaker(operation: str, parameter: str) -> Callable[["boto3.Session", str], str | None]:
    def find(session: "boto3.Session", physical_id: str) -> str | None:
        # ARNs have names in lower case, and the API takes them so.
        given = {parameter: _last(physical_id)}
        found = _described(session, "sagemaker", operation, given)
        return None if found is None else str(found[parameter])

    return find


def _described(
    session: "boto3.Session", service: str, operation: str, given: Mapping[str, Any]
) -> dict[str, Any] | None:
    """What a describing call says; None where there is no such thing."""
    from botocore.exceptions import ClientError

    with aws_errors(str(next(iter(given.values())))):
        try:
            found: dict[str, Any] = getattr(session.client(service), operation)(**given)
        except ClientError as error:
            if not _missing(error.response["Error"]):
                raise
            return None
    return found


def _missing(error: Mapping[str, Any]) -> bool:
    code, message = str(error.get("Code")), str(error.get("Message", "")).lower()
    return code in {"404", "NoSuchBucket", "NotFoundException", "ResourceNotFoundException"} or (
        code == "ValidationException"
        and ("could not find" in message or "does not exist" in message)
    )


def _alarm(session: "boto3.Session", name: str) -> str | None:
    with aws_errors(f"alarm {name}"):
        found = session.client("cloudwatch").describe_alarms(
            AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
    return name if found["MetricAlarms"] or found.get("CompositeAlarms") else None


def _log_group(session: "boto3.Session", name: str) -> str | None:
    with aws_errors(f"log group {name}"):
        found = session.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return name if any(each["logGroupName"] == name for each in found) else None


def _bucket(session: "boto3.Session", name: str) -> str | None:
    return name if _described(session, "s3", "head_bucket", {"Bucket": name}) is not None else None


def _key(session: "boto3.Session", key_id: str) -> str | None:
    found = _described(session, "kms", "describe_key", {"KeyId": key_id})
    # One that waits for its deletion costs nothing and cannot be used.
    if found is None or found["KeyMetadata"]["KeyState"] == "PendingDeletion":
        return None
    return str(found["KeyMetadata"]["KeyId"])


def _table(session: "boto3.Session", name: str) -> str | None:
    found = _described(session, "dynamodb", "describe_table", {"TableName": name})
    return None if found is None or found["Table"]["TableStatus"] == "DELETING" else name


def _delete_bucket(session: "boto3.Session", name: str) -> None:
    s3 = session.client("s3")
    empty_bucket(s3, name)
    s3.delete_bucket(Bucket=name)


def _by(service: str, operation: str, parameter: str, *, many: bool = False) -> Delete:
    def delete(session: "boto3.Session", name: str) -> object:
        given: Any = [name] if many else name
        return getattr(session.client(service), operation)(**{parameter: given})

    return delete


def _delete_key(session: "boto3.Session", key_id: str) -> object:
    return session.client("kms").schedule_key_deletion(
        KeyId=key_id, PendingWindowInDays=_KEY_WINDOW_DAYS
    )


# In the order in which they can be deleted.
KINDS: Mapping[str, Kind] = {
    CONFIG: Kind(
        name="endpoint config",
        find=_of_sagemaker("describe_endpoint_config", "EndpointConfigName"),
        delete=_by("sagemaker", "delete_endpoint_config", "EndpointConfigName"),
    ),
    MODEL: Kind(
        name="model",
        find=_of_sagemaker("describe_model", "ModelName"),
        delete=_by("sagemaker", "delete_model", "ModelName"),
    ),
    ALARM: Kind(
        name="alarm",
        find=_alarm,
        delete=_by("cloudwatch", "delete_alarms", "AlarmNames", many=True),
    ),
    LOG_GROUP: Kind(
        name="log group",
        find=_log_group,
        delete=_by("logs", "delete_log_group", "logGroupName"),
    ),
    BUCKET: Kind(name="bucket", find=_bucket, delete=_delete_bucket, data=True),
    TABLE: Kind(
        name="table", find=_table, delete=_by("dynamodb", "delete_table", "TableName"), data=True
    ),
    # The last one: what it has encrypted goes first.
    KEY: Kind(name="key", find=_key, delete=_delete_key, data=True),
}
ALIASES = {
    "AWS::CloudWatch::CompositeAlarm": ALARM,
    "AWS::DynamoDB::GlobalTable": TABLE,
}
_ARNS = {
    ("sagemaker", "endpoint-config/"): CONFIG,
    ("sagemaker", "model/"): MODEL,
    ("sagemaker", "endpoint/"): ENDPOINT,
    ("cloudwatch", "alarm:"): ALARM,
    ("logs", "log-group:"): LOG_GROUP,
    ("s3", ""): BUCKET,
    ("dynamodb", "table/"): TABLE,
    ("kms", "key/"): KEY,
}
