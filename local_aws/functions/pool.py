"""Warm execution environments, reused as Lambda reuses them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from local_aws.cloud import Cloud
from local_aws.functions.function import LiveFunction
from local_aws.functions.sandbox import Sandbox

# Idle processes are kept for this many functions; the one that was idle longest goes first.
IDLE_PROCESSES = 16


class ThrottledError(Exception):
    """As many runs are under way as the function's reserved concurrency allows."""


class Pool:
    """Gives each run a process of its own, a warm one where there is one."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._idle: list[Sandbox] = []
        self._busy: set[Sandbox] = set()
        self._running: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._stopped = False

    @contextmanager
    def sandbox(self, function: LiveFunction, *, wait: bool) -> Iterator[Sandbox]:
        """A process for one run.

        Args:
            function: what it runs.
            wait: wait for one where the reserved concurrency is used up.

        Raises:
            ThrottledError: the reserved concurrency is used up.
        """
        name = function.function_name
        limit = function.reserved_concurrency
        with self._changed:
            free = limit is None or self._running[name] < int(limit)
            if self._stopped or (not free and not (wait and int(limit or 0) > 0)):
                raise ThrottledError(name)
            self._changed.wait_for(lambda: limit is None or self._running[name] < int(limit))
            self._running[name] += 1
        try:
            sandbox = self._warm(function) or Sandbox(self._cloud, function)
            with self._changed:
                self._busy.add(sandbox)
            try:
                yield sandbox
            finally:
                self._release(sandbox)
        finally:
            with self._changed:
                self._running[name] -= 1
                self._changed.notify_all()

    def stop(self) -> None:
        """End all processes."""
        with self._changed:
            self._stopped = True
            sandboxes = [*self._idle, *self._busy]
            self._idle = []
        # Each may take its time to end; all together they take as long as the slowest.
        with ThreadPoolExecutor(max(1, len(sandboxes))) as threads:
            list(threads.map(Sandbox.close, sandboxes))

    def forget(self, function_arn: str) -> None:
        """End the idle processes of a function that was deleted, all its versions."""
        with self._changed:
            gone = [entry for entry in self._idle if entry.arn.startswith(f"{function_arn}:")]
            self._idle = [entry for entry in self._idle if entry not in gone]
        for entry in gone:
            entry.close()

    def _warm(self, function: LiveFunction) -> Sandbox | None:
        """An idle process of the function; those of what it was before a change are ended."""
        with self._changed:
            own = [entry for entry in self._idle if entry.arn == function.qualified_arn]
            current = [
                entry for entry in own if entry.revision == function.revision and entry.usable
            ]
            stale = [entry for entry in own if entry not in current]
            taken = current[-1:]
            self._idle = [entry for entry in self._idle if entry not in (*stale, *taken)]
        for entry in stale:
            entry.close()
        return taken[0] if taken else None

    def _release(self, sandbox: Sandbox) -> None:
        with self._changed:
            self._busy.discard(sandbox)
            self._idle.append(sandbox)
            ended = [entry for entry in self._idle if not entry.usable]
            kept = [entry for entry in self._idle if entry.usable]
            surplus = kept[: max(0, len(kept) - IDLE_PROCESSES)]
            self._idle = [] if self._stopped else kept[len(surplus) :]
            if self._stopped:
                surplus = kept
        for entry in (*ended, *surplus):
            entry.close()
