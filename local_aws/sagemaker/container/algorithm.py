"""Algorithm mode: what the image serves when there is no script.

A model package "as approved" and the artifact of a built-in training job are served so.
"""

from __future__ import annotations

import json
import logging
import os
from http import HTTPStatus

import flask
import numpy as np
import xgboost
from numpy.typing import NDArray

from local_aws.sagemaker.container import encoders
from local_aws.sagemaker.container.settings import CSV, JSON, Settings

JSON_LINES = "application/jsonlines"
_ACCEPTS = [JSON, JSON_LINES, CSV]
_MAX_CONTENT = int(os.environ.get("MAX_CONTENT_LENGTH", "6291456"))

logger = logging.getLogger(__name__)


def _load(settings: Settings) -> xgboost.Booster:
    files = sorted(
        path
        for path in settings.model_directory.iterdir()
        if path.is_file() and not path.name.startswith(".")
    )
    if not files:
        raise FileNotFoundError(f"no model file in {settings.model_directory}")
    booster = xgboost.Booster()
    booster.load_model(files[0])
    booster.set_param("nthread", "1")
    return booster


def _parsed(body: bytes, content_type: str | None) -> xgboost.DMatrix:
    media_type = (content_type or encoders.LIBSVM).partition(";")[0].strip().lower()
    media_type = {"csv": CSV, "libsvm": encoders.LIBSVM}.get(media_type, media_type)
    text = body.strip().decode()
    if media_type == CSV:
        return encoders.csv_matrix(text)
    if media_type in {encoders.LIBSVM, encoders.X_LIBSVM}:
        return encoders.libsvm_matrix(text)
    raise ValueError(f"Content-type {content_type} is not supported.")


def _accepted(header: str | None, default: str) -> str:
    accept = (header or "").partition(";")[0].strip()
    if not accept or accept == "*/*":
        return default
    if accept.lower() not in _ACCEPTS:
        raise ValueError(
            f"Accept type {accept} is not supported. Please use supported accept types: {_ACCEPTS}."
        )
    return accept.lower()


def _encoded(prediction: NDArray[np.float32], accept: str) -> str | bytes:
    values = prediction.tolist()
    if accept == CSV:
        return encoders.encode(values, CSV)
    scores = [{"score": value} for value in values]
    if accept == JSON:
        return json.dumps({"predictions": scores})
    return "".join(json.dumps(score) + "\n" for score in scores)


def application(settings: Settings) -> flask.Flask:
    """Load the model and make the application around it."""
    booster = _load(settings)
    app = flask.Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = _MAX_CONTENT

    def failed(error: Exception, status: HTTPStatus, message: str | None = None) -> flask.Response:
        logger.exception(error)
        return flask.Response(message or str(error), status=status)

    @app.get("/ping")
    def ping() -> flask.Response:
        return flask.Response(status=200)

    @app.get("/execution-parameters")
    def execution_parameters() -> flask.Response:
        parameters = {
            "MaxConcurrentTransforms": settings.workers,
            "BatchStrategy": "MULTI_RECORD",
            "MaxPayloadInMB": _MAX_CONTENT // 2**20,
        }
        return flask.Response(json.dumps(parameters), mimetype=JSON)

    @app.post("/invocations")
    def invocations() -> flask.Response:
        body = flask.request.get_data()
        if not body:
            return flask.Response("", status=HTTPStatus.NO_CONTENT)
        try:
            data = _parsed(body, flask.request.content_type)
        except Exception as error:
            return failed(error, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        try:
            prediction = booster.predict(data, validate_features=False)
        except Exception as error:
            message = f"Unable to evaluate payload provided: {error}"
            return failed(error, HTTPStatus.BAD_REQUEST, message)
        try:
            accept = _accepted(flask.request.headers.get("Accept"), settings.default_accept or CSV)
        except ValueError as error:
            return failed(error, HTTPStatus.NOT_ACCEPTABLE)
        if os.environ.get("SAGEMAKER_BATCH"):
            text = "\n".join(map(str, prediction.tolist())) + "\n"
            return flask.Response(text, mimetype=accept)
        return flask.Response(_encoded(prediction, accept), mimetype=accept)

    return app
