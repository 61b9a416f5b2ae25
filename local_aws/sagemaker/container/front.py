"""The HTTP server in front of the workers: nginx's part."""

from __future__ import annotations

import socket
import sys
import threading
import time
from http import HTTPStatus
from typing import BinaryIO, NamedTuple

from local_aws.sagemaker.container.wire import Head
from local_aws.sagemaker.container.workers import (
    WorkerFailedError,
    WorkerPool,
    WorkerTimeoutError,
)

# nginx passes on what begins so, and answers the rest itself.
_PASSED_ON = ("/ping", "/invocations", "/execution-parameters")
_MAX_LINE = 1 << 16


class _Request(NamedTuple):
    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)


class _BadRequestError(Exception):
    """Not HTTP."""


class Front:
    """Serves HTTP/1.1 with keep-alive, one thread a connection."""

    def __init__(self, listener: socket.socket, pool: WorkerPool) -> None:
        self._listener = listener
        self._pool = pool

    def serve(self) -> None:
        """Accept connections for ever."""
        while True:
            connection, _ = self._listener.accept()
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, connection.makefile("rb") as incoming:
            try:
                while (request := _read(incoming)) is not None:
                    keep = (request.header("connection") or "").lower() != "close"
                    head, body = self._answer(request)
                    connection.sendall(_rendered(head, body, keep=keep, method=request.method))
                    _log(request, head, body)
                    if not keep:
                        return
            except _BadRequestError:
                connection.sendall(_rendered(*_page(400), keep=False, method="GET"))
            except ConnectionError:
                return

    def _answer(self, request: _Request) -> tuple[Head, bytes]:
        path, _, query = request.target.partition("?")
        if not path.startswith(_PASSED_ON):
            return {"status": 404, "headers": [("Content-Type", "application/octet-stream")]}, b"{}"
        head: Head = {
            "method": request.method,
            "path": path,
            "query": query,
            "headers": request.headers,
        }
        try:
            return self._pool.answer(head, request.body)
        except WorkerTimeoutError:
            return _page(504)
        except WorkerFailedError:
            return _page(502)


def _read(incoming: BinaryIO) -> _Request | None:
    """The next request; None when the client has closed the connection."""
    line = incoming.readline(_MAX_LINE)
    if not line:
        return None
    try:
        method, target, _version = line.decode("latin-1").split()
    except ValueError as error:
        raise _BadRequestError from error
    headers = []
    while (line := incoming.readline(_MAX_LINE)) not in (b"\r\n", b"\n"):
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise _BadRequestError
        headers.append((name.strip(), value.strip()))
    request = _Request(method, target, headers, b"")
    if (request.header("transfer-encoding") or "").lower() == "chunked":
        # The worker gets the body whole, with its length.
        plain = [found for found in headers if found[0].lower() != "transfer-encoding"]
        return request._replace(headers=plain, body=_dechunked(incoming))
    try:
        length = int(request.header("content-length") or 0)
    except ValueError as error:
        raise _BadRequestError from error
    body = incoming.read(length)
    if len(body) != length:
        raise ConnectionResetError
    return request._replace(body=body)


def _dechunked(incoming: BinaryIO) -> bytes:
    parts = []
    try:
        while size := int(incoming.readline(_MAX_LINE).partition(b";")[0], 16):
            parts.append(incoming.read(size))
            incoming.readline(_MAX_LINE)
    except ValueError as error:
        raise _BadRequestError from error
    while incoming.readline(_MAX_LINE) not in (b"\r\n", b"\n", b""):
        pass
    return b"".join(parts)


def _page(status: int) -> tuple[Head, bytes]:
    """The page that nginx itself answers for an error."""
    title = f"{status} {HTTPStatus(status).phrase.replace('Gateway Timeout', 'Gateway Time-out')}"
    body = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
    return {"status": status, "headers": [("Content-Type", "text/html")]}, body.encode()


def _rendered(head: Head, body: bytes, *, keep: bool, method: str) -> bytes:
    status = head["status"]
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    lines = [f"HTTP/1.1 {status} {phrase}"]
    lines += [
        f"{name}: {value}"
        for name, value in head["headers"]
        if name.lower() not in {"content-length", "connection", "transfer-encoding"}
    ]
    lines += [
        f"Content-Length: {len(body)}",
        f"Connection: {'keep-alive' if keep else 'close'}",
        "\r\n",
    ]
    return "\r\n".join(lines).encode("latin-1") + (b"" if method == "HEAD" else body)


def _log(request: _Request, head: Head, body: bytes) -> None:
    """One line of nginx's access log."""
    when = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime())
    agent = request.header("user-agent") or "-"
    sys.stdout.write(
        f'127.0.0.1 - - [{when}] "{request.method} {request.target} HTTP/1.1" '
        f'{head["status"]} {len(body)} "-" "{agent}"\n'
    )
    sys.stdout.flush()
