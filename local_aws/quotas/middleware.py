"""Sets a quota: ``PUT /_local-aws/quotas`` with its name and a value.

The body is like ``{"QuotaName": "ml.m5.large for endpoint usage", "Value": 2}``; the value null
gives it its default again. AWS raises quotas on request (`RequestServiceQuotaIncrease`, which is
here as well), and has no call that lowers one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from local_aws.quotas.registry import QUOTAS, sagemaker_quotas
from local_aws.subsystem import WsgiApp

PATH = "/_local-aws/quotas"


class QuotaMiddleware:
    """Answers the calls that set a quota and passes on all others."""

    def __init__(self, app: WsgiApp) -> None:
        self._app = app

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer one request."""
        if environ.get("PATH_INFO") != PATH or environ.get("REQUEST_METHOD") != "PUT":
            return self._app(environ, start_response)
        content = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        status, message = _set(content)
        body = json.dumps({"message": message}).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response(status, headers)
        return [body]


def _set(content: bytes) -> tuple[str, str]:
    """The status and the message of one request."""
    try:
        given = json.loads(content)
        name, value = str(given["QuotaName"]), given["Value"]
        number = None if value is None else float(value)
    except (ValueError, KeyError, TypeError):
        example = '{"QuotaName": "ml.m5.large for endpoint usage", "Value": 2}'
        return "400 BAD REQUEST", f"the body must be like {example}"
    if all(quota.name != name for quota in sagemaker_quotas().values()):
        return "404 NOT FOUND", f"SageMaker has no quota {name!r}"
    QUOTAS.set(name, number)
    return "200 OK", f"{name}: {QUOTAS[name]:g}"
