"""InvokeEndpoint: from the caller's request to a container and back."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterable
from typing import Any, cast

from local_aws.sagemaker.answering import mirror, serve
from local_aws.sagemaker.async_api import invoke_async
from local_aws.sagemaker.backend import LiveSageMakerBackend
from local_aws.sagemaker.fleet import Fleet
from local_aws.sagemaker.hosting import Hosting
from local_aws.sagemaker.instances import NOBODY, TIMED_OUT, Answer
from local_aws.sagemaker.lookup import component_variant, serving, unsupported
from local_aws.sagemaker.replies import (
    CUSTOM_ATTRIBUTES,
    Invocation,
    RuntimeFault,
    RuntimeReply,
)
from local_aws.sagemaker.variant_fleet import VariantFleet
from local_aws.subsystem import WsgiApp

MAX_BODY = 6_291_456
TIMEOUT = 60.0
_PATH = re.compile(
    r"/endpoints/([^/]+)/(invocations|async-invocations|invocations-response-stream)"
)
# What reaches the container of the caller's headers, by its name in a WSGI environment.
_FORWARDED = {
    "CONTENT_TYPE": "Content-Type",
    "HTTP_ACCEPT": "Accept",
    "HTTP_X_AMZN_SAGEMAKER_CUSTOM_ATTRIBUTES": "X-Amzn-SageMaker-Custom-Attributes",
    "HTTP_X_AMZN_SAGEMAKER_TARGET_MODEL": "X-Amzn-SageMaker-Target-Model",
    "HTTP_X_AMZN_SAGEMAKER_INFERENCE_ID": "X-Amzn-SageMaker-Inference-Id",
    "HTTP_X_AMZN_SAGEMAKER_SESSION_ID": "X-Amzn-SageMaker-Session-Id",
}


def invoke(where: Hosting, invocation: Invocation, *, timeout: float = TIMEOUT) -> RuntimeReply:
    """Have one request answered and count it.

    Raises:
        RuntimeFault: it cannot be, or the model answered with an error.
    """
    began = time.perf_counter()
    name = invocation.endpoint_name
    if len(invocation.body) > MAX_BODY:
        raise RuntimeFault(413, None, f"HTTP content length exceeded {MAX_BODY} bytes.")
    while True:
        _endpoint, fleet = serving(where, name)
        if fleet.config.request.get("AsyncInferenceConfig"):
            raise unsupported(name)
        with fleet.request() as held:
            if not held:
                # It was replaced since it was looked up: the new one answers.
                continue
            variant = _variant(where, fleet, invocation)
            mirror(fleet, variant, invocation, timeout=timeout)
            outcome = serve(fleet, variant, invocation, timeout=timeout, began=began)
        return _reply(where, name, variant, outcome)


def _variant(where: Hosting, fleet: Fleet, invocation: Invocation) -> VariantFleet:
    wanted = component_variant(where, fleet, invocation) or invocation.target_variant
    variant = fleet.variants.get(wanted) if wanted else fleet.route()
    if variant is None:
        what = f"Variant {wanted} not found" if wanted else "No variant with a weight above 0"
        message = f"{what} for endpoint {invocation.endpoint_name}."
        raise RuntimeFault(400, "ValidationError", message)
    return variant


def _reply(
    where: Hosting, endpoint_name: str, variant: VariantFleet, answer: Answer
) -> RuntimeReply:
    if answer.status == TIMED_OUT:
        message = (
            "Your invocation timed out while waiting for a response from container primary. Review "
            "the latency metrics for each container in Amazon CloudWatch, resolve the issue, and "
            "try again."
        )
        raise _model_error(where, endpoint_name, 0, message)
    if answer.status == NOBODY:
        message = "The service is unavailable. Try your call again."
        raise RuntimeFault(503, "ServiceUnavailable", message)
    if answer.status >= 400:
        text = answer.body.decode(errors="replace")
        raise _model_error(where, endpoint_name, answer.status, text)
    headers = [
        ("Content-Type", answer.headers.get("content-type", "application/octet-stream")),
        ("x-Amzn-Invoked-Production-Variant", variant.name),
    ]
    if CUSTOM_ATTRIBUTES.lower() in answer.headers:
        headers.append((CUSTOM_ATTRIBUTES, answer.headers[CUSTOM_ATTRIBUTES.lower()]))
    return RuntimeReply(200, headers, answer.body)


def _model_error(where: Hosting, endpoint_name: str, status: int, original: str) -> RuntimeFault:
    """The model's own error, as the service passes it on."""
    region = where.region_name
    group = f"/aws/sagemaker/Endpoints/{endpoint_name}"
    whose = "client" if 400 <= status < 500 else "server"
    return RuntimeFault(
        424,
        "ModelError",
        f'Received {whose} error ({status}) from primary with message "{original}". See '
        f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
        f"#logEventViewer:group={group} in account {where.account_id} for more information.",
        OriginalStatusCode=status,
        OriginalMessage=original,
        LogStreamArn=f"arn:aws:logs:{region}:{where.account_id}:log-group:{group}",
    )


class RuntimeMiddleware:
    """Answers invocations before moto sees them."""

    def __init__(self, app: WsgiApp) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer an invocation; pass everything else on."""
        match = _PATH.fullmatch(environ.get("PATH_INFO", ""))
        scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].split("/")
        if match is None or len(scope) < 4 or scope[3] != "sagemaker":
            return self._app(environ, start_response)
        invocation = Invocation(
            match[1],
            {name: environ[key] for key, name in _FORWARDED.items() if environ.get(key)},
            _body(environ),
            environ.get("HTTP_X_AMZN_SAGEMAKER_TARGET_VARIANT"),
            environ.get("HTTP_X_AMZN_SAGEMAKER_INFERENCE_COMPONENT"),
        )
        try:
            where = _hosting(access_key=scope[0], region=scope[2])
            if match[2] == "async-invocations":
                reply = invoke_async(where, match[1], environ, invocation.body)
            elif match[2] == "invocations":
                reply = invoke(where, invocation)
            else:
                message = f"The local AWS does not serve {match[2]}."
                raise RuntimeFault(400, "ValidationError", message)
        except RuntimeFault as fault:
            reply = fault.reply()
        headers = [
            *reply.headers,
            ("Content-Length", str(len(reply.body))),
            ("x-amzn-RequestId", str(uuid.uuid4())),
        ]
        start_response(f"{reply.status} -", headers)
        return [reply.body]


def _hosting(*, access_key: str, region: str) -> Hosting:
    # Imported late: moto's backends are replaced before anything may look one up.
    from moto.iam.models import get_account_id_from
    from moto.sagemaker.models import sagemaker_backends

    backend = sagemaker_backends[get_account_id_from(access_key)][region]
    return cast(LiveSageMakerBackend, backend).hosting


def _body(environ: dict[str, Any]) -> bytes:
    """The whole body, so that the connection stays usable whatever comes of it."""
    source = environ["wsgi.input"]
    terminated = environ.get("wsgi.input_terminated")
    content: bytes = source.read(-1 if terminated else int(environ.get("CONTENT_LENGTH") or 0))
    return content
