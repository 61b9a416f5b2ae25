"""The four handlers that SageMaker's XGBoost container calls.

`model_fn` runs once per worker; `input_fn`, `predict_fn` and `output_fn` run for each request. What
a caller did wrong travels through them as a value and leaves as a 4xx; what we did wrong leaves as
a 500 without a word of its cause, which stands in the log under the request's id. What scores mean
stands in `business_logic.py`, which is the one to edit.

Environment:
    INFERENCE_OUTPUT, INFERENCE_THRESHOLD, INFERENCE_LABELS: See `business_logic.py`.
    INFERENCE_BAD_RECORDS: `fail` (default) or `mark`, see `inference_table.py`.
    INFERENCE_MODEL_VERSION: The model's version in log lines and responses; by default the
        beginning of the model file's SHA-256.
    OMP_NUM_THREADS: Threads per worker. The container sets 1, and starts a worker per vCPU.
    SAGEMAKER_CONTAINER_LOG_LEVEL: Level of the log, as a number.
"""

import os
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from business_logic import OUTPUTS
from inference_answers import FORMATTERS, format_marked
from inference_engine import parse_plain
from inference_errors import INTERNAL_ERROR, ModelError, RequestError, ServingError
from inference_formats import ParsePlain, parse
from inference_http import negotiate, refuse, respond
from inference_log import make_logger
from inference_model import Model, load
from inference_request import ATTRIBUTES_HEADER, request_id, requested_output
from inference_table import Records, Rows, Table

DEFAULT_ACCEPT = "application/json"
_TYPES = tuple(FORMATTERS)

_log = make_logger("inference")
# `input_fn` is given no model: `model_fn` leaves here what reads for it.
_parse_plain: ParsePlain = parse_plain


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the caller.

    Attributes:
        content: The answers, or why there are none.
        model: The model that was asked.
        marks: By the position of its record, why there is no answer for it.
    """

    content: npt.NDArray[Any] | ServingError
    model: Model
    marks: Mapping[int, str] = field(default_factory=dict)


def model_fn(model_dir: str) -> Model:
    """Load the model.

    Args:
        model_dir: Where the artifact was unpacked.

    Returns:
        The model, ready to predict.

    Raises:
        FileNotFoundError: The artifact holds no model.
        ValueError: An environment variable of ours, or `ensemble.json`, does not say what it may.
    """
    global _parse_plain  # noqa: PLW0603
    model = load(Path(model_dir), os.environ, _log)
    _parse_plain = model.engine.parse
    return model


def input_fn(
    request_body: str | bytes | bytearray, content_type: str | None = None
) -> Table | Records | ServingError:
    """Read the body of a request.

    Args:
        request_body: In one of `inference_formats.TYPES`.
        content_type: The header as the caller sent it.

    Returns:
        Rows or records, or why the body cannot be read.
    """
    try:
        if isinstance(request_body, bytearray):
            request_body = bytes(request_body)
        return parse(request_body, content_type, _parse_plain)
    except Exception as error:
        return _failure(error)


def predict_fn(input_data: Table | Records | ServingError, model: Model) -> Answer:
    """Ask the model.

    Args:
        input_data: What `input_fn` returned.
        model: What `model_fn` returned.

    Returns:
        An answer per row by the rule of `business_logic`, or why there is none.
    """
    if isinstance(input_data, ServingError):
        return Answer(input_data, model)
    try:
        output = requested_output(OUTPUTS, model.rule.output)
        data = model.columns.take(input_data, mark=model.mark)
        return Answer(_answers(data.rows, model, output), model, data.marks)
    except Exception as error:
        return Answer(_failure(error), model)


def _answers(rows: Rows, model: Model, output: str) -> npt.NDArray[Any]:
    if output == "contributions" and model.contributions is None:
        raise RequestError("an ensemble has no contributions: ask for probability or class")
    if output == "class" and not model.rule.classes:
        raise RequestError(f"a model of {model.rule.objective} tells no classes apart")
    if not len(rows):  # all records are marked
        return np.empty(0, np.float32)
    if output == "contributions" and model.contributions is not None:
        return model.contributions.predict(rows, pred_contribs=True)
    return model.rule.apply(model.engine.predict(rows), output)


def output_fn(prediction: Answer, accept: str | None = None) -> Any:
    """Write the response.

    Args:
        prediction: What `predict_fn` returned.
        accept: The header as the caller sent it.

    Returns:
        A response with the answers in the type that the caller accepts and the model's version in
        its header; the error's status for a request that has no answer.
    """
    headers = {ATTRIBUTES_HEADER: f"model-version={prediction.model.version}"}
    try:
        if isinstance(prediction.content, ServingError):
            raise prediction.content
        media_type = negotiate(accept, _TYPES, DEFAULT_ACCEPT)
        return respond(_body(prediction, media_type), media_type, headers)
    except Exception as error:
        failure = _failure(error)
        if failure.status < INTERNAL_ERROR:
            _log.warning("request refused", status=failure.status, reason=str(failure))
        return refuse(failure, headers)


def _body(prediction: Answer, media_type: str) -> str | bytes:
    values, engine = prediction.content, prediction.model.engine
    assert not isinstance(values, ServingError)
    if prediction.marks:
        return format_marked(values, prediction.marks, media_type)
    body: str | bytes | None = None
    # An engine writes numbers of a model; labels and tables of contributions are not its matter.
    if values.dtype == np.float32 and values.ndim < 3:
        if media_type == "text/csv":
            body = engine.format_csv(values)
        elif media_type == "application/json":
            body = engine.format_json(values)
    return FORMATTERS[media_type](values) if body is None else body


def _failure(error: Exception) -> ServingError:
    """The error that the caller gets; of what is our fault the log holds the trace."""
    if isinstance(error, ServingError):
        return error
    name = request_id()
    _log.error("request failed", request_id=name, trace="".join(traceback.format_exception(error)))
    return ModelError(f"the model could not answer; the log has the reason under request {name}")
