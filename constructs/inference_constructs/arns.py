"""ARNs put together here: asked for each, the CDK would go to another process each time."""

from functools import lru_cache
from typing import NamedTuple

from aws_cdk import Stack


class Place(NamedTuple):
    """Where the resources of a stack are; the deployment may be the one to tell.

    Attributes:
        partition: AWS's part of the world, such as `aws`.
        region: the region.
        account: the account.
    """

    partition: str
    region: str
    account: str


@lru_cache(maxsize=64)
def place_of(stack: Stack) -> Place:
    """Where the resources of a stack are.

    Args:
        stack: the stack.
    """
    return Place(stack.partition, stack.region, stack.account)


def own_arn(stack: Stack, service: str, resource: str) -> str:
    """The ARN of a resource in a stack's own region and account.

    Args:
        stack: the stack.
        service: the service, as ARNs name it.
        resource: what comes after the account.
    """
    partition, region, account = place_of(stack)
    return f"arn:{partition}:{service}:{region}:{account}:{resource}"


def object_arn(stack: Stack, bucket: str, key: str) -> str:
    """The ARN of an object, which names neither region nor account.

    Args:
        stack: the stack that reads it.
        bucket: the bucket.
        key: the object's key.
    """
    return f"arn:{place_of(stack).partition}:s3:::{bucket}/{key}"
