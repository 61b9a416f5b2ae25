"""SageMaker's errors, in its own words."""

from __future__ import annotations

from moto.sagemaker.exceptions import AWSValidationException, SagemakerClientError

ValidationException = AWSValidationException


def missing(what: str, arn: str) -> Exception:
    """A thing that does not exist, e.g. ``endpoint configuration``."""
    return ValidationException(f'Could not find {what} "{arn}".')


def existing(what: str, arn: str) -> Exception:
    """A thing that exists already."""
    return ValidationException(f'Cannot create already existing {what} "{arn}".')


def in_progress(arn: str) -> Exception:
    """An endpoint that is being created, updated or deleted."""
    return ValidationException(f'Cannot update in-progress endpoint "{arn}".')


class ResourceLimitExceeded(SagemakerClientError):
    """A quota of the account leaves less than a request needs."""

    code = "ResourceLimitExceeded"


def limit_exceeded(
    quota: str, *, most: float, used: int, delta: int, unit: str
) -> ResourceLimitExceeded:
    """The quota is exhausted.

    Args:
        quota: its name.
        most: its value.
        used: what is in use.
        delta: what a request needs beside.
        unit: what is counted, such as ``Instances``.
    """
    limit, now, more = (f"{number:g} {unit}".strip() for number in (most, used, delta))
    return ResourceLimitExceeded(
        f"The account-level service limit '{quota}' is {limit}, with current utilization of {now} "
        f"and a request delta of {more}. Please use AWS Service Quotas to request an increase for "
        "this quota. If AWS Service Quotas is not available, contact AWS support to request an "
        "increase for this quota."
    )
