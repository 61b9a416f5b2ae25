"""Script mode: the user's handlers behind ``/invocations``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import flask

from local_aws.sagemaker.container.settings import CSV, JSON, Settings

Function = Callable[..., Any]


class ClientError(Exception):
    """An exception of the user's code."""


class UserError(Exception):
    """The user's module offers handlers that exclude each other."""


class Response(flask.Response):
    """A response that is JSON unless told otherwise."""

    default_mimetype = JSON


def _wrapped(function: Function) -> Function:
    """Let exceptions of the user's code through as `ClientError`.

    That takes their type away: an ``abort(400)`` in a handler becomes a 500 like any other.
    """

    def call(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except Exception as error:
            raise ClientError(error) from error

    return call


def _no_model_fn(_directory: str) -> Any:
    raise NotImplementedError(
        "Please provide a model_fn implementation. See documentation for model_fn at "
        "https://github.com/aws/sagemaker-python-sdk"
    )


def _default_input_fn(content: str | bytes, content_type: str) -> Any:
    # Imported where it is used: it brings numpy and xgboost with it.
    from local_aws.sagemaker.container import encoders

    return encoders.decode(content, content_type)


def _default_predict_fn(data: Any, model: Any) -> Any:
    return model.predict(data, validate_features=False)


def _default_output_fn(prediction: Any, accept: str) -> Response:
    from local_aws.sagemaker.container import encoders

    return Response(encoders.encode(prediction, accept), mimetype=accept)


@dataclass(kw_only=True)
class Transformer:
    """The handlers of one module and the model that they loaded."""

    model_fn: Function
    transform_fn: Function
    _model: Any = field(default=None, init=False)

    @classmethod
    def of(cls, module: ModuleType) -> Transformer:
        """The handlers of ``module``, with the image's defaults for those it lacks.

        Raises:
            UserError: ``transform_fn`` stands beside one of those that it replaces.
        """
        found = {
            name: getattr(module, name, None)
            for name in ("model_fn", "input_fn", "predict_fn", "output_fn", "transform_fn")
        }
        model_fn = _wrapped(found["model_fn"] or _no_model_fn)
        if found["transform_fn"] is not None:
            if found["input_fn"] or found["predict_fn"] or found["output_fn"]:
                raise UserError(
                    "Cannot use transform_fn implementation with input_fn, predict_fn, and/or "
                    "output_fn"
                )
            return cls(model_fn=model_fn, transform_fn=_wrapped(found["transform_fn"]))
        input_fn = _wrapped(found["input_fn"] or _default_input_fn)
        predict_fn = _wrapped(found["predict_fn"] or _default_predict_fn)
        output_fn = _wrapped(found["output_fn"] or _default_output_fn)

        def transform(model: Any, content: str | bytes, content_type: str, accept: str) -> Any:
            return output_fn(predict_fn(input_fn(content, content_type), model), accept)

        return cls(model_fn=model_fn, transform_fn=transform)

    def initialize(self, model_directory: Path) -> None:
        """Load the model."""
        self._model = self.model_fn(str(model_directory))

    def transform(self, content: str | bytes, content_type: str, accept: str) -> Any:
        """Answer one invocation with anything that Flask takes for a response."""
        result = self.transform_fn(self._model, content, content_type, accept)
        if isinstance(result, tuple):
            return Response(response=result[0], mimetype=result[1])
        return result


def application_of(transformer: Transformer, settings: Settings) -> flask.Flask:
    """The application that gives requests to ``transformer``."""
    application = flask.Flask(settings.module or __name__)

    def invocations() -> Any:
        request = flask.request
        content_type = (
            request.headers.get("ContentType") or request.headers.get("Content-Type") or JSON
        )
        accept = request.headers.get("Accept")
        if not accept or accept == "*/*":
            accept = settings.default_accept or JSON
        # Text for exactly these two: with parameters or in another case the body stays bytes.
        as_text = content_type in {JSON, CSV}
        content = request.get_data(as_text=True) if as_text else request.get_data()
        return transformer.transform(content, content_type, accept)

    application.add_url_rule("/invocations", view_func=invocations, methods=["POST"])
    application.add_url_rule("/ping", endpoint="ping", view_func=lambda: Response(status=200))
    return application
