"""Reads requests as nginx does, and refuses what nginx and gunicorn refuse."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import unquote_to_bytes

from local_aws.sagemaker.container.pages import gunicorn_page, nginx_page
from local_aws.sagemaker.container.wire import Head

# nginx's buffer for one line of a head, and how many such buffers a head may fill.
_MAX_LINE, _MAX_HEAD = 8192, 4 * 8192
# gunicorn's limits of a request line and of the number of header fields.
_MAX_REQUEST_LINE, _MAX_FIELDS = 4094, 100
_METHOD = re.compile(r"[A-Z_-]+")
_VERSION = re.compile(r"HTTP/(\d)\.(\d+)")
_TARGET = re.compile(r"(?:(?i:https?)://[^/?#]+)?(?P<path>/[^?#]*)(?:\?(?P<query>[^#]*))?(?:#.*)?")
# Other names nginx leaves out, those with an underscore among them.
_NAME = re.compile(r"[A-Za-z0-9-]+")
_BAD_HOST = re.compile(r"[\x00-\x20/\x7f]|\.\.")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")
# What nginx keeps to itself.
_NOT_PASSED_ON = {
    *("connection", "content-length", "expect", "host", "keep-alive"),
    *("te", "transfer-encoding", "upgrade", "x-forwarded-for"),
}


class RefusedError(Exception):
    """A request that does not reach a worker.

    Attributes:
        answer: what the client gets instead. The connection is closed after it.
        line: the request line, as far as it was read.
    """

    def __init__(self, answer: tuple[Head, bytes], line: str) -> None:
        super().__init__(line)
        self.answer = answer
        self.line = line


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request that nginx takes.

    Attributes:
        line: the request line.
        method: the method.
        location: the path as nginx compares it: decoded, without dots and repeated slashes.
        path: the path as gunicorn hands it on: decoded, each byte a character.
        query: what follows the question mark.
        headers: those that nginx passes on.
        keep_alive: whether the connection stays open.
        body: the whole body.
    """

    line: str
    method: str
    location: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    keep_alive: bool
    body: bytes

    def header(self, name: str) -> str | None:
        """The first header of this lower-case name."""
        return _first(self.headers, name)


def gunicorn_refusal(request: Request) -> tuple[Head, bytes] | None:
    """What gunicorn answers without asking the application; None if it does not."""
    # nginx speaks HTTP/1.0 to it.
    line = len(re.sub(r"HTTP/1\.\d+$", "HTTP/1.0", request.line))
    if line > _MAX_REQUEST_LINE:
        return gunicorn_page(400, f"Request Line is too large ({line} > {_MAX_REQUEST_LINE})")
    # nginx adds Connection, and Content-Length where there is a body.
    if len(request.headers) + 1 + bool(request.body) > _MAX_FIELDS:
        return gunicorn_page(431, "Error parsing headers: 'limit request headers fields'")
    return None


def read_request(incoming: BinaryIO, go_on: Callable[[], None]) -> Request | None:
    """The next request of a connection; None when the client has closed it.

    Args:
        incoming: what the client sends.
        go_on: tells the client to send the body for which it wants to be asked.

    Raises:
        RefusedError: nginx refuses it.
        ConnectionResetError: the client went away within it.
    """
    line = b"\r\n"
    while line in (b"\r\n", b"\n"):
        line = incoming.readline(_MAX_LINE + 1)
    if not line:
        return None
    request_line = line.decode("latin-1").rstrip("\r\n")

    def refuse(status: int, detail: str | None = None) -> RefusedError:
        return RefusedError(nginx_page(status, detail), request_line)

    if len(line) > _MAX_LINE:
        raise refuse(414)
    method, target, minor = _request_line(request_line, refuse)
    headers = _headers(incoming, refuse)
    _check_host(headers, minor, refuse)
    location = _location(target["path"], refuse)
    connection = (_first(headers, "connection") or "").lower()
    host = _first(headers, "host") or "localhost"
    forwarded = [value for name, value in headers if name.lower() == "x-forwarded-for"]
    if (_first(headers, "expect") or "").lower() == "100-continue" and minor >= 1:
        go_on()
    return Request(
        line=request_line,
        method=method,
        location=location,
        path=unquote_to_bytes(target["path"].encode("latin-1")).decode("latin-1"),
        query=target["query"] or "",
        headers=[
            ("X-Forwarded-For", ", ".join([*forwarded, "127.0.0.1"])),
            ("Host", host),
            *(found for found in headers if found[0].lower() not in _NOT_PASSED_ON),
        ],
        keep_alive=connection == "keep-alive" if minor == 0 else connection != "close",
        body=_body(incoming, headers, minor, refuse),
    )


