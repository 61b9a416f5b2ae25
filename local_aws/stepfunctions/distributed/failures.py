"""The errors of a distributed map, as a state machine catches them."""

from __future__ import annotations

from typing import Any, cast

from moto.stepfunctions.parser.api import HistoryEventType, MapRunFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import (
    StatesErrorName,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails


class MapRunFailed(Exception):
    """A map run that could not succeed: an error of Step Functions' own, and its cause."""

    def __init__(self, error: StatesErrorNameType, cause: str) -> None:
        super().__init__(cause)
        self.error = error
        self.cause = cause

    def event(self, env: Any) -> FailureEventException:
        """As moto's interpreter raises it."""
        return FailureEventException(
            FailureEvent(
                env=env,
                error_name=StatesErrorName(typ=self.error),
                event_type=HistoryEventType.MapRunFailed,
                event_details=self.details,
            )
        )

    @property
    def details(self) -> EventDetails:
        """What the history tells of it."""
        details = MapRunFailedEventDetails(error=self.error.to_name(), cause=self.cause)
        return cast(EventDetails, {"mapRunFailedEventDetails": details})


def reader_failed(cause: str) -> MapRunFailed:
    """``States.ItemReaderFailed``."""
    return MapRunFailed(StatesErrorNameType.StatesItemReaderFailed, cause)


def writer_failed(cause: str) -> MapRunFailed:
    """``States.ResultWriterFailed``."""
    return MapRunFailed(StatesErrorNameType.StatesResultWriterFailed, cause)


def threshold_exceeded() -> MapRunFailed:
    """``States.ExceedToleratedFailureThreshold``."""
    return MapRunFailed(
        StatesErrorNameType.StatesExceedToleratedFailureThreshold,
        "The specified tolerated failure threshold was exceeded",
    )


def not_permitted(role_arn: str, action: str, resource: str) -> MapRunFailed:
    """The state machine's role may not do what the service itself needs."""
    return MapRunFailed(
        StatesErrorNameType.StatesPermissions,
        f"User: {role_arn} is not authorized to perform: {action} on resource: {resource}",
    )
