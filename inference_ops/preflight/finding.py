"""What was looked at before a deployment, and what came of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

# What the checks ask for; nothing of it changes anything.
ACTIONS = (
    "cloudformation:DescribeStackResources",
    "cloudformation:DescribeStacks",
    "cloudformation:GetTemplate",
    "cloudformation:ListStackResources",
    "ecr:BatchGetImage",
    "s3:GetObject",
    "s3:ListBucket",
    "sagemaker:DescribeEndpoint",
    "sagemaker:DescribeEndpointConfig",
    "sagemaker:DescribeModel",
    "sagemaker:DescribeTransformJob",
    "sagemaker:ListEndpoints",
    "sagemaker:ListTransformJobs",
    "servicequotas:ListAWSDefaultServiceQuotas",
    "servicequotas:ListServiceQuotas",
    "ssm:GetParameter",
)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        subject: what.
        passed: whether the deployment can go on; None where that is not known.
        found: what was found, in a few words.
        advice: what to do about it.
    """

    subject: str
    passed: bool | None
    found: str
    advice: str | None = None

    @property
    def verdict(self) -> str:
        """The verdict in one word."""
        return {True: "ok", False: "failed", None: "unknown"}[self.passed]

    def to_json(self) -> dict[str, Any]:
        """The finding as JSON has it."""
        return {
            "subject": self.subject,
            "result": self.verdict,
            "found": self.found,
            "advice": self.advice,
        }


class NotKnownError(Exception):
    """Something could not be looked up; the message says what is missing for it."""


def finding_of(subject: str, check: Callable[[], Finding]) -> Finding:
    """Looks at one thing.

    Args:
        subject: what, for the finding where it cannot be looked at.
        check: looks.
    """
    try:
        return check()
    except NotKnownError as error:
        return Finding(subject=subject, passed=None, found=str(error))


def findings_of(subject: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Looks at several things, until one cannot be looked at.

    Args:
        subject: what they are, for the finding where they cannot be looked at.
        check: looks.
    """
    try:
        yield from check()
    except NotKnownError as error:
        yield Finding(subject=subject, passed=None, found=str(error))
