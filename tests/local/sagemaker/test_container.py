"""The container keeps the contract of the real sagemaker-xgboost image in script mode."""

from __future__ import annotations

import http.client
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local_aws.processes import end, spawn

ROOT = Path(__file__).parents[3]

# Tells what it got, or does what the body asks for.
HANDLER = """
import os, time
from pathlib import Path
import flask
from werkzeug.wrappers import Response

def model_fn(model_dir):
    with open(Path(model_dir) / "loads", "a") as file:
        file.write(f"{os.getpid()}\\n")
    return "model"

def input_fn(body, content_type):
    return body, content_type

def predict_fn(data, model):
    return data

def output_fn(prediction, accept):
    body, content_type = prediction
    text = body if isinstance(body, str) else body.decode(errors="replace")
    if text == "raise":
        raise ValueError("secret")
    if text == "abort":
        flask.abort(400)
    if text == "exit":
        os._exit(1)
    if text.startswith("sleep"):
        time.sleep(float(text.split()[1]))
    return {
        "none": lambda: None,
        "text": lambda: "plain",
        "tuple": lambda: ("a,b\\n", "text/csv"),
        "response": lambda: Response("bad row", status=400, mimetype="text/plain"),
        "loads": lambda: (loads(), "text/plain"),
    }.get(text, lambda: (repr([type(body).__name__, text, content_type, accept]), "text/plain"))()

def loads():
    return str(len(Path(os.environ["SM_MODEL_DIR"], "loads").read_text().split()))
"""


@dataclass
class Answered:
    """What the container answered."""

    status: int
    content_type: str | None
    body: bytes


@dataclass
class Container:
    """A running container."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def request(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> Answered:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body=body, headers=named)
        response = connection.getresponse()
        answered = Answered(response.status, response.getheader("Content-Type"), response.read())
        connection.close()
        return answered

    def invoke(self, body: bytes, **headers: str) -> Answered:
        """One invocation."""
        return self.request("POST", "/invocations", body, **headers)

    def received(self, body: bytes, **headers: str) -> list[str]:
        """What the handler got: the body's type, the body, the content type and the accept."""
        found: list[str] = json.loads(self.invoke(body, **headers).body.replace(b"'", b'"'))
        return found


Start = Callable[..., Container]


@pytest.fixture(scope="module")
def start(
    tmp_path_factory: pytest.TempPathFactory, unused_port: Callable[[], int]
) -> Iterator[Start]:
    """Starts containers, and ends them."""
    running = []

    def begin(
        handler: str | None = HANDLER,
        *options: str,
        files: dict[str, bytes] | None = None,
        **environment: str,
    ) -> Container:
        base = tmp_path_factory.mktemp("container")
        code = base / "model" / "code"
        code.mkdir(parents=True)
        if handler is not None:
            (code / "inference.py").write_text(handler)
            environment = {
                "SAGEMAKER_PROGRAM": "inference.py",
                "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                **environment,
            }
        for name, content in (files or {}).items():
            (base / name).write_bytes(content)
        port = unused_port()
        log = base / "log"
        with log.open("wb") as output:
            process = spawn(
                [
                    *(sys.executable, "-P", "-m", "local_aws.sagemaker.container"),
                    *("--port", str(port), *options),
                ],
                env={
                    "PATH": os.environ["PATH"],
                    "PYTHONPATH": str(ROOT),
                    "SAGEMAKER_BASE_DIR": str(base),
                    "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
                    **environment,
                },
                cwd=base,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        container = Container(process, port, log)
        running.append(container)
        deadline = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < deadline:
            try:
                container.request("GET", "/elsewhere")
            except OSError:
                time.sleep(0.02)
            else:
                break
        return container

    yield begin
    for container in running:
        end(container.process)


@pytest.fixture(scope="module")
def container(start: Start) -> Container:
    """A container with one worker and the telling handler."""
    return start()


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        ("text/csv", "str"),
        ("application/json", "str"),
        ("text/csv; charset=utf-8", "bytes"),
        ("TEXT/CSV", "bytes"),
        ("application/x-npy", "bytes"),
    ],
)
def test_the_body_is_text_for_exactly_csv_and_json(
    container: Container, content_type: str, kind: str
) -> None:
    """Parameters or another letter case make it bytes; the type is passed on as sent."""
    found = container.received(b"1,2", Content_Type=content_type)
    assert found[:3] == [kind, "1,2", content_type]


