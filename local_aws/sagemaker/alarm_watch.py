"""The alarms that roll a deployment back, read as the endpoint's execution role.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from local_aws.cloud import Cloud
from local_aws.permissions.sessions import assume
from local_aws.sagemaker.artifacts import SERVICE


class DeploymentError(Exception):
    """The deployment must not go on; the message is the endpoint's FailureReason."""


class AlarmWatch:
    """Looks at alarms; a deployment without alarms has one that sees nothing."""

    def __init__(self, cloud: Cloud, *, role_arn: str, names: Sequence[str]) -> None:
        self._cloud = cloud
        self._role_arn = role_arn
        self._names = list(dict.fromkeys(names))

    @cached_property
    def _client(self) -> Any:
        session = assume(self._role_arn, service=SERVICE, session_name="SageMaker")
        return self._cloud.client("cloudwatch", session)

    def check(self) -> None:
        """Look once.

        Raises:
            DeploymentError: an alarm is in ALARM, does not exist, or may not be read by the role.
        """
        if not self._names:
            return
        try:
            found = self._client.describe_alarms(
                AlarmNames=self._names, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
            )
        except ClientError as error:
            raise DeploymentError(
                f"The role '{self._role_arn}' could not describe the auto-rollback alarms: "
                f"{error.response['Error']['Message']}. Ensure that the execution role has "
                f"permission to perform the cloudwatch:DescribeAlarms action on the alarms."
            ) from error
        alarms = [*found["MetricAlarms"], *found["CompositeAlarms"]]
        states = {alarm["AlarmName"]: alarm["StateValue"] for alarm in alarms}
        if missing := [name for name in self._names if name not in states]:
            raise DeploymentError(
                f"The auto-rollback alarm(s) {', '.join(missing)} could not be found in CloudWatch."
            )
        if tripped := [name for name in self._names if states[name] == "ALARM"]:
            raise DeploymentError(
                f"The deployment was rolled back because the auto-rollback alarm(s) "
                f"{', '.join(tripped)} went into the ALARM state."
            )
