"""The WSGI application of script mode: the user's module behind `sagemaker-containers`.

Does what the image's own module does there, on the same library: gunicorn loads it in each worker,
and the first request of a worker imports the user's module and loads the model.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

import numpy as np
import xgboost
from sagemaker_containers.beta.framework import encoders, env, transformer, worker

_application: Any = None


def _csv_matrix(content: str | bytes, content_type: str) -> Any:
    """Comma-separated CSV alone: more of the image's decoding needs the image's own package."""
    if content_type.partition(";")[0].strip() != "text/csv":
        raise ValueError(f"{content_type} is not CSV")
    text = content.decode() if isinstance(content, bytes) else content
    rows = [[field or "nan" for field in line.split(",")] for line in text.split("\n")]
    return xgboost.DMatrix(np.array(rows).astype(float))


def _predict(data: Any, model: Any) -> Any:
    return model.predict(data, validate_features=False)


def _encode(prediction: Any, accept: str) -> Any:
    return worker.Response(encoders.encode(prediction, accept), mimetype=accept)


def _transformer_of(module: ModuleType) -> Any:
    given = {
        name: getattr(module, name)
        for name in ("model_fn", "input_fn", "predict_fn", "output_fn", "transform_fn")
        if hasattr(module, name)
    }
    if "transform_fn" in given:
        return transformer.Transformer(**given)
    defaults = {
        "model_fn": transformer.default_model_fn,
        "input_fn": _csv_matrix,
        "predict_fn": _predict,
        "output_fn": _encode,
    }
    return transformer.Transformer(**(defaults | given))


def main(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer one request."""
    global _application  # noqa: PLW0603
    if _application is None:
        name = env.ServingEnv().module_name
        made = _transformer_of(importlib.import_module(name))
        made.initialize()
        _application = worker.Worker(transform_fn=made.transform, module_name=name)
    answer: Iterable[bytes] = _application(environ, start_response)
    return answer
