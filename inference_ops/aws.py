"""Clients of AWS, and AWS's errors in one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from inference_ops.errors import AccessDeniedError, CommandError, Exit

if TYPE_CHECKING:
    import boto3

_NOT_FOUND = {"404", "NoSuchKey", "NoSuchBucket", "NoSuchVersion", "ResourceNotFound", "NotFound"}
_DENIED = {"403", "AccessDenied", "AccessDeniedException"}
_CHANGED = {"412", "PreconditionFailed"}
# The second is that of the runtime, and of CloudFormation.
_INVALID = {"ValidationException", "ValidationError"}


def make_session(region: str | None, profile: str | None) -> "boto3.Session":
    """Open a session.

    Args:
        region: The region, or None for the one of the environment or the profile.
        profile: A profile of the AWS configuration.

    Returns:
        A session with a region.

    Raises:
        CommandError: There is no such profile, or no region anywhere.
    """
    import boto3
    from botocore.exceptions import BotoCoreError

    try:
        session = boto3.Session(region_name=region, profile_name=profile)
    except BotoCoreError as error:
        raise CommandError(str(error), Exit.UNREACHABLE) from None
    if session.region_name is None:
        raise CommandError(
            "no region: give --region, set AWS_REGION, or name the job by its ARN", Exit.USAGE
        )
    return session


@contextmanager
def aws_errors(what: str) -> Iterator[None]:
    """Turn errors of boto3 within the block into `CommandError`.

    Args:
        what: What is looked up, for the message.

    Raises:
        CommandError: With `Exit.REFUSED` where the thing is missing or has changed, with
            `Exit.UNREACHABLE` where AWS was not reached or refused to answer.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _translate(what, error.response.get("Error", {})) from None
    except BotoCoreError as error:
        raise CommandError(f"{what}: {error}", Exit.UNREACHABLE) from None


def _translate(what: str, error: dict[str, Any]) -> CommandError:
    code, message = str(error.get("Code", "")), str(error.get("Message", ""))
    if code in _NOT_FOUND or (code in _INVALID and _says_missing(message)):
        return CommandError(f"{what} does not exist in this account and region ({message or code})")
    if code in _CHANGED:
        return CommandError(f"{what} has changed in S3 since it was looked up")
    if code in _INVALID:
        return CommandError(f"{what}: {message}")
    if code in _DENIED:
        return AccessDeniedError(what, message)
    return CommandError(f"{what}: {code}: {message}", Exit.UNREACHABLE)


def _says_missing(message: str) -> bool:
    lower = message.lower()
    return any(words in lower for words in ("not found", "does not exist", "could not find"))
