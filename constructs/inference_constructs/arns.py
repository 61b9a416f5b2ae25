"""ARNs put together here: asked for each, the CDK would go to another process each time."""

from functools import lru_cache

from aws_cdk import Stack


def own_arn(stack: Stack, service: str, resource: str) -> str:
    """The ARN of a resource in a stack's own region and account.

    Args:
        stack: the stack.
        service: the service, as ARNs name it.
        resource: what comes after the account.
    """
    partition, region, account = _place(stack)
    return f"arn:{partition}:{service}:{region}:{account}:{resource}"


@lru_cache(maxsize=64)
def _place(stack: Stack) -> tuple[str, str, str]:
    return stack.partition, stack.region, stack.account
