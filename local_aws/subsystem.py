"""What a part of the local AWS offers to the server that runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from local_aws.cloud import Cloud

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Subsystem:
    """One part of the local AWS; each hook is optional.

    The server calls, in this order: `install` of every subsystem before moto's first use, `wrap` of
    every subsystem (the first one is outermost), then, when requests are answered, `start` of every
    subsystem; on shutdown `stop` of every subsystem in reverse order.
    """

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def install(self) -> None:
        """Extend moto: replace a backend, register a provider. Nothing may call the server yet."""

    def wrap(self, app: WsgiApp) -> WsgiApp:
        """Put a WSGI middleware around the application."""
        return app

    def start(self) -> None:
        """Start background work; the server answers requests now."""

    def stop(self) -> None:
        """End background work and child processes."""
