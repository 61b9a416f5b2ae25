"""Runs scheduled actions when their time comes, in real time at any speed of the local AWS."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from moto.applicationautoscaling.models import (
    FakeScheduledAction,
    applicationautoscaling_backends,
)

from local_aws.autoscaling.backend import LiveAutoscalingBackend
from local_aws.events.timetable import TICK_SECONDS, Recurrence, Timetable

_log = logging.getLogger(__name__)

Run = Callable[[LiveAutoscalingBackend, FakeScheduledAction], None]


def every_action() -> Iterator[tuple[LiveAutoscalingBackend, FakeScheduledAction]]:
    """Every scheduled action, with the backend that has it."""
    for account in list(applicationautoscaling_backends.values()):
        for backend in list(account.values()):
            if isinstance(backend, LiveAutoscalingBackend):
                for action in list(backend.scheduled_actions):
                    yield backend, action


class Clock:
    """Looks at every scheduled action once a second.

    Args:
        run: called with an action that is due, and with the backend that has it.
        actions: gives the actions.
    """

    def __init__(
        self,
        run: Run,
        actions: Callable[
            [], Iterable[tuple[LiveAutoscalingBackend, FakeScheduledAction]]
        ] = every_action,
    ) -> None:
        self._execute = run
        self._actions = actions
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scheduled-actions", daemon=True)
        self._timetable = Timetable()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; nothing runs any more."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def tick(self, now: datetime) -> None:
        """Run what became due.

        A start and an end time bound a recurring schedule; without a recurring one, the start time
        is when ``at`` may be due first.
        """
        for backend, action in self._actions():
            end = _moment(action.end_time)
            recurrence = Recurrence(
                expression=action.schedule,
                zone=action.timezone or "UTC",
                enabled=True,
                begin=_moment(action.start_time)
                or datetime.fromtimestamp(action.creation_time, UTC),
            )
            due = self._timetable.due(f"{action.arn} {action.scalable_dimension}", recurrence, now)
            if due is not None and (end is None or due <= end):
                self._execute(backend, action)

    def trigger(self, resource_id: str, name: str) -> str | None:
        """Run a scheduled action now, whatever its schedule; None if there is none."""
        for backend, action in self._actions():
            if (action.resource_id, action.scheduled_action_name) == (resource_id, name):
                self._execute(backend, action)
                return f"{name} of {resource_id} was run"
        return None

    def _run(self) -> None:
        while not self._stopping.wait(TICK_SECONDS):
            try:
                self.tick(datetime.now(UTC))
            except Exception:  # one broken action must not end all others
                _log.exception("scheduled actions")


def _moment(value: Any) -> datetime | None:
    """A time of the API, which moto keeps as it came: in seconds since 1970."""
    return None if value is None else datetime.fromtimestamp(float(value), UTC)
