"""Calls of our own that fire at once what would fire when its time comes.

Schedules run in real time, at any speed of the local AWS. AWS has no such call; tests and the
impatient need one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from local_aws.subsystem import WsgiApp

Fire = Callable[..., str | None]
"""Fires what the parts of the path name; says what it fired, None if there is no such thing."""


class TriggerMiddleware:
    """Answers the POSTs to one kind of path and passes on all other calls.

    Args:
        app: what answers the others.
        path: matches the paths; its groups are what ``fire`` gets.
        fire: does it.
    """

    def __init__(self, app: WsgiApp, path: str, fire: Fire) -> None:
        self._app = app
        self._path = re.compile(path)
        self._fire = fire

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer one request."""
        match = self._path.fullmatch(environ.get("PATH_INFO", ""))
        if match is None or environ.get("REQUEST_METHOD") != "POST":
            return self._app(environ, start_response)
        fired = self._fire(*match.groups())
        message = fired if fired is not None else f"nothing to fire at {match[0]}"
        body = json.dumps({"message": message}).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("404 NOT FOUND" if fired is None else "202 ACCEPTED", headers)
        return [body]
