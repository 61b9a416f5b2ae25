"""X-Ray traces of executions: one segment for each, without those of its states."""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from local_aws.cloud import Cloud
from local_aws.stepfunctions.authorization import role_may
from local_aws.stepfunctions.clients import client_for

LOG = logging.getLogger(__name__)
# AWS documents these together with the two that send, and not what only some of them would do:
# https://docs.aws.amazon.com/step-functions/latest/dg/xray-iam.html
_SAMPLING = ("xray:GetSamplingRules", "xray:GetSamplingTargets")


class Trace:
    """The trace of one execution.

    Attributes:
        header: the trace header, as DescribeExecution shows it.
    """

    def __init__(self, cloud: Cloud, *, role_arn: str, machine_arn: str, execution_arn: str):
        self._cloud = cloud
        self._role_arn = role_arn
        self._machine_arn = machine_arn
        self._execution_arn = execution_arn
        self._id = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
        self.header = f"Root={self._id};Sampled=1"

    @classmethod
    def of(cls, cloud: Cloud, state_machine: Any, execution_arn: str) -> Trace | None:
        """A trace if the state machine has tracing enabled."""
        given: Mapping[str, Any] = state_machine.tracingConfiguration or {}
        if not given.get("enabled"):
            return None
        return cls(
            cloud,
            role_arn=state_machine.roleArn,
            machine_arn=state_machine.arn,
            execution_arn=execution_arn,
        )

    def send(self, *, start: float, end: float, failed: bool) -> None:
        """Send the segment of an execution that has ended.

        Args:
            start: when it began, in seconds since the epoch.
            end: when it ended.
            failed: whether it ended otherwise than well.
        """
        if not all(role_may(self._role_arn, action, "*") for action in _SAMPLING):
            LOG.warning("%s is not traced: its role may not sample", self._execution_arn)
            return
        region = self._machine_arn.split(":")[3]
        segment = {
            "id": secrets.token_hex(8),
            "trace_id": self._id,
            "name": self._machine_arn.rpartition(":")[2],
            "origin": "AWS::StepFunctions::StateMachine",
            "start_time": start,
            "end_time": end,
            "fault": failed,
            "aws": {"execution_arn": self._execution_arn},
        }
        try:
            xray = client_for(
                self._cloud, region, "xray", self._role_arn, source_arn=self._machine_arn
            )
            xray.put_telemetry_records(
                TelemetryRecords=[{"Timestamp": end, "SegmentsReceivedCount": 1}]
            )
            xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(segment)])
        except ClientError as error:
            # An execution goes on without its trace.
            LOG.warning("trace of %s: %s", self._execution_arn, error)
