"""How services of this AWS publish their metrics."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime

from local_aws.cloud import ACCOUNT, REGION
from local_aws.cloudwatch.store import Datapoint, SeriesKey, dimensions_key, store_of


def publish(  # noqa: PLR0917
    namespace: str,
    metric: str,
    dimensions: Mapping[str, str],
    value: float,
    unit: str,
    at: datetime | None = None,
) -> None:
    """Publish one value of a metric, without a request: cheap enough for each prediction.

    Args:
        namespace: e.g. ``AWS/SageMaker``.
        metric: the metric's name.
        dimensions: all of them: CloudWatch does not aggregate over dimensions, so a service
            publishes once for each set of dimensions that it offers.
        value: the value.
        unit: CloudWatch's name, e.g. ``Microseconds``, ``Percent``, ``None``.
        at: when; now if not given.
    """
    store_of(ACCOUNT, REGION).add(
        SeriesKey(namespace, metric, dimensions_key(dimensions)),
        Datapoint.of(value),
        at=time.time() if at is None else at.timestamp(),
        unit=unit,
    )