_Refuse = Callable[..., RefusedError]


def _request_line(line: str, refuse: _Refuse) -> tuple[str, re.Match[str], int]:
    method, _, rest = line.partition(" ")
    target, _, version = rest.partition(" ")
    matched, spoken = _TARGET.fullmatch(target), _VERSION.fullmatch(version)
    if not _METHOD.fullmatch(method) or matched is None or spoken is None:
        raise refuse(400)
    if spoken[1] != "1":
        raise refuse(505 if int(spoken[1]) > 1 else 400)
    if method in {"TRACE", "CONNECT"}:
        raise refuse(405)
    return method, matched, int(spoken[2])


def _location(path: str, refuse: _Refuse) -> str:
    if _BAD_PERCENT.search(path):
        raise refuse(400)
    parts: list[str] = []
    segments = unquote_to_bytes(path.encode("latin-1")).decode("latin-1").split("/")
    for segment in segments:
        if segment == "..":
            if not parts:
                raise refuse(400)
            parts.pop()
        elif segment not in {"", "."}:
            parts.append(segment)
    return "/" + "/".join(parts)


def _headers(incoming: BinaryIO, refuse: _Refuse) -> list[tuple[str, str]]:
    headers, size = [], 0
    while (line := incoming.readline(_MAX_LINE + 1)) not in (b"\r\n", b"\n"):
        if not line:
            raise ConnectionResetError
        size += len(line)
        if len(line) > _MAX_LINE or size > _MAX_HEAD:
            raise refuse(400, "Request Header Or Cookie Too Large")
        name, colon, value = line.decode("latin-1").rstrip("\r\n").partition(":")
        if name[:1] in " \t" or name[-1:] in " \t" or "\0" in value:
            raise refuse(400)
        if colon and _NAME.fullmatch(name):
            headers.append((name, value.strip(" \t")))
    return headers


def _check_host(headers: list[tuple[str, str]], minor: int, refuse: _Refuse) -> None:
    hosts = [value for name, value in headers if name.lower() == "host"]
    if len(hosts) > 1 or (not hosts and minor >= 1):
        raise refuse(400)
    if hosts and _BAD_HOST.search(hosts[0]):
        raise refuse(400)


def _body(incoming: BinaryIO, headers: list[tuple[str, str]], minor: int, refuse: _Refuse) -> bytes:
    lengths = [value for name, value in headers if name.lower() == "content-length"]
    coding = _first(headers, "transfer-encoding")
    if coding is not None:
        if coding.lower() != "chunked":
            raise refuse(501)
        if lengths or minor == 0:
            raise refuse(400)
        return _dechunked(incoming, refuse)
    if len(lengths) > 1 or not all(re.fullmatch(r"[0-9]+", length) for length in lengths):
        raise refuse(400)
    return _exactly(incoming, int(lengths[0]) if lengths else 0)


def _exactly(incoming: BinaryIO, length: int) -> bytes:
    body = incoming.read(length)
    if len(body) != length:
        raise ConnectionResetError
    return body


def _dechunked(incoming: BinaryIO, refuse: _Refuse) -> bytes:
    parts = []
    while True:
        size = incoming.readline(_MAX_LINE).partition(b";")[0].strip()
        if not re.fullmatch(rb"[0-9A-Fa-f]+", size):
            raise refuse(400)
        if int(size, 16) == 0:
            break
        parts.append(_exactly(incoming, int(size, 16)))
        if incoming.readline(3) not in (b"\r\n", b"\n"):
            raise refuse(400)
    while incoming.readline(_MAX_LINE) not in (b"\r\n", b"\n", b""):
        pass
    return b"".join(parts)


def _first(headers: list[tuple[str, str]], name: str) -> str | None:
    return next((value for key, value in headers if key.lower() == name), None)
