"""The four handlers that SageMaker's XGBoost container calls.

`model_fn` runs once per worker; `input_fn`, `predict_fn` and `output_fn` run for each request. What
a caller did wrong travels through them as a `RequestError` value and leaves as a 4xx; what we did
wrong is raised, and becomes the container's 500. What scores mean stands in `business_logic.py`.

Environment:
    INFERENCE_OUTPUT, INFERENCE_THRESHOLD: See `business_logic.py`.
    INFERENCE_MODEL_VERSION: The model's version in log lines and responses; by default the
        beginning of the model file's SHA-256.
    OMP_NUM_THREADS: Threads per worker. The container sets 1, and starts a worker per vCPU.
    SAGEMAKER_CONTAINER_LOG_LEVEL: Level of the log, as a number.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from business_logic import Rule
from inference_errors import RequestError
from inference_formats import FORMATTERS, Rows, parse
from inference_http import ATTRIBUTES_HEADER, negotiate, refuse, respond
from inference_log import make_logger

MODEL_NAME = "xgboost-model"
DEFAULT_ACCEPT = "application/json"

_log = make_logger("inference")


@dataclass(frozen=True)
class Model:
    """A loaded model.

    Attributes:
        booster: The trees.
        features: How many columns a row must have.
        threads: Threads that one prediction may use.
        rule: What its scores mean.
        version: Its version, for logs and responses.
    """

    booster: xgb.Booster
    features: int
    threads: int
    rule: Rule
    version: str


@dataclass(frozen=True)
class Answer:
    """What goes back to the caller.

    Attributes:
        content: The answers, or why there are none.
        version: Version of the model that was asked.
    """

    content: npt.NDArray[Any] | RequestError
    version: str


def model_fn(model_dir: str) -> Model:
    """Load the model.

    Args:
        model_dir: Where the artifact was unpacked.

    Returns:
        The model, ready to predict.

    Raises:
        FileNotFoundError: The artifact holds no model.
        ValueError: An environment variable of ours has a value that it cannot have.
    """
    path = Path(model_dir) / MODEL_NAME
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no {MODEL_NAME} in {model_dir}: was the artifact packed?"
        )
    content = bytearray(path.read_bytes())
    version = os.environ.get("INFERENCE_MODEL_VERSION") or hashlib.sha256(content).hexdigest()[:12]
    if not (version.isascii() and version.isprintable() and len(version) <= 256):
        raise ValueError("INFERENCE_MODEL_VERSION must be at most 256 printable ASCII characters")
    _log.set_version(version)
    threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
    # From a buffer: by name, XGBoost would warn that it has to guess the format.
    booster = xgb.Booster({"nthread": threads})
    booster.load_model(content)
    model = Model(
        booster=booster,
        features=booster.num_features(),
        threads=threads,
        rule=Rule.from_environment(os.environ),
        version=version,
    )
    _log.info("model loaded", features=model.features, threads=threads, xgboost=xgb.__version__)
    return model


def input_fn(
    request_body: str | bytes | bytearray, content_type: str | None = None
) -> Rows | RequestError:
    """Read the body of a request.

    Args:
        request_body: CSV or JSON; empty fields, NaN and null are missing values.
        content_type: The header as the caller sent it.

    Returns:
        One row per record, or why the body cannot be read.
    """
    try:
        return parse(request_body, content_type)
    except RequestError as error:
        return error


def predict_fn(input_data: Rows | RequestError, model: Model) -> Answer:
    """Ask the model.

    Args:
        input_data: What `input_fn` returned.
        model: What `model_fn` returned.

    Returns:
        An answer per row by the rule of `business_logic`, or why there is none.
    """
    if isinstance(input_data, RequestError):
        return Answer(input_data, model.version)
    if input_data.shape[1] != model.features:
        return Answer(
            RequestError(
                f"each row has {input_data.shape[1]} columns: the model takes {model.features}"
            ),
            model.version,
        )
    rows = xgb.DMatrix(
        input_data,
        missing=np.nan,
        # A model with names refuses rows without; columns are told by their position here.
        feature_names=model.booster.feature_names,
        feature_types=model.booster.feature_types,
        enable_categorical=True,
        nthread=model.threads,
    )
    return Answer(model.rule.apply(model.booster.predict(rows)), model.version)


def output_fn(prediction: Answer, accept: str | None = None) -> Any:
    """Write the response.

    Args:
        prediction: What `predict_fn` returned.
        accept: The header as the caller sent it.

    Returns:
        A response with the answers as CSV or JSON and the model's version in its header; a 4xx for
        a request that cannot be answered.
    """
    headers = {ATTRIBUTES_HEADER: f"model-version={prediction.version}"}
    try:
        if isinstance(prediction.content, RequestError):
            raise prediction.content
        media_type = negotiate(accept, FORMATTERS, DEFAULT_ACCEPT)
    except RequestError as error:
        _log.warning("request refused", status=error.status, reason=str(error))
        return refuse(error, headers)
    return respond(FORMATTERS[media_type](prediction.content), media_type, headers)