def test_a_missing_content_type_is_json(container: Container) -> None:
    """The handler gets application/json, and text."""
    assert container.received(b"1")[:3] == ["str", "1", "application/json"]


@pytest.mark.parametrize(
    ("sent", "got"),
    [
        ("text/csv", "text/csv"),
        ("text/csv;q=0.5, application/json", "text/csv;q=0.5, application/json"),
        ("*/*", "application/json"),
        (None, "application/json"),
    ],
)
def test_the_accept_is_passed_on_and_anything_is_the_default(
    container: Container, sent: str | None, got: str
) -> None:
    """A list with q-values arrives whole; */* and none are application/json."""
    headers = {} if sent is None else {"Accept": sent}
    assert container.received(b"1", **headers)[3] == got


def test_invalid_utf_8_still_arrives_as_text(container: Container) -> None:
    """What does not decode is replaced."""
    assert container.received(b"\xff1", Content_Type="text/csv")[:2] == ["str", "\ufffd1"]


@pytest.mark.parametrize(
    ("body", "status", "content_type", "answer"),
    [
        (b"tuple", 200, "text/csv; charset=utf-8", b"a,b\n"),
        (b"text", 200, "text/html; charset=utf-8", b"plain"),
        (b"response", 400, "text/plain; charset=utf-8", b"bad row"),
    ],
)
def test_what_output_fn_may_return(
    container: Container, body: bytes, status: int, content_type: str, answer: bytes
) -> None:
    """A pair, a bare string (as HTML) and a response with its status."""
    assert container.invoke(body) == Answered(status, content_type, answer)


@pytest.mark.parametrize("body", [b"raise", b"none", b"abort"])
def test_every_failure_of_a_handler_is_the_same_page(container: Container, body: bytes) -> None:
    """500, HTML, no message; also None, and an abort with another status."""
    answered = container.invoke(body)
    assert (answered.status, answered.content_type) == (500, "text/html; charset=utf-8")
    assert b"<title>500 Internal Server Error</title>" in answered.body
    assert b"secret" not in answered.body
    if body == b"raise":
        assert "ValueError: secret" in container.log.read_text()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/ping", 200),
        ("GET", "/execution-parameters", 404),
        ("GET", "/invocations", 405),
        ("POST", "/models", 404),
    ],
)
def test_paths(container: Container, method: str, path: str, status: int) -> None:
    """Script mode has no /execution-parameters; what nginx does not know is `{}`."""
    answered = container.request(method, path)
    assert answered.status == status
    if path == "/models":
        assert answered.body == b"{}"


