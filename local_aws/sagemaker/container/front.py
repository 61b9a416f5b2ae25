"""The HTTP server in front of the workers: nginx's part, and what gunicorn does before a worker."""

from __future__ import annotations

import socket
import sys
import threading
import time
from http import HTTPStatus

from local_aws.sagemaker.container.pages import nginx_page
from local_aws.sagemaker.container.request import (
    RefusedError,
    Request,
    gunicorn_refusal,
    read_request,
)
from local_aws.sagemaker.container.wire import Head
from local_aws.sagemaker.container.workers import (
    WorkerFailedError,
    WorkerPool,
    WorkerTimeoutError,
)

# nginx passes on what begins so, and answers the rest itself.
_PASSED_ON = ("/ping", "/invocations", "/execution-parameters")
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_WITHOUT_BODY = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}


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
                while request := read_request(incoming, lambda: connection.sendall(_CONTINUE)):
                    answer = self._answer(request)
                    rendered, whole = _rendered(request, answer)
                    connection.sendall(rendered)
                    _log(request.line, request.header("user-agent"), answer)
                    if not (request.keep_alive and whole):
                        return
            except RefusedError as error:
                _log(error.line, None, error.answer)
                connection.sendall(_rendered(None, error.answer)[0])
                _drain(connection)
            except ConnectionError:
                return

    def _answer(self, request: Request) -> tuple[Head, bytes]:
        if not request.location.startswith(_PASSED_ON):
            return {"status": 404, "headers": [("Content-Type", "application/octet-stream")]}, b"{}"
        refused = gunicorn_refusal(request)
        if refused is not None:
            return refused
        head: Head = {
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "headers": request.headers,
        }
        try:
            return self._pool.answer(head, request.body)
        except WorkerTimeoutError:
            return nginx_page(504)
        except WorkerFailedError:
            return nginx_page(502)


def _rendered(request: Request | None, answer: tuple[Head, bytes]) -> tuple[bytes, bool]:
    """An answer on the wire, and whether it has the length that it says.

    Args:
        request: what it answers; None if it was refused.
        answer: head and body.
    """
    head, body = answer
    status = head["status"]
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    said = {name.lower(): value for name, value in head["headers"]}
    length = int(said.get("content-length", len(body)))
    headers = [
        f"{name}: {value}"
        for name, value in head["headers"]
        # nginx leaves out a header without a value.
        if value and name.lower() not in {"content-length", "connection", "transfer-encoding"}
    ]
    if status not in _WITHOUT_BODY:
        headers.append(f"Content-Length: {length}")
    bodiless = request is not None and request.method == "HEAD"
    sent = b"" if bodiless else body[:length]
    whole = bodiless or len(sent) == length
    keep = request is not None and request.keep_alive and whole
    lines = [
        f"HTTP/1.1 {status} {phrase}",
        *headers,
        f"Connection: {'keep-alive' if keep else 'close'}",
        "\r\n",
    ]
    return "\r\n".join(lines).encode("latin-1") + sent, whole


def _drain(connection: socket.socket) -> None:
    """Take what the client still sends: a reset would take the answer away from it."""
    connection.shutdown(socket.SHUT_WR)
    connection.settimeout(1)
    try:
        while connection.recv(1 << 16):
            pass
    except OSError:
        return


def _log(line: str, agent: str | None, answer: tuple[Head, bytes]) -> None:
    """One line of nginx's access log."""
    when = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime())
    head, body = answer
    sys.stdout.write(
        f'127.0.0.1 - - [{when}] "{line}" {head["status"]} {len(body)} "-" "{agent or "-"}"\n'
    )
    sys.stdout.flush()
