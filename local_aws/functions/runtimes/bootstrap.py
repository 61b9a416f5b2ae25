"""Lambda's Python runtime: imports the handler, then answers events that come over a socket.

Runs in a process of its own, with nothing of the server's: ``python -S -P bootstrap.py FD``.
Messages are lines of JSON. Names, errors and log lines are those of AWS's runtime interface client.
"""

from __future__ import annotations

import contextlib
import decimal
import importlib
import importlib.abc
import importlib.machinery
import json
import logging
import os
import socket
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from types import ModuleType, TracebackType
from typing import Any

# Inside one log record; the reader of this process's output turns it into a line break, so that a
# traceback is one event.
LINE_BREAK = "\x1e"
# What the managed runtimes hold beside the standard library.
LIBRARIES = {"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six"}

_request_id = ""


class Libraries(importlib.abc.MetaPathFinder):
    """Finds the runtime's libraries where the server has them, and nothing else there.

    A function that forgot to bundle numpy fails here as it does on AWS.
    """

    def __init__(self, site_packages: str) -> None:
        self._path = [site_packages]

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec of a top-level module of the runtime."""
        if path is None and fullname in LIBRARIES:
            return importlib.machinery.PathFinder.find_spec(fullname, self._path, target)
        return None


class Context:
    """The second argument of a handler."""

    def __init__(self, invocation: dict[str, Any]) -> None:
        self.aws_request_id = invocation["request_id"]
        self.invoked_function_arn = invocation["function_arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.client_context = invocation.get("client_context")
        self.identity = None
        self._deadline_ms: int = invocation["deadline_ms"]

    def get_remaining_time_in_millis(self) -> int:
        """How long the handler may still run."""
        return max(0, self._deadline_ms - int(time.time() * 1000))

    def log(self, message: Any) -> None:
        """Write to the log."""
        sys.stdout.write(str(message))


class LogHandler(logging.Handler):
    """Writes a record as one event."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write it."""
        write_record(self.format(record))


class RequestId(logging.Filter):
    """Gives every record the id of the request that it belongs to."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add it."""
        record.aws_request_id = _request_id
        return True


class JsonFormatter(logging.Formatter):
    """Lambda's JSON log format."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        entry: dict[str, Any] = {
            "timestamp": self.formatTime(record, "%Y-%m-%dT%H:%M:%SZ"),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            "requestId": _request_id,
        }
        if record.exc_info and record.exc_info[0] is not None:
            entry["errorType"] = record.exc_info[0].__name__
            entry["errorMessage"] = str(record.exc_info[1])
            entry["stackTrace"] = traceback.format_tb(record.exc_info[2])
        return json.dumps(entry)


def write_record(text: str) -> None:
    """One log event, whatever lines it has."""
    sys.stdout.flush()
    sys.stderr.write(text.rstrip("\n").replace("\n", LINE_BREAK) + "\n")
    sys.stderr.flush()


def set_up_logging() -> None:
    """The root logger as Lambda's runtime configures it."""
    handler = LogHandler()
    handler.addFilter(RequestId())
    if os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON":
        handler.setFormatter(JsonFormatter())
        logging.getLogger().setLevel(os.environ.get("AWS_LAMBDA_LOG_LEVEL", "INFO"))
    else:
        handler.setFormatter(
            logging.Formatter(
                "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s",
                "%Y-%m-%dT%H:%M:%S",
            )
        )
    logging.Formatter.converter = time.gmtime
    logging.getLogger().addHandler(handler)


def fault(message: str, error_type: str, stack: Sequence[str] = ()) -> dict[str, Any]:
    """An error as Lambda returns it."""
    return {
        "errorMessage": message,
        "errorType": error_type,
        "requestId": _request_id,
        "stackTrace": list(stack),
    }


def stack_of(trace: TracebackType | None) -> list[str]:
    """The frames of the function's own code."""
    frames = traceback.extract_tb(trace)
    own = [index for index, frame in enumerate(frames) if frame.filename != __file__]
    return traceback.format_list(frames[own[0] :]) if own else []


def log_fault(error: dict[str, Any]) -> None:
    """The log event that an unhandled error leaves."""
    if os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON":
        write_record(json.dumps({"level": "ERROR", **error}))
        return
    lines = [f"[ERROR] {error['errorType']}: {error['errorMessage']}"]
    if error["stackTrace"]:
        lines += ["Traceback (most recent call last):", "".join(error["stackTrace"])]
    write_record("\n".join(lines))


def load(handler: str) -> Callable[[Any, Any], Any] | dict[str, Any]:
    """The handler, or the error that AWS's runtime reports in its place."""
    try:
        module_name, function_name = handler.rsplit(".", 1)
    except ValueError as error:
        return fault(f"Bad handler '{handler}': {error}", "Runtime.MalformedHandlerName")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        return fault(
            f"Unable to import module '{module_name}': {error}", "Runtime.ImportModuleError"
        )
    except SyntaxError as error:
        where = f'  File "{error.filename}" Line {error.lineno}\n    {error.text}'
        return fault(
            f"Syntax error in module '{module_name}': {error}",
            "Runtime.UserCodeSyntaxError",
            [where],
        )
    except Exception as error:
        return fault(str(error), type(error).__name__, stack_of(error.__traceback__))
    function = getattr(module, function_name, None)
    if function is None:
        return fault(
            f"Handler '{function_name}' missing on module '{module_name}'",
            "Runtime.HandlerNotFound",
        )
    found: Callable[[Any, Any], Any] = function
    return found


def plain(value: Any) -> Any:
    """What JSON does not know, but handlers return: DynamoDB's numbers."""
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def answer(
    handler: Callable[[Any, Any], Any] | dict[str, Any], invocation: dict[str, Any]
) -> dict[str, Any]:
    """Run the handler: ``{"result": JSON text}`` or ``{"error": fault}``."""
    if isinstance(handler, dict):
        error = {**handler, "requestId": _request_id}
        log_fault(error)
        return {"error": error}
    try:
        event = json.loads(invocation["event"])
        result = handler(event, Context(invocation))
    except Exception as exception:
        error = fault(str(exception), type(exception).__name__, stack_of(exception.__traceback__))
        log_fault(error)
        return {"error": error}
    try:
        return {"result": json.dumps(result, default=plain)}
    except (TypeError, ValueError) as exception:
        error = fault(f"Unable to marshal response: {exception}", "Runtime.MarshalError")
        log_fault(error)
        return {"error": error}


def main(descriptor: int) -> None:
    """Load the handler, say so, and answer one event after another."""
    global _request_id  # noqa: PLW0603
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    sys.meta_path.append(Libraries(os.environ.pop("LOCAL_AWS_SITE_PACKAGES")))
    set_up_logging()
    handler = load(os.environ["_HANDLER"])
    channel = socket.socket(fileno=descriptor)
    with channel, channel.makefile("rw", encoding="utf-8", newline="\n") as stream:
        print(json.dumps({"ready": True}), file=stream, flush=True)
        for line in stream:
            invocation = json.loads(line)
            _request_id = invocation["request_id"]
            os.environ["_X_AMZN_TRACE_ID"] = invocation["trace_id"]
            reply = answer(handler, invocation)
            # Everything that the function printed stands before this mark in its output.
            with contextlib.suppress(ValueError):
                sys.stdout.flush()
            os.write(2, f"\0{_request_id}\n".encode())
            print(json.dumps(reply), file=stream, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
