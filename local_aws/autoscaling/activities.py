"""Scaling activities: what was tried, why, and what came of it.

Worded as in
https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-scaling-activities.html.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4


@dataclass
class Activity:
    """One change of a resource's capacity, or of a target's bounds.

    Attributes:
        resource_id: what was scaled.
        dimension: the scalable dimension.
        goal: what was to be set to what.
        cause: as AWS words it.
        before: the capacity before it; None for a change of bounds.
        capacity: what was asked for; None for a change of bounds.
        policy: name of the policy, if one triggered it.
        status: InProgress, Successful or Failed.
    """

    resource_id: str
    dimension: str
    goal: str
    cause: str
    before: int | None = None
    capacity: int | None = None
    policy: str | None = None
    status: str = "InProgress"
    message: str = ""
    started: float = field(default_factory=time.time)
    ended: float | None = None
    id: str = field(default_factory=lambda: str(uuid4()))

    def __post_init__(self) -> None:
        self.message = self.description

    @property
    def description(self) -> str:
        """What it does."""
        return f"Setting {self.goal}{'' if self.capacity is None else '.'}"

    @property
    def is_scale_out(self) -> bool:
        """Whether capacity was added."""
        return self.before is not None and self.capacity is not None and self.capacity > self.before

    def succeed(self) -> None:
        """The resource has the capacity, or the target its bounds."""
        self.status, self.message = "Successful", f"Successfully set {self.goal}"
        if self.capacity is not None:
            self.ended = time.time()
            self.message += f". Change successfully fulfilled by {self._namespace}."

    def fail(self, reason: str) -> None:
        """The resource did not get there."""
        self.status, self.ended = "Failed", time.time()
        self.message = f"Failed to set {self.goal}. Reason: {reason}"

    def describe(self) -> dict[str, Any]:
        """The activity as DescribeScalingActivities shows it."""
        shown = {
            "ActivityId": self.id,
            "ServiceNamespace": self._namespace,
            "ResourceId": self.resource_id,
            "ScalableDimension": self.dimension,
            "Description": self.description,
            "Cause": self.cause,
            "StartTime": self.started,
            "StatusCode": self.status,
            "StatusMessage": self.message,
        }
        return shown if self.ended is None else {**shown, "EndTime": self.ended}

    @property
    def _namespace(self) -> str:
        return self.dimension.split(":", maxsplit=1)[0]
