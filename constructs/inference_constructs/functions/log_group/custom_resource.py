"""Makes a log group or takes an existing one over, and never deletes it.

CloudFormation makes no log group that exists: where one was retained, a stack that names it could
not be deployed again.
"""

from contextlib import suppress
from typing import Any

import boto3

from ..custom_resource import Event, respond
from . import DELETED_WITH


class DeletedSoonError(Exception):
    """The log group is about to be deleted with all that is in it."""


def handler(event: Event, context: object) -> None:
    """Makes the group as the resource wants it; when that is deleted, the group stays.

    Args:
        event: the request; its properties are `LogGroupName`, `LogGroupArn` (without an asterisk),
            `KmsKeyId`, and `RetentionInDays` unless the logs are kept for good.
        context: Lambda's context; unused.
    """
    respond(event, _handle, physical_id=event["ResourceProperties"]["LogGroupName"])


def _handle(event: Event) -> dict[str, str] | None:
    if event["RequestType"] == "Delete":
        return None
    properties = event["ResourceProperties"]
    arn = properties["LogGroupArn"]
    days = properties.get("RetentionInDays")
    keep(
        boto3.client("logs"),
        properties["LogGroupName"],
        arn=arn,
        key_arn=properties["KmsKeyId"],
        retention_days=None if days is None else int(days),
        stack_id=event["StackId"],
    )
    # As CloudFormation's own log group gives it, which policies want.
    return {"Arn": f"{arn}:*"}


def keep(
    logs: Any, name: str, *, arn: str, key_arn: str, retention_days: int | None, stack_id: str
) -> None:
    """Makes a log group, or gives an existing one this key and retention.

    What is in it stays as it is, under the key with which it was encrypted.

    Args:
        logs: a boto3 client.
        name: of the group.
        arn: of the group.
        key_arn: the key of what is logged from now on.
        retention_days: None to keep the logs for good.
        stack_id: the stack that asks.

    Raises:
        DeletedSoonError: the group goes with the resource that it still is of the same stack.
    """
    with suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName=name, kmsKeyId=key_arn)
    if logs.list_tags_for_resource(resourceArn=arn)["tags"].get(DELETED_WITH) == stack_id:
        raise DeletedSoonError(
            f"{name} is a resource of this stack, whose clean-up would delete it after this "
            "update: deploy once with RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE, and then with "
            "RemovalPolicy.RETAIN"
        )
    logs.associate_kms_key(logGroupName=name, kmsKeyId=key_arn)
    if retention_days is None:
        logs.delete_retention_policy(logGroupName=name)
    else:
        logs.put_retention_policy(logGroupName=name, retentionInDays=retention_days)
