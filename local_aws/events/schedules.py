"""Fires schedules of EventBridge Scheduler, and rules that have a schedule, in real time."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from moto.events.models import events_backends
from moto.scheduler.exceptions import ScheduleNotFound, ValidationException
from moto.scheduler.models import EventBridgeSchedulerBackend, scheduler_backends

from local_aws.events.delivery import Courier, Delivery
from local_aws.events.expressions import At, ExpressionError, parse
from local_aws.events.inputs import filled
from local_aws.events.rules import deliver, scheduled_event
from local_aws.events.timetable import TICK_SECONDS, Recurrence, Timetable

LOG = logging.getLogger(__name__)
SERVICE = "scheduler.amazonaws.com"


def install() -> None:
    """Refuse expressions that are none when a schedule is made or changed."""
    for operation in ("create_schedule", "update_schedule"):
        setattr(
            EventBridgeSchedulerBackend,
            operation,
            _checked(getattr(EventBridgeSchedulerBackend, operation)),
        )


def _checked(stock: Any) -> Any:
    def checked(backend: Any, **given: Any) -> Any:
        zone = given.get("schedule_expression_timezone") or "UTC"
        try:
            parse(given["schedule_expression"], zone)
        except ExpressionError as error:
            raise ValidationException(
                f"Invalid Schedule Expression {given['schedule_expression']}. ({error})"
            ) from error
        return stock(backend, **given)

    return checked


class Clock:
    """Looks at every schedule once a second."""

    def __init__(self, courier: Courier) -> None:
        self._courier = courier
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="schedules", daemon=True)
        self._timetable = Timetable()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; nothing fires any more."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stopping.wait(TICK_SECONDS):
            try:
                self.tick(datetime.now(UTC))
            except Exception:  # one broken schedule must not end all others
                LOG.exception("schedules")

    def tick(self, now: datetime) -> None:
        """Fire what became due."""
        for schedule in _schedules():
            end = _moment(schedule.end_date)
            recurrence = Recurrence(
                expression=schedule.schedule_expression,
                zone=schedule.schedule_expression_timezone or "UTC",
                enabled=schedule.state == "ENABLED",
                begin=_moment(schedule.start_date) or _moment(schedule.creation_date) or now,
            )
            due = self._timetable.due(schedule.arn, recurrence, now)
            if due is not None and (end is None or due <= end):
                self.fire(schedule, due)
        for rule in _rules():
            recurrence = Recurrence(
                expression=rule.scheduled_expression,
                zone="UTC",
                enabled=rule.state == "ENABLED",
                begin=self._timetable.begin_of(rule.arn, now),
            )
            due = self._timetable.due(rule.arn, recurrence, now)
            if due is not None:
                deliver(self._courier, rule, scheduled_event(rule, due))

    def fire(self, schedule: Any, due: datetime) -> None:
        """Send a schedule's target what it is to receive."""
        target = schedule.target
        text = target.get("Input") or "{}"
        values = {
            "aws.scheduler.schedule-arn": schedule.arn,
            "aws.scheduler.scheduled-time": due.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "aws.scheduler.execution-id": str(uuid.uuid4()),
            "aws.scheduler.attempt-number": "1",
        }
        known = {name: value for name, value in values.items() if f"<{name}>" in text}
        self._courier.post(
            Delivery(
                service=SERVICE,
                source_arn=schedule.arn,
                target=target,
                payload=filled(text, known) if known else text,
            )
        )
        once = isinstance(
            parse(schedule.schedule_expression, schedule.schedule_expression_timezone), At
        )
        if once and schedule.action_after_completion == "DELETE":
            _remove(schedule)

    def trigger(self, group: str, name: str) -> str | None:
        """Fire a schedule now, whatever its expression and state; None if there is none."""
        for schedule in _schedules():
            if (schedule.group_name, schedule.name) == (group, name):
                self.fire(schedule, datetime.now(UTC))
                return f"{group}/{name} fired"
        return None


def _schedules() -> Iterator[Any]:
    for account in list(scheduler_backends.values()):
        for backend in list(account.values()):
            for group in list(backend.schedule_groups.values()):
                yield from list(group.schedules.values())


def _rules() -> Iterator[Any]:
    for account in list(events_backends.values()):
        for backend in list(account.values()):
            for bus in list(backend.event_buses.values()):
                for rule in list(bus.rules.values()):
                    if rule.scheduled_expression:
                        yield rule


def _remove(schedule: Any) -> None:
    region, account = schedule.arn.split(":")[3:5]
    try:
        scheduler_backends[account][region].delete_schedule(schedule.group_name, schedule.name)
    except ScheduleNotFound:
        LOG.debug("%s is gone already", schedule.arn)


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.fromtimestamp(float(value), UTC)
