"""Errors of the CloudFormation API, with the codes and words of AWS."""

from __future__ import annotations

from moto.core.exceptions import ServiceException


class ApiError(ServiceException):
    """An error that the caller of the API gets."""

    code = "ValidationError"


class ValidationError(ApiError):
    """The request or the template is not valid; code ``ValidationError``."""

    code = "ValidationError"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.text = message


class AlreadyExistsError(ApiError):
    """There is a stack of that name already."""

    code = "AlreadyExistsException"


class ChangeSetNotFoundError(ApiError):
    """No change set of that name; the code is without the suffix ``Exception``."""

    code = "ChangeSetNotFound"


class InvalidChangeSetStatusError(ApiError):
    """The change set cannot be executed as it is."""

    code = "InvalidChangeSetStatus"


def stack_not_found(name: str) -> ValidationError:
    """The error for a stack that is not there, as every operation words it."""
    return ValidationError(f"Stack with id {name} does not exist")


class InsufficientCapabilitiesError(ApiError):
    """The template makes IAM resources and the request does not acknowledge it."""

    code = "InsufficientCapabilitiesException"
