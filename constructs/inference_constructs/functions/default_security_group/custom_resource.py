"""Takes the rules out of a VPC's default security group: who is put into it reaches nothing.

A new VPC lets the members of this group reach one another and everything outside:
https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html
"""

from collections.abc import Callable
from typing import Any

import boto3
from botocore.exceptions import ClientError

from ..custom_resource import Event, respond

_GONE = "InvalidPermission.NotFound"


def handler(event: Event, context: object) -> None:
    """Closes the group when the resource is made or changed; the group goes with its VPC.

    Args:
        event: the request; its properties are `GroupId` and `Account`.
        context: Lambda's context; unused.
    """
    group_id = event["ResourceProperties"]["GroupId"]
    respond(event, _handle, physical_id=f"closed-{group_id}")


def _handle(event: Event) -> None:
    if event["RequestType"] != "Delete":
        properties = event["ResourceProperties"]
        close(boto3.client("ec2"), properties["GroupId"], properties["Account"])


def close(ec2: Any, group_id: str, account: str) -> None:
    """Takes the two rules out that every default group begins with.

    Args:
        ec2: a boto3 client.
        group_id: the group.
        account: the account that it belongs to.
    """
    members = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group_id, "UserId": account}]}
    anywhere = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    _revoke(ec2.revoke_security_group_ingress, group_id, members)
    _revoke(ec2.revoke_security_group_egress, group_id, anywhere)


def _revoke(revoke: Callable[..., Any], group_id: str, rule: dict[str, Any]) -> None:
    try:
        revoke(GroupId=group_id, IpPermissions=[rule])
    except ClientError as error:
        if error.response["Error"]["Code"] != _GONE:
            raise
