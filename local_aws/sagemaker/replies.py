"""What the runtime API takes and answers, whatever kind of endpoint it is about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

CUSTOM_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"


class RuntimeReply(NamedTuple):
    """What the caller gets."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class RuntimeFault(Exception):
    """An error of the runtime API.

    Attributes:
        status: HTTP status.
        code: the error's name; None is one that has only its status.
        details: members of the error beside its message.
    """

    def __init__(self, status: int, code: str | None, message: str, **details: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.details = details

    def reply(self) -> RuntimeReply:
        """As the service answers it."""
        body = json.dumps({"Message": str(self), **self.details}).encode()
        headers = [("Content-Type", "application/json")]
        if self.code is not None:
            headers.append(("x-amzn-ErrorType", self.code))
        return RuntimeReply(self.status, headers, body)


class Invocation(NamedTuple):
    """One request for a prediction.

    Attributes:
        endpoint_name: whom it is for.
        headers: what the container gets of the caller's.
        body: the payload.
        target_variant: the variant that the caller asks for.
        component: the inference component that the caller asks for.
    """

    endpoint_name: str
    headers: Mapping[str, str]
    body: bytes
    target_variant: str | None = None
    component: str | None = None
