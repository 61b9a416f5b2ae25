"""Has an endpoint answer the requests of a check."""

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from inference_ops.aws import aws_errors
from inference_ops.check.requests import CheckRequest
from inference_ops.check.verdict import Answer

if TYPE_CHECKING:
    import boto3


def answer_remotely(
    session: "boto3.Session",
    endpoint: str,
    requests: Sequence[CheckRequest],
    variant: str | None = None,
) -> Iterator[Answer]:
    """Invoke an endpoint once for each request.

    Args:
        session: Whose region and credentials are used.
        endpoint: The endpoint's name.
        requests: What it is asked.
        variant: The variant that is to answer; None leaves the choice to the endpoint.

    Raises:
        CommandError: The endpoint does not exist or cannot be reached.
    """
    runtime = session.client("sagemaker-runtime")
    target = {} if variant is None else {"TargetVariant": variant}
    for request in requests:
        with aws_errors(f"endpoint {endpoint}"):
            yield _answer(runtime, request, {"EndpointName": endpoint, **target})


def _answer(runtime: Any, request: CheckRequest, parameters: dict[str, str]) -> Answer:
    headers = {"ContentType": request.content_type, "Accept": request.accept}
    parameters |= {name: value for name, value in headers.items() if value is not None}
    began = time.perf_counter()
    try:
        response = runtime.invoke_endpoint(Body=request.body, **parameters)
    except runtime.exceptions.ModelError as error:
        # The endpoint is there, and its container answered this.
        found = error.response
        return Answer(
            status=found.get("OriginalStatusCode", 500),
            content_type=None,
            body=str(found.get("OriginalMessage", "")).encode(),
            milliseconds=(time.perf_counter() - began) * 1000,
        )
    body = response["Body"].read()
    return Answer(
        status=response["ResponseMetadata"]["HTTPStatusCode"],
        content_type=response.get("ContentType"),
        body=body,
        milliseconds=(time.perf_counter() - began) * 1000,
    )
