"""Why a transform job fails: whose fault it is decides what FailureReason says."""

from __future__ import annotations


class TransformError(Exception):
    """A file could not be transformed; the message goes to the job's data log.

    ``FailureReason`` of a job only names the kind of fault and points to the log, as on AWS.
    """

    kind = "InternalServerError"

    @property
    def failure_reason(self) -> str:
        """The job's FailureReason."""
        return f"{self.kind}: See job logs for more information"


class ClientFault(TransformError):
    """The caller's data or settings: a 4xx of the container, too large a record, a failed join."""

    kind = "ClientError"


class AlgorithmFault(TransformError):
    """The model's container: a 5xx, no answer, a process that ended."""

    kind = "AlgorithmError"
