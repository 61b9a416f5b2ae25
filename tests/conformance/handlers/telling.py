"""Tells what it was given, or does what the body names: `<handler> <what>`."""

import hashlib
import json
import sys

import flask
import numpy as np
from werkzeug.wrappers import Response


def model_fn(model_dir):
    """Nothing is loaded."""
    return "the model"


def input_fn(body, content_type):
    """The body and what is known of it."""
    _do("input", body)
    return body, content_type


def predict_fn(data, model):
    """The same, and the model."""
    _do("predict", data[0])
    return *data, model


def output_fn(prediction, accept):
    """What the body names, or what the handlers were given."""
    body, content_type, model = prediction
    _do("output", body)
    text = body if isinstance(body, str) else body.decode("latin-1")
    kind, _, what = text.partition(" ")
    if kind == "return":
        return _RETURNED[what]()
    content = text if len(text) < 200 else hashlib.sha256(text.encode()).hexdigest()
    told = [type(body).__name__, len(body), content, content_type, accept, model]
    told.append(flask.request.headers.get("X-Amzn-SageMaker-Custom-Attributes"))
    told.append(flask.request.query_string.decode())
    return json.dumps(told), "application/json"


def _do(handler, body):
    """Raises what the body names, in the handler that it names."""
    text = body if isinstance(body, str) else body.decode("latin-1")
    if text in {f"{handler} {what}" for what in _RAISED}:
        _RAISED[text.partition(" ")[2]]()


def _raise(error):
    raise error


def _do_again():
    return _do_again()


_RAISED = {
    "ValueError": lambda: _raise(ValueError("secret")),
    "MemoryError": lambda: _raise(MemoryError()),
    "RecursionError": _do_again,
    "abort": lambda: flask.abort(400, "secret"),
    "exit": lambda: sys.exit(3),
}


_RETURNED = {
    "pair": lambda: ("a,b\n", "text/csv"),
    "pair of bytes": lambda: (b"\x93NUMPY\x00\xff", "application/x-npy"),
    "pair with parameters": lambda: ("é", "text/csv; charset=latin-1"),
    "pair without type": lambda: ("1", None),
    "pair without body": lambda: (None, "text/csv"),
    "pair with an unknown type": lambda: ("1", "x-unknown/y+json"),
    "pair of list": lambda: (["a", "b"], "text/csv"),
    "pair of number": lambda: (1.5, "application/json"),
    "pair of array": lambda: (np.array([1.5]), "application/json"),
    "single": lambda: ("1",),
    "triple": lambda: ("1", "text/csv", 201),
    "text": lambda: "plain é",
    "empty text": lambda: "",
    "bytes": lambda: b"plain",
    "bytearray": lambda: bytearray(b"plain"),
    "None": lambda: None,
    "number": lambda: 1,
    "float": lambda: 1.5,
    "dict": lambda: {"a": [1.5, None]},
    "list": lambda: [1, 2],
    "array": lambda: np.array([1.5]),
    "generator": lambda: (part for part in ("a", "b")),
    "response 400": lambda: Response("bad row", status=400, mimetype="text/plain"),
    "response 404": lambda: Response("no row", status=404),
    "response 204": lambda: Response(status=204),
    "response 302": lambda: Response(status=302, headers={"Location": "/elsewhere"}),
    "response 304": lambda: Response(status=304),
    "response 503": lambda: Response(b"later", status=503, headers={"Retry-After": "1"}),
    "response 299": lambda: Response("odd", status=299),
    "response without type": lambda: Response("odd", content_type=""),
    "response with headers": lambda: Response(
        "1",
        headers=[("X-Amzn-SageMaker-Custom-Attributes", "a=1"), ("X-A", "1"), ("X-A", "2")],
    ),
    "response of parts": lambda: Response(part for part in ("a", "b")),
    "response of flask": lambda: flask.Response("{}", mimetype="application/json"),
    "response that breaks": lambda: Response("x" * int(1 / (2 - n)) for n in (1, 2)),
    "response that is too short": lambda: Response(iter("x"), headers={"Content-Length": "3"}),
}
