"""What a test asked a transform job to suffer; see `local_aws.faults`."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from local_aws.faults.registry import FAULTS
from local_aws.transform.errors import TransformError
from local_aws.transform.runner import Answer, Instance

# https://docs.aws.amazon.com/sagemaker/latest/dg/common-info-all-im-models.html
_REASONS = {
    "CapacityError": (
        "CapacityError: Unable to provision requested ML compute capacity. Please retry using a "
        "different ML instance type."
    ),
    "InternalServerError": (
        "InternalServerError: We encountered an internal error. Please try again."
    ),
}


def fail_if_asked(name: str) -> None:
    """Fail a job before it has read anything.

    Raises:
        TransformError: a fault of the service's own was asked for.
    """
    for fault, reason in _REASONS.items():
        if FAULTS.strike_job(name, fault) is not None:
            raise TransformError(reason)


def mortal(name: str, instance: Any) -> Instance:
    """The instance, or one whose container dies after some requests."""
    fault = FAULTS.strike_job(name, "ContainerDies")
    return instance if fault is None else _Dying(instance, int(fault.get("AfterRequests", 0)))


def lose_outputs(name: str, s3: Any, bucket: str, keys: Mapping[str, str]) -> None:
    """Delete what a job has written.

    Args:
        name: of the job.
        s3: a client that may delete.
        bucket: of the outputs.
        keys: of the outputs, by their path below the output path.
    """
    fault = FAULTS.strike_job(name, "OutputVanishes")
    if fault is None:
        return
    for relative, key in keys.items():
        if fnmatchcase(relative, fault.get("Output", "*")):
            s3.delete_object(Bucket=bucket, Key=key)


class _Dying:
    """A container that is ended by its last request."""

    def __init__(self, instance: Any, requests: int) -> None:
        self._instance = instance
        self._left = requests
        self._lock = threading.Lock()

    @property
    def alive(self) -> bool:
        alive: bool = self._instance.alive
        return alive

    def invoke(self, body: bytes, headers: Mapping[str, str], *, timeout: float) -> Answer:
        with self._lock:
            dies = self._left == 0
            self._left -= 1
        if dies:
            self._instance.stop()
        answer: Answer = self._instance.invoke(body, headers, timeout=timeout)
        return answer
