"""SageMaker's errors, in its own words."""

from __future__ import annotations

from moto.sagemaker.exceptions import AWSValidationException

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
