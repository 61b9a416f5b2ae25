"""What a handler learns of its request besides body and types: the headers.

The container passes no headers to a handler; but its handlers run within a request of Flask, which
knows them. Elsewhere (a test, another server) there are none.

InvokeEndpoint's `CustomAttributes` reach the container as a header. `output=class` in them, also
among other words, chooses the output of one request: `probability`, `class` or `contributions`.
"""

import re
import sys
import uuid

from inference_errors import RequestError

# The one header for words of its own that InvokeEndpoint passes to a container, and back from it.
ATTRIBUTES_HEADER = "X-Amzn-SageMaker-Custom-Attributes"
_ID_HEADERS = ("X-Amzn-SageMaker-Inference-Id", "X-Amzn-RequestId", "X-Request-Id")
_OUTPUT = re.compile(r"(?:^|[\s,;])output\s*=\s*\"?([^\s,;\"]*)")


def requested_output(supported: tuple[str, ...], default: str) -> str:
    """Tell which output the caller wants.

    Args:
        supported: The outputs there are.
        default: The one for a caller that does not say.

    Returns:
        One of `supported`, or `default`.

    Raises:
        RequestError: The caller wants another.
    """
    attributes = _header(ATTRIBUTES_HEADER)
    wish = None if attributes is None else _OUTPUT.search(attributes)
    if wish is None:
        return default
    if wish[1] not in supported:
        raise RequestError(
            f"unknown output in CustomAttributes: expected output={'|'.join(supported)}"
        )
    return wish[1]


def request_id() -> str:
    """Tell how the caller or the service calls this request; a name of our own if neither does."""
    for header in _ID_HEADERS:
        value = _header(header)
        if value:
            return value
    return str(uuid.uuid4())


def _header(name: str) -> str | None:
    # Where Flask serves it is loaded already; nowhere else is it worth loading.
    flask = sys.modules.get("flask")
    if flask is None or not flask.has_request_context():
        return None
    value: str | None = flask.request.headers.get(name)
    return value
