"""A way to fire a schedule without waiting for its time.

``POST /_local-aws/schedules/<group>/<name>`` fires it now. AWS has no such call; tests and the
impatient need one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from local_aws.events.schedules import Clock
from local_aws.subsystem import WsgiApp

_PATH = re.compile(r"/_local-aws/schedules/([^/]+)/([^/]+)")


class TriggerMiddleware:
    """Answers the one call and passes on all others."""

    def __init__(self, app: WsgiApp, clock: Clock) -> None:
        self._app = app
        self._clock = clock

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer one request."""
        match = _PATH.fullmatch(environ.get("PATH_INFO", ""))
        if match is None or environ.get("REQUEST_METHOD") != "POST":
            return self._app(environ, start_response)
        group, name = match.groups()
        fired = self._clock.trigger(group, name)
        message = f"{group}/{name} fired" if fired else f"no schedule {name} in group {group}"
        body = json.dumps({"message": message}).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("202 ACCEPTED" if fired else "404 NOT FOUND", headers)
        return [body]
