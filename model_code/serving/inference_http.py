"""The HTTP side of an answer: which type the caller accepts, and how a response is made."""

import importlib.util
import json
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from inference_errors import NOT_ACCEPTABLE, RequestError, ServingError


@lru_cache(maxsize=256)
def negotiate(accept: str | None, supported: tuple[str, ...], default: str) -> str:
    """Choose the type of an answer as RFC 9110, section 12.5.1, says.

    Args:
        accept: The header: types and ranges with their q-values. None or empty accepts anything.
        supported: The types that can be written.
        default: The one to prefer where the caller does not.

    Returns:
        One of `supported`.

    Raises:
        RequestError: With 406, none of them is acceptable.
    """
    supported = tuple(sorted(supported, key=lambda name: name != default))
    if accept is None or not accept.strip():
        return default
    ranges = [_range(item) for item in accept.split(",") if item.strip()]
    best, best_rank = default, (0.0, 0, 0)
    for name in supported:
        quality, specific, position = _quality(name, ranges)
        # Of equal quality: the type that is named before one that a wildcard lets in, then the
        # one that is named first.
        rank = (quality, specific, -position)
        if quality > 0 and rank > best_rank:
            best, best_rank = name, rank
    if best_rank[0] == 0:
        raise RequestError(
            f"no acceptable type: the answer can be one of {', '.join(supported)}", NOT_ACCEPTABLE
        )
    return best


def _range(item: str) -> tuple[str, float]:
    name, *parameters = (part.strip().lower() for part in item.split(";"))
    quality = 1.0
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                quality = float(value)
            except ValueError:
                quality = 0.0
    # The comparison turns NaN away as well.
    return name, quality if 0 <= quality <= 1 else 0.0


def _quality(name: str, ranges: list[tuple[str, float]]) -> tuple[float, int, int]:
    """The quality of a type by the most specific range that holds it, and which that is."""
    kind = name.partition("/")[0]
    for specific, wanted in ((3, name), (2, f"{kind}/*"), (1, "*/*")):
        for position, (given, quality) in enumerate(ranges):
            if given == wanted:
                return quality, min(specific, 2), position
    return 0.0, 0, 0


def respond(body: str | bytes, media_type: str, headers: Mapping[str, str]) -> Any:
    """Make what `output_fn` returns for a prediction.

    Args:
        body: The answer.
        media_type: Its type.
        headers: Further headers.

    Returns:
        A werkzeug response in the XGBoost image. Where the server knows none: the body and its
        type.
    """
    response = _response_class()
    if response is not None:
        # With the type among the headers werkzeug does not have to work it out.
        charset = "; charset=utf-8" if media_type.startswith("text/") else ""
        return response(body, headers={"Content-Type": media_type + charset, **headers})
    return body, media_type


def refuse(error: ServingError, headers: Mapping[str, str]) -> Any:
    """Make what `output_fn` returns for a request that has no answer.

    Args:
        error: Why.
        headers: Further headers.

    Returns:
        A werkzeug response with the error's status: in the XGBoost image the only way to a 4xx.

    Raises:
        Exception: The toolkit's own error with the status, in an image of the SageMaker inference
            toolkit (PyTorch); without any server, `error` itself.
    """
    body = json.dumps({"error": str(error)})
    response = _response_class()
    if response is not None:
        return response(
            body, status=error.status, mimetype="application/json", headers=dict(headers)
        )
    if _is_installed("sagemaker_inference"):
        from sagemaker_inference.errors import BaseInferenceToolkitError

        raise BaseInferenceToolkitError(error.status, body, str(error))
    raise error


@cache
def _response_class() -> Any:
    """Werkzeug's response, or None where no server of it will see it."""
    # The PyTorch image may hold werkzeug without serving through it.
    if not _is_installed("werkzeug") or _is_installed("sagemaker_pytorch_serving_container"):
        return None
    from werkzeug.wrappers import Response

    return Response


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
