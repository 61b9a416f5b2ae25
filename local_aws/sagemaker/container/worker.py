"""One worker process: the Flask application behind gunicorn.

As in the image, the user's module is imported and the model loaded within the first request that a
worker gets, and again within the next one if that failed.
"""

from __future__ import annotations

import importlib
import io
import logging
import os
import socket
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local_aws.sagemaker.container import wire
from local_aws.sagemaker.container.pages import gunicorn_page
from local_aws.sagemaker.container.settings import Settings
from local_aws.sagemaker.container.wire import Head

if TYPE_CHECKING:
    import flask

logger = logging.getLogger("sagemaker-containers")


class ImportModuleError(Exception):
    """The user's module does not import."""


def build(settings: Settings) -> flask.Flask:
    """Import the user's module, load the model and make the application."""
    if settings.module is None:
        from local_aws.sagemaker.container.algorithm import application

        return application(settings)
    from local_aws.sagemaker.container.handlers import Transformer, application_of

    module = importlib.import_module(settings.module)
    transformer = Transformer.of(module)
    transformer.initialize(settings.model_directory)
    return application_of(transformer, settings)


class Worker:
    """Answers requests one after the other."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._application: flask.Flask | None = None

    def answer(self, head: Head, body: bytes) -> tuple[Head, bytes]:
        """Answer one request."""
        try:
            if self._application is None:
                self._application = build(self._settings)
            return _through(self._application, _environ(head, body))
        except Exception:
            logger.exception("Error handling request %s", head["path"])
            return gunicorn_page(500)

    def serve(self, channel: socket.socket) -> None:
        """Answer what comes through ``channel`` until the front ends."""
        while (frame := wire.receive(channel)) is not None:
            wire.send(channel, *self.answer(*frame))


def _environ(head: Head, body: bytes) -> dict[str, Any]:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": head["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": head["path"],
        "QUERY_STRING": head["query"],
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8080",
        # nginx speaks HTTP/1.0 to gunicorn.
        "SERVER_PROTOCOL": "HTTP/1.0",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in head["headers"]:
        key = name.upper().replace("-", "_")
        if key == "CONTENT_TYPE":
            environ[key] = value
        else:
            key = f"HTTP_{key}"
            environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ


def _through(application: flask.Flask, environ: dict[str, Any]) -> tuple[Head, bytes]:
    answer: Head = {}

    def start_response(status: str, headers: list[tuple[str, str]], _exc: Any = None) -> Any:
        answer.update(status=int(status.partition(" ")[0]), headers=headers)
        return None

    parts = application(environ, start_response)
    sent: list[bytes] = []
    head_is_sent = False
    try:
        for part in parts:
            # gunicorn sends the head before it looks at the first part.
            head_is_sent = True
            if not isinstance(part, bytes):
                raise TypeError(f"{part!r} is not a byte")
            sent.append(part)
    except Exception:
        if not head_is_sent:
            raise
        logger.exception("Error handling request")
    finally:
        if hasattr(parts, "close"):
            parts.close()
    return answer, b"".join(sent)


def _import_now(settings: Settings) -> None:
    """Import the user's module as the image's server does before it starts gunicorn.

    Raises:
        ImportModuleError: it does not import.
    """
    if settings.module is None:
        return
    try:
        importlib.import_module(settings.module)
    except Exception as error:
        raise ImportModuleError(str(error)) from error


def main() -> None:
    """Run a worker on the socket whose file descriptor is the first argument."""
    settings = Settings.of(os.environ)
    logging.basicConfig(
        format="%(asctime)s %(levelname)s - %(name)s - %(message)s", level=settings.log_level
    )
    logging.getLogger("botocore").setLevel(logging.WARNING)
    # The directory that holds `local_aws` must not offer its other packages to the user's code.
    own = str(Path(__file__).parents[3])
    sys.path[:] = [path for path in sys.path if path != own]
    sys.path[:0] = [str(settings.code_directory), str(settings.base / "site-packages")]
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        if "--eager" in sys.argv:
            try:
                _import_now(settings)
            except ImportModuleError:
                traceback.print_exc()
                sys.exit(1)
            wire.send(channel, {})
        Worker(settings).serve(channel)


if __name__ == "__main__":
    main()
