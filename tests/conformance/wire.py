"""Requests as bytes, and what comes back for them."""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
from dataclasses import dataclass

TIMEOUT = 120
# What a handler or the framework says; nginx's own Server, Date and Connection do not count.
_COMPARED = {
    *("content-type", "allow", "location", "retry-after", "x-a"),
    "x-amzn-sagemaker-custom-attributes",
}


@dataclass(frozen=True)
class Answered:
    """What came back: the status 0 is an answer cut off, or none."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @property
    def content_type(self) -> str | None:
        """The Content-Type."""
        return dict(self.headers).get("content-type")


def send(method: str, path: str, *headers: str, body: bytes | str | None = None) -> bytes:
    """A request with a Host, and with the length of its body if it has one."""
    content = body.encode() if isinstance(body, str) else body
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *headers]
    if content is not None:
        lines.append(f"Content-Length: {len(content)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (content or b"")


def invoke(
    body: bytes | str = "1,2", content_type: str | None = None, accept: str | None = None
) -> bytes:
    """An invocation."""
    headers = {"Content-Type": content_type, "Accept": accept}
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return send("POST", "/invocations", *lines, body=body)


def exchange(port: int, request: bytes) -> Answered:
    """Send a request on a connection of its own."""
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as connection:
        # A server that refuses the head does not wait for the body.
        with contextlib.suppress(ConnectionError):
            connection.sendall(request)
        return receive(connection, request.partition(b" ")[0].decode("latin-1"))


def receive(connection: socket.socket, method: str = "POST") -> Answered:
    """The next answer on a connection."""
    response = http.client.HTTPResponse(connection, method=method)
    try:
        response.begin()
        body = response.read()
    except (http.client.HTTPException, ConnectionError):
        return Answered(0)
    headers = [(name.lower(), value) for name, value in response.getheaders()]
    compared = [
        # Flask gives the methods in no order.
        (name, ", ".join(sorted(value.split(", "))) if name == "allow" else value)
        for name, value in sorted(headers)
        if name in _COMPARED
    ]
    # The pages of nginx name its version.
    body = re.sub(rb"nginx/[0-9.]+", b"nginx", body)
    return Answered(response.status, tuple(compared), body)
