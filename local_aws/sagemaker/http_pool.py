"""A pool of keep-alive connections to one port on loopback."""

from __future__ import annotations

import http.client
from collections import deque
from collections.abc import Mapping
from typing import NamedTuple


class HttpAnswer(NamedTuple):
    """An answer, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class UnreachableError(Exception):
    """Nobody answers: the connection was refused, or closed before an answer."""


class HttpPool:
    """Connections that are used again, by any number of threads."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: deque[http.client.HTTPConnection] = deque()

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str],
        timeout: float,
    ) -> HttpAnswer:
        """Send one request.

        Raises:
            TimeoutError: no answer within ``timeout`` seconds.
            UnreachableError: nobody answers.
        """
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=timeout)
        try:
            if connection.sock is not None:
                connection.sock.settimeout(timeout)
            connection.request(method, path, body=body or None, headers=dict(headers))
            response = connection.getresponse()
            # Names in lower case: the container chooses their case.
            found = {name.lower(): value for name, value in response.getheaders()}
            answer = HttpAnswer(response.status, found, response.read())
        except TimeoutError:
            connection.close()
            raise
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise UnreachableError(str(error)) from error
        if response.will_close:
            connection.close()
        else:
            self._idle.append(connection)
        return answer

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop().close()