_HOST = "Host: a\r\n"
_POST = f"POST /invocations HTTP/1.1\r\n{_HOST}"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (f"GET /ping HTTP/1.1\r\n{_HOST}\r\n", 200),
        (f"GET //p%69ng?x HTTP/1.1\r\n{_HOST}\r\n", 200),
        (f"GET http://a/ping HTTP/1.1\r\n{_HOST}\r\n", 200),
        ("GET /ping HTTP/1.0\r\n\r\n", 200),
        (f"GET /ping HTTP/1.1\r\n{_HOST}nonsense\r\n\r\n", 200),
        ("GET /ping HTTP/1.1\r\n\r\n", 400),
        (f"GET /ping HTTP/1.1\r\n{_HOST}{_HOST}\r\n", 400),
        (f"GET /../ping HTTP/1.1\r\n{_HOST}\r\n", 400),
        (f"get /ping HTTP/1.1\r\n{_HOST}\r\n", 400),
        (f"GET /ping HTTP/1.1\r\n{_HOST}X-A : 1\r\n\r\n", 400),
        (f"GET /ping HTTP/1.1\r\n{_HOST}X-A: {'1' * 9000}\r\n\r\n", 400),
        (f"GET /ping?{'a' * 5000} HTTP/1.1\r\n{_HOST}\r\n", 400),
        (f"{_POST}Content-Length: -1\r\n\r\n", 400),
        (f"{_POST}Content-Length: 1\r\nContent-Length: 1\r\n\r\n1", 400),
        (f"{_POST}Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (f"TRACE /ping HTTP/1.1\r\n{_HOST}\r\n", 405),
        (f"GET /ping?{'a' * 9000} HTTP/1.1\r\n{_HOST}\r\n", 414),
        (f"{_POST}{''.join(f'X-{n}: 1' + chr(13) + chr(10) for n in range(100))}\r\n", 431),
        (f"{_POST}Transfer-Encoding: gzip\r\n\r\n", 501),
        (f"GET /ping HTTP/2.0\r\n{_HOST}\r\n", 505),
    ],
)
def test_what_nginx_and_gunicorn_take_and_refuse(
    container: Container, request_: str, status: int
) -> None:
    """The statuses are those of the image's stack, with which tests/conformance compares more."""
    with socket.create_connection(("127.0.0.1", container.port), timeout=30) as connection:
        connection.sendall(request_.encode())
        assert connection.recv(12) == f"HTTP/1.1 {status}".encode()


def test_a_client_that_asks_first_is_told_to_go_on(container: Container) -> None:
    """Curl sends `Expect: 100-continue` with large bodies, and waits a second otherwise."""
    with socket.create_connection(("127.0.0.1", container.port), timeout=30) as connection:
        connection.sendall(f"{_POST}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n".encode())
        assert connection.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"tuple")
        assert connection.recv(12) == b"HTTP/1.1 200"


def test_headers_arrive_as_nginx_passes_them_on(start: Start) -> None:
    """Repeated ones joined, those with an underscore not at all, the client's address added."""
    container = start(
        "import flask\n"
        "def model_fn(d): ...\n"
        "def transform_fn(*a):\n"
        "    sent = dict(flask.request.headers)\n"
        "    names = ('Accept', 'X-Forwarded-For', 'Content-Length', 'X-A')\n"
        "    return '|'.join(sent.get(name, '-') for name in names), 'text/plain'\n"
    )
    request = f"{_POST}Accept: a\r\nAccept: b\r\nX_A: 1\r\nContent-Length: 1\r\n\r\n1"
    with socket.create_connection(("127.0.0.1", container.port), timeout=30) as connection:
        connection.sendall(request.encode())
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert response.read() == b"a,b|127.0.0.1|1|-"


def test_an_answer_shorter_than_it_says_is_cut_off(start: Start) -> None:
    """The connection ends, so that nobody takes the part for the whole."""
    container = start(
        "from werkzeug.wrappers import Response\n"
        "def model_fn(d): ...\n"
        "def transform_fn(*a):\n"
        "    return Response(iter('x'), headers={'Content-Length': '3'})\n"
    )
    with pytest.raises(http.client.IncompleteRead):
        container.invoke(b"1")


def test_a_connection_serves_many_requests_also_chunked_ones(container: Container) -> None:
    """Keep-alive, and a body without a Content-Length."""
    connection = http.client.HTTPConnection("127.0.0.1", container.port, timeout=10)
    for body in (b"tuple", iter([b"tu", b"ple"]), b"tuple"):
        connection.request("POST", "/invocations", body=body)
        assert connection.getresponse().read() == b"a,b\n"
        # http.client would connect again without a word.
        assert connection.sock is not None
    connection.close()


