"""Requests and answers between the front and its workers, as frames on a socket pair."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

_SIZES = struct.Struct("!IQ")
_CHUNK = 1 << 20

Head = dict[str, Any]


def send(channel: socket.socket, head: Head, body: bytes = b"") -> None:
    """Send one frame."""
    encoded = json.dumps(head).encode()
    channel.sendall(_SIZES.pack(len(encoded), len(body)) + encoded)
    if body:
        channel.sendall(body)


def receive(channel: socket.socket) -> tuple[Head, bytes] | None:
    """The next frame; None when the other side has ended."""
    sizes = _exactly(channel, _SIZES.size)
    if sizes is None:
        return None
    head_size, body_size = _SIZES.unpack(sizes)
    head = _exactly(channel, head_size)
    body = _exactly(channel, body_size)
    if head is None or body is None:
        return None
    return json.loads(head), body


def _exactly(channel: socket.socket, size: int) -> bytes | None:
    parts = []
    while size:
        try:
            part = channel.recv(min(size, _CHUNK))
        except ConnectionError:
            return None
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
