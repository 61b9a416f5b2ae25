"""How many instances of a type there are to be had: as many as one likes, unless told otherwise.

``PUT /_local-aws/capacity/ml.m5.large`` with the body ``{"Instances": 0}`` makes the type scarce,
``DELETE`` plentiful again. AWS has no such call; who tests what happens without capacity needs one.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from local_aws.subsystem import WsgiApp

_PATH = re.compile(r"/_local-aws/capacity/(ml\.[a-z0-9.-]+)")


class Capacity:
    """Instances by type: how many are used, and how many there are."""

    def __init__(self) -> None:
        self._used: Counter[str] = Counter()
        self._limits: dict[str, int] = {}
        self._lock = threading.Lock()

    def limit(self, instance_type: str, count: int | None) -> None:
        """Let there be ``count`` instances; None lifts the limit. Those that run stay."""
        with self._lock:
            if count is None:
                self._limits.pop(instance_type, None)
            else:
                self._limits[instance_type] = count

    def take(self, instance_type: str) -> bool:
        """Take one instance; False if there is none."""
        with self._lock:
            limit = self._limits.get(instance_type)
            if limit is not None and self._used[instance_type] >= limit:
                return False
            self._used[instance_type] += 1
            return True

    def give_back(self, instance_type: str) -> None:
        """One instance has ended."""
        with self._lock:
            self._used[instance_type] -= 1


CAPACITY = Capacity()


class CapacityMiddleware:
    """Answers the calls about capacity and passes on all others."""

    def __init__(self, app: WsgiApp) -> None:
        self._app = app

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer one request."""
        match = _PATH.fullmatch(environ.get("PATH_INFO", ""))
        method = environ.get("REQUEST_METHOD")
        if match is None or method not in {"PUT", "DELETE"}:
            return self._app(environ, start_response)
        content = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        try:
            count = int(json.loads(content)["Instances"]) if method == "PUT" else None
        except (ValueError, KeyError, TypeError):
            status, message = "400 BAD REQUEST", 'the body must be like {"Instances": 0}'
        else:
            CAPACITY.limit(match[1], count)
            status, message = "200 OK", f"{match[1]}: {'no limit' if count is None else count}"
        body = json.dumps({"message": message}).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response(status, headers)
        return [body]
