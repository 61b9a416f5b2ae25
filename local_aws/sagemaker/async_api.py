"""InvokeEndpointAsync: from the caller's request into an endpoint's queue."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from local_aws.sagemaker.async_request import parameters_of
from local_aws.sagemaker.hosting import Hosting
from local_aws.sagemaker.lookup import serving, unsupported
from local_aws.sagemaker.replies import RuntimeReply


def invoke_async(
    where: Hosting, endpoint_name: str, environ: Mapping[str, Any], body: bytes
) -> RuntimeReply:
    """Queue one request.

    Args:
        where: the endpoints.
        endpoint_name: whom it is for.
        environ: the WSGI environment, with the parameters as headers.
        body: the payload, where it comes with the request.

    Raises:
        RuntimeFault: it cannot be queued.
    """
    given = parameters_of(environ, endpoint_name, body)
    endpoint, fleet = serving(where, endpoint_name)
    queue = where.queues.get(endpoint_name)
    if queue is None or not endpoint.config.request.get("AsyncInferenceConfig"):
        raise unsupported(endpoint_name)
    request = queue.put(given, body, role_arn=fleet.role_arn)
    headers = [("Content-Type", "application/json")]
    for name, location in (
        ("OutputLocation", request.output_location),
        ("FailureLocation", request.failure_location),
    ):
        if location is not None:
            headers.append((f"X-Amzn-SageMaker-{name}", location))
    return RuntimeReply(202, headers, json.dumps({"InferenceId": request.inference_id}).encode())
