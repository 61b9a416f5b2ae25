"""Settings of the hours in which an endpoint is needed."""

from datetime import time
from typing import Annotated, Literal, Self

from aws_cdk import TimeZone
from pydantic import Field, NonNegativeInt, model_validator

from inference_constructs import BusinessHours, Weekday
from stacks.section import Section

_TimeOfDay = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
_Day = Literal["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]


class OfficeHoursSettings(Section):
    """When the endpoint is needed. Outside of these hours it costs less, or nothing."""

    opens: _TimeOfDay
    """The time of day at which it is needed, in quotes: "08:00"."""
    closes: _TimeOfDay
    """The time of day after which it is not, in quotes."""
    time_zone: str
    """Whose clock that is, such as Europe/Berlin."""
    days: list[_Day] = ["MON", "TUE", "WED", "THU", "FRI"]
    """The days on which it opens."""
    closed_capacity: NonNegativeInt = 0
    """Instances that stay. 0 deletes the endpoint, and makes it again before the hours."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        self.hours()
        return self

    def hours(self) -> BusinessHours:
        """The value that the constructs take."""
        return BusinessHours(
            opens=time.fromisoformat(self.opens),
            closes=time.fromisoformat(self.closes),
            time_zone=TimeZone.of(self.time_zone),
            days=[Weekday(day) for day in self.days],
        )
