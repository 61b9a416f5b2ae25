"""`ScheduledCapacity`: other bounds from a point in time on."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aws_cdk import TimeZone, Token
from aws_cdk import aws_applicationautoscaling as autoscaling

from inference_constructs.durations import is_late
from inference_constructs.faults import refuse

_EXPRESSION = re.compile(r"(?P<kind>at|rate|cron)\((?P<fields>[^()]+)\)")
_CRON_FIELDS = 6
# https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScheduledAction.html
_NAME = re.compile(r"(?! )[^\x00-\x1f\x7f-\x9f:/|]{1,256}(?<! )")


@dataclass(frozen=True, kw_only=True)
class ScheduledCapacity:
    """Sets the bounds of a scaled resource at a time, once or again and again.

    The bounds stay until another schedule sets others. The policies go on between them. A
    deployment in between keeps the bounds that are in force by then.

    https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-scheduled-scaling.html

    Attributes:
        name: what it is called, such as `morning`.
        schedule: when; `Schedule.cron`, `Schedule.at` or `Schedule.rate`.
        time_zone: whose clock `cron` and `at` mean, daylight saving included; by default UTC.
        min_capacity: the new minimum; by default it stays.
        max_capacity: the new maximum; by default it stays.
        start: before this moment nothing happens, which is told in its own time zone.
        end: after it likewise.
    """

    name: str
    schedule: autoscaling.Schedule
    time_zone: TimeZone | None = None
    min_capacity: int | None = None
    max_capacity: int | None = None
    start: datetime | None = None
    end: datetime | None = None

    def __post_init__(self) -> None:
        """Refuses what Application Auto Scaling refuses.

        Raises:
            ValueError: names all that is wrong.
        """
        refuse(f"schedule {self.name!r}", self._faults())

    def definition(self) -> dict[str, Any]:
        """The schedule, in the words of CloudFormation's `ScheduledAction`."""
        optional = {
            "Timezone": None if self.time_zone is None else self.time_zone.timezone_name,
            "StartTime": None if self.start is None else self.start.isoformat(),
            "EndTime": None if self.end is None else self.end.isoformat(),
        }
        bounds = {"MinCapacity": self.min_capacity, "MaxCapacity": self.max_capacity}
        return {
            "ScheduledActionName": self.name,
            "Schedule": self.schedule.expression_string,
            **{name: value for name, value in optional.items() if value is not None},
            "ScalableTargetAction": {
                name: value for name, value in bounds.items() if value is not None
            },
        }

    def _faults(self) -> list[str]:
        faults = [*self._expression_faults(), *self._bound_faults()]
        if not Token.is_unresolved(self.name) and not _NAME.fullmatch(self.name):
            faults.append("the name must be up to 256 characters without colon, slash or bar")
        times = [time for time in (self.start, self.end) if time is not None]
        if any(time.tzinfo is None for time in times):
            faults.append("start and end must have a time zone")
        elif len(times) > 1 and times[0] >= times[1]:
            faults.append(f"start ({times[0]}) must be before end ({times[1]})")
        return faults

    def _expression_faults(self) -> list[str]:
        expression = self.schedule.expression_string
        if Token.is_unresolved(expression):
            return []
        found = _EXPRESSION.fullmatch(expression)
        if found is None or (
            found["kind"] == "cron" and len(found["fields"].split()) != _CRON_FIELDS
        ):
            return [
                f"the schedule must be at(yyyy-mm-ddThh:mm:ss), rate(value unit) or cron() of "
                f"{_CRON_FIELDS} fields, not {expression}"
            ]
        if found["kind"] == "rate" and self.time_zone is not None:
            return ["a rate has no time zone: leave it out"]
        return []

    def _bound_faults(self) -> list[str]:
        lowest, highest = self.min_capacity, self.max_capacity
        if lowest is None and highest is None:
            return ["min_capacity, max_capacity or both must be given, or nothing would change"]
        faults = [
            f"{name} must be 0 or greater, not {value}"
            for name, value in (("min_capacity", lowest), ("max_capacity", highest))
            if value is not None and value < 0 and not is_late(value)
        ]
        if lowest is None or highest is None or any(map(is_late, (lowest, highest))):
            return faults
        if lowest > highest:
            faults.append(
                f"min_capacity ({lowest}) must not be greater than max_capacity ({highest})"
            )
        return faults