def test_each_worker_loads_the_model_within_its_first_request(start: Start) -> None:
    """A ping warms one worker; the other one loads when two requests come at once."""
    container = start(SAGEMAKER_MODEL_SERVER_WORKERS="2")
    assert container.request("GET", "/ping").status == 200
    assert container.invoke(b"loads").body == b"1"
    threads = [threading.Thread(target=container.invoke, args=(b"sleep 0.5",)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert container.invoke(b"loads").body == b"2"


def test_a_silent_worker_is_killed_after_the_timeout(start: Start) -> None:
    """504 after SAGEMAKER_MODEL_SERVER_TIMEOUT; a new worker serves."""
    container = start(SAGEMAKER_MODEL_SERVER_TIMEOUT="1")
    began = time.monotonic()
    answered = container.invoke(b"sleep 30")
    assert 0.9 < time.monotonic() - began < 10
    assert (answered.status, answered.content_type) == (504, "text/html")
    assert container.invoke(b"tuple").status == 200
    assert "WORKER TIMEOUT" in container.log.read_text()


def test_a_worker_that_ends_is_a_bad_gateway(start: Start) -> None:
    """502 for the request that it had; a new worker serves."""
    container = start()
    assert container.invoke(b"exit").status == 502
    assert container.invoke(b"tuple").status == 200


@pytest.mark.parametrize(
    ("handler", "options", "environment", "told"),
    [
        ("import nothing_here", (), {}, "ImportModuleError: No module named 'nothing_here'"),
        (
            HANDLER,
            (),
            {"SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/nowhere"},
            "ImportModuleError: No module named 'inference'",
        ),
        (
            HANDLER,
            (),
            {"SAGEMAKER_CONTAINER_LOG_LEVEL": "INFO"},
            "invalid literal for int() with base 10: 'INFO'",
        ),
        (HANDLER, ("--isolated",), {}, "PIP_NO_BUILD_ISOLATION=0"),
        (HANDLER, ("--isolated",), {"PIP_NO_BUILD_ISOLATION": "1"}, "PIP_NO_BUILD_ISOLATION=0"),
    ],
)
def test_what_crashes_the_start(
    start: Start,
    handler: str,
    options: tuple[str, ...],
    environment: dict[str, str],
    told: str,
) -> None:
    """The container ends, and its log says why."""
    container = start(handler, *options, **environment)
    assert container.process.wait(timeout=10) == 1
    assert told in container.log.read_text()


def test_a_model_that_does_not_load_fails_the_ping_and_not_the_start(start: Start) -> None:
    """The 500 page of gunicorn for each ping: the next one tries again."""
    container = start("def model_fn(model_dir):\n    raise ValueError('unreadable')")
    for _ in range(2):
        answered = container.request("GET", "/ping")
        assert answered.status == 500
        assert b"<h1><p>Internal Server Error</p></h1>" in answered.body
    assert container.log.read_text().count("ValueError: unreadable") >= 2


def test_handlers_that_exclude_each_other_fail_the_ping(start: Start) -> None:
    """`transform_fn` beside `input_fn`."""
    container = start("def transform_fn(*a): ...\ndef input_fn(*a): ...\ndef model_fn(d): ...")
    assert container.request("GET", "/ping").status == 500
    assert "Cannot use transform_fn" in container.log.read_text()


def test_isolation_needs_what_pip_takes_for_no(start: Start) -> None:
    """With PIP_NO_BUILD_ISOLATION=0 the container starts without a network."""
    container = start(HANDLER, "--isolated", PIP_NO_BUILD_ISOLATION="0")
    assert container.request("GET", "/ping").status == 200


def test_requirements_that_are_there_need_no_network_and_others_do(start: Start) -> None:
    """At the start pip runs on requirements.txt."""
    isolated = {"PIP_NO_BUILD_ISOLATION": "0"}
    there = {"model/code/requirements.txt": b"numpy>=1\n"}
    container = start(HANDLER, "--isolated", files=there, **isolated)
    assert container.request("GET", "/ping").status == 200
    missing = {"model/code/requirements.txt": b"surely-not-installed-here\n"}
    container = start(HANDLER, "--isolated", files=missing, **isolated)
    assert container.process.wait(timeout=20) == 1
    assert "pip install -r requirements.txt failed" in container.log.read_text()


def test_a_bundled_wheel_is_installed_beside_what_is_there(start: Start) -> None:
    """Pip takes the wheel from the code and its dependency from the image."""
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("bundled_here.py", "import numpy")
        about = "bundled_here-1.0.dist-info"
        archive.writestr(
            f"{about}/METADATA",
            "Metadata-Version: 2.1\nName: bundled-here\nVersion: 1.0\nRequires-Dist: numpy>=1\n",
        )
        archive.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{about}/RECORD", "")
    container = start(
        f"import bundled_here\n{HANDLER}",
        "--isolated",
        files={
            "model/code/requirements.txt": b"--no-index\n--find-links .\nbundled-here\n",
            "model/code/bundled_here-1.0-py3-none-any.whl": wheel.getvalue(),
        },
        PIP_NO_BUILD_ISOLATION="0",
    )
    assert container.request("GET", "/ping").status == 200
    assert "Successfully installed bundled-here-1.0" in container.log.read_text()


def test_the_defaults_of_the_image_decode_csv_and_encode_json(
    start: Start, tiny_model: Any
) -> None:
    """With `model_fn` alone, predictions are those of XGBoost."""
    container = start(
        "import xgboost\n"
        "def model_fn(model_dir):\n"
        "    return xgboost.Booster(model_file=model_dir + '/xgboost-model')\n",
        files={"model/xgboost-model": tiny_model.file},
    )
    answered = container.invoke(tiny_model.csv, Content_Type="text/csv")
    assert answered.content_type == "application/json"
    assert json.loads(answered.body) == pytest.approx(tiny_model.expected.tolist(), rel=1e-7)
    answered = container.invoke(tiny_model.csv, Content_Type="text/csv", Accept="text/csv")
    found = [float(line) for line in answered.body.split()]
    assert found == pytest.approx(tiny_model.expected.tolist(), rel=1e-7)
    # An unknown type is the handler's failure like any other.
    assert container.invoke(b"1", Content_Type="text/plain").status == 500


def test_algorithm_mode_serves_a_model_without_a_script(start: Start, tiny_model: Any) -> None:
    """What a built-in training job leaves: CSV by default, and it knows its parameters."""
    container = start(None, files={"model/xgboost-model": tiny_model.file})
    answered = container.invoke(tiny_model.csv, Content_Type="text/csv")
    assert answered.content_type == "text/csv; charset=utf-8"
    found = [float(line) for line in answered.body.split()]
    assert found == pytest.approx(tiny_model.expected.tolist(), rel=1e-7)
    answered = container.invoke(tiny_model.csv, Content_Type="text/csv", Accept="application/json")
    scores = [row["score"] for row in json.loads(answered.body)["predictions"]]
    assert scores == pytest.approx(tiny_model.expected.tolist(), rel=1e-7)
    assert container.invoke(b"1,2", Content_Type="text/plain").status == 415
    assert (
        container.invoke(tiny_model.csv, Content_Type="text/csv", Accept="image/png").status == 406
    )
    assert container.invoke(b"", Content_Type="text/csv").status == 204
    parameters = json.loads(container.request("GET", "/execution-parameters").body)
    assert parameters == {
        "MaxConcurrentTransforms": 1,
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": 6,
    }


def test_the_user_s_code_sees_no_module_of_this_repository(start: Start) -> None:
    """Neither `local_aws` nor what stands beside it can be imported by accident."""
    container = start("import stacks")
    assert container.process.wait(timeout=10) == 1
    assert "No module named 'stacks'" in container.log.read_text()
