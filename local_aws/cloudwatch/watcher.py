"""Evaluates alarms as time passes and executes their actions."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from moto.cloudwatch.models import cloudwatch_backends

from local_aws.cloud import Cloud
from local_aws.cloudwatch.actions import execute
from local_aws.cloudwatch.alarms import Alarm, Change, CompositeAlarm, MetricAlarm
from local_aws.cloudwatch.backend import LiveCloudWatchBackend

_log = logging.getLogger(__name__)

# CloudWatch evaluates an alarm once a minute, one of a shorter period every ten seconds.
STANDARD, HIGH_RESOLUTION = 60.0, 10.0
SHORTEST_ROUND = 0.05
# How many rounds are made up for when a busy machine let them pass.
MOST_MISSED = 30


class Watcher:
    """A thread that looks at every alarm when its time has come."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cloudwatch-alarms", daemon=True)
        # End of the newest period that an alarm was evaluated on, by its ARN.
        self._evaluated: dict[str, float] = {}
        self._looked = math.inf

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End; returns when no action is being delivered any more."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        pause = max(SHORTEST_ROUND, HIGH_RESOLUTION / self._cloud.speed / 4)
        while not self._stopping.wait(min(pause, 0.25)):
            for moment in self._moments(time.time()):
                for account in list(cloudwatch_backends.values()):
                    for backend in list(account.values()):
                        if isinstance(backend, LiveCloudWatchBackend):
                            self._try_to_look(backend, moment)

    def _moments(self, now: float) -> Iterator[float]:
        """The present, and before it each round that has passed unseen.

        Without them a datapoint could come and go while this process got no time to run.
        """
        step = HIGH_RESOLUTION / self._cloud.speed
        missed = min(MOST_MISSED, int((now - self._looked) / step)) if now > self._looked else 0
        self._looked = now
        for count in range(missed, -1, -1):
            yield now - step * count

    def _try_to_look(self, backend: LiveCloudWatchBackend, now: float) -> None:
        try:
            self.look(backend, now)
        except Exception:
            _log.exception("alarms of %s were not evaluated", backend.region_name)

    def look(self, backend: LiveCloudWatchBackend, now: float) -> None:
        """Evaluate the alarms whose time has come, and execute what they ask for."""
        staying: list[Alarm] = []
        with backend.lock:
            alarms = list(backend.alarms.values())
            for alarm in alarms:
                if isinstance(alarm, MetricAlarm) and self._evaluate(backend, alarm, now):
                    staying.append(alarm)
            # Children may be composite too: look until nothing changes.
            while any(
                _follow(backend, alarm) for alarm in alarms if isinstance(alarm, CompositeAlarm)
            ):
                pass
        for alarm, change in backend.take_changes():
            self._act(alarm, change)
        for alarm in staying:
            self._go_on(alarm)

    def _evaluate(self, backend: LiveCloudWatchBackend, alarm: MetricAlarm, now: float) -> bool:
        """Evaluate if due; returns whether the alarm was evaluated and stays in its state."""
        every = (STANDARD if alarm.period >= STANDARD else HIGH_RESOLUTION) / self._cloud.speed
        until = math.floor(now / every) * every
        if self._evaluated.get(alarm.arn) == until:
            return False
        self._evaluated[alarm.arn] = until
        verdict = alarm.evaluate(backend.store, until=until, speed=self._cloud.speed)
        alarm.values = () if verdict is None else verdict.values
        if verdict is None or verdict.state == alarm.state:
            return True
        backend.change(alarm, verdict.state, verdict.reason, alarm.describe_verdict(verdict))
        return False

    def _act(self, alarm: Alarm, change: Change) -> None:
        if alarm.actions_enabled:
            for action in alarm.actions(change.new):
                execute(self._cloud, alarm, action, change)

    def _go_on(self, alarm: Alarm) -> None:
        """Scaling goes on for as long as the alarm stays in its state."""
        if alarm.actions_enabled:
            for action in alarm.actions(alarm.state):
                if ":autoscaling:" in action:
                    execute(self._cloud, alarm, action, None)


def _follow(backend: LiveCloudWatchBackend, alarm: CompositeAlarm) -> bool:
    """Let a composite alarm follow its children; returns whether its state changed."""
    rule = alarm.rule
    children = [child for name in rule.alarms if (child := backend.find_alarm(name)) is not None]

    def state_of(name: str) -> str:
        child = backend.find_alarm(name)
        return "INSUFFICIENT_DATA" if child is None else child.state

    state = "ALARM" if rule.holds(state_of) else "OK"
    if state == alarm.state:
        return False
    at, reason = datetime.now(UTC), f"{alarm.arn} was created"
    if children:
        latest = max(children, key=lambda child: child.updated)
        at = latest.updated
        reason = f"{latest.arn} transitioned to {latest.state}"
    reason += f" at {at.strftime('%A %d %B, %Y %H:%M:%S')} UTC"
    backend.change(alarm, "ALARM" if state == "ALARM" else "OK", reason)
    return True
