"""Answers requests with the handlers of unpacked code; runs as a script, in a process of its own.

    child.py CODE MODULE MODEL_DIR REQUESTS ANSWERS

As in the image, the handlers run within a request of Flask, and text is given for exactly
`text/csv` and `application/json`. REQUESTS and ANSWERS hold a JSON object per line. The first
answer is how long `model_fn` took; if the process dies, the missing ones tell at which request.
"""

import base64
import importlib
import json
import logging
import sys
import time
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any

import flask

_TEXT = {"text/csv", "application/json"}
_NAMES = ("input_fn", "predict_fn", "output_fn")


def main(code: str, name: str, model_dir: str, requests: str, answers: str) -> None:
    """Load the model, and answer each line of a file."""
    sys.path.insert(0, code)
    with open(answers, "w", encoding="utf-8") as file:

        def tell(**values: object) -> None:
            file.write(f"{json.dumps(values)}\n")
            file.flush()

        began = time.perf_counter()
        try:
            module = importlib.import_module(name)
            imported = time.perf_counter()
            model = module.model_fn(model_dir)
        except Exception as error:
            traceback.print_exc()
            tell(error=_last_line(error))
            return
        tell(import_seconds=imported - began, load_seconds=time.perf_counter() - imported)
        application = _application(module, model)
        client = application.test_client()
        with open(requests, encoding="utf-8") as lines:
            for line in lines:
                tell(**_answer(client, json.loads(line)))


def _application(module: ModuleType, model: object) -> flask.Flask:
    application = flask.Flask("check")
    # The handlers' own log stays; Flask's would repeat each exception.
    application.logger.setLevel(logging.CRITICAL)
    transform = _transform_of(module)

    def invocations() -> Any:
        request = flask.request
        content_type = request.headers.get("Content-Type") or "application/json"
        accept = request.headers.get("Accept")
        accept = "application/json" if not accept or accept == "*/*" else accept
        as_text = content_type in _TEXT
        content = request.get_data(as_text=True) if as_text else request.get_data()
        result = transform(model, content, content_type, accept)
        if isinstance(result, tuple):
            return flask.Response(result[0], mimetype=result[1] or "application/json")
        return result

    application.add_url_rule("/invocations", view_func=invocations, methods=["POST"])
    return application


def _transform_of(module: ModuleType) -> Callable[..., Any]:
    if hasattr(module, "transform_fn"):
        return module.transform_fn  # type: ignore[no-any-return]
    missing = [name for name in _NAMES if not hasattr(module, name)]
    if missing:
        raise SystemExit(f"the module has no {', '.join(missing)}")

    def transform(model: object, content: Any, content_type: str, accept: str) -> Any:
        data = module.input_fn(content, content_type)
        return module.output_fn(module.predict_fn(data, model), accept)

    return transform


def _answer(client: Any, request: dict[str, Any]) -> dict[str, object]:
    headers = {"Content-Type": request["content_type"], "Accept": request["accept"]}
    client.application.config["PROPAGATE_EXCEPTIONS"] = True
    began = time.perf_counter()
    try:
        response = client.post(
            "/invocations",
            data=base64.b64decode(request["body"]),
            headers={name: value for name, value in headers.items() if value is not None},
        )
    except Exception as error:
        # The container answers 500 with a page that says nothing; the trace is in its log.
        traceback.print_exc()
        return _told(500, None, b"", began) | {"error": _last_line(error)}
    return _told(response.status_code, response.content_type, response.data, began)


def _told(status: int, content_type: str | None, body: bytes, began: float) -> dict[str, object]:
    return {
        "status": status,
        "content_type": content_type,
        "body": base64.b64encode(body).decode(),
        "milliseconds": (time.perf_counter() - began) * 1000,
    }


def _last_line(error: BaseException) -> str:
    lines = traceback.format_exception_only(error)[-1].strip().splitlines()
    return lines[0] if lines else type(error).__name__


if __name__ == "__main__":
    main(*sys.argv[1:])
