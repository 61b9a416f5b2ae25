"""Scaling activities: what was tried, why, and what came of it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4


@dataclass
class Activity:
    """One change of capacity.

    Attributes:
        resource_id: what was scaled.
        dimension: the scalable dimension.
        capacity: what was asked for.
        cause: as AWS words it.
        status: Pending, InProgress, Successful or Failed.
        before: the capacity before it.
        policy: name of the policy, if one triggered it.
    """

    resource_id: str
    dimension: str
    capacity: int
    cause: str
    before: int
    policy: str | None = None
    status: str = "InProgress"
    message: str = ""
    started: float = field(default_factory=time.time)
    ended: float | None = None
    id: str = field(default_factory=lambda: str(uuid4()))

    def __post_init__(self) -> None:
        self.message = f"Setting desired instance count to {self.capacity}."

    @property
    def is_scale_out(self) -> bool:
        """Whether capacity was added."""
        return self.capacity > self.before

    def succeed(self) -> None:
        """The resource has the capacity."""
        self.status, self.ended = "Successful", time.time()
        self.message = (
            f"Successfully set desired instance count to {self.capacity}. Change successfully "
            "fulfilled by sagemaker."
        )

    def fail(self, reason: str) -> None:
        """The resource did not get there."""
        self.status, self.ended = "Failed", time.time()
        self.message = f"Failed to set desired instance count to {self.capacity}. Reason: {reason}"

    def describe(self) -> dict[str, Any]:
        """The activity as DescribeScalingActivities shows it."""
        shown = {
            "ActivityId": self.id,
            "ServiceNamespace": self.dimension.split(":", maxsplit=1)[0],
            "ResourceId": self.resource_id,
            "ScalableDimension": self.dimension,
            "Description": f"Setting desired instance count to {self.capacity}.",
            "Cause": self.cause,
            "StartTime": self.started,
            "StatusCode": self.status,
            "StatusMessage": self.message,
        }
        return shown if self.ended is None else {**shown, "EndTime": self.ended}
