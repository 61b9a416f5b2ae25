"""CPU and memory of a job's instances, in CloudWatch.

See https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html, "jobs and endpoint
metrics".
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from botocore.exceptions import ClientError

from local_aws.sagemaker.instances import ModelInstance

NAMESPACE = "/aws/sagemaker/TransformJobs"
PERIOD_SECONDS = 60


class Utilization:
    """Publishes once a minute, and once when the context ends, with the execution role's session.

    A role that may not put metrics loses them, as on AWS; the job goes on.
    """

    def __init__(
        self, cloudwatch: Any, instances: Mapping[str, ModelInstance], *, speed: float
    ) -> None:
        self._cloudwatch = cloudwatch
        self._instances = instances
        self._period = PERIOD_SECONDS / speed
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="utilization", daemon=True)

    def __enter__(self) -> None:
        for instance in self._instances.values():
            # Counts from here.
            instance.utilization()
        self._thread.start()

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._period):
            self._publish()
        self._publish()

    def _publish(self) -> None:
        data = []
        for host, instance in self._instances.items():
            for name, value in zip(
                ("CPUUtilization", "MemoryUtilization"), instance.utilization(), strict=True
            ):
                data.append(
                    {
                        "MetricName": name,
                        "Dimensions": [{"Name": "Host", "Value": host}],
                        "Value": value,
                        "Unit": "Percent",
                    }
                )
        with contextlib.suppress(ClientError):
            self._cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=data)
