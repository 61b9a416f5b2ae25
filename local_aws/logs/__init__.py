"""CloudWatch Logs of the local AWS: the operations on log groups that moto lacks."""

from __future__ import annotations

import inspect

from moto.logs.exceptions import ResourceNotFoundException
from moto.logs.models import LogGroup
from moto.logs.responses import LogsResponse

from local_aws.subsystem import Subsystem


class Logs(Subsystem):
    """Keys of existing log groups, and metric filters that are overwritten, not doubled."""

    def install(self) -> None:
        """Put the operations in the place of moto's."""
        for name, member in vars(_Operations).items():
            if inspect.isfunction(member):
                setattr(LogsResponse, name, member)


class _Operations(LogsResponse):
    """One method for each operation."""

    def associate_kms_key(self) -> str:
        _group(self).kms_key_id = self._get_param("kmsKeyId")
        return ""

    def disassociate_kms_key(self) -> str:
        _group(self).kms_key_id = None
        return ""

    def put_metric_filter(self) -> str:
        group = _group(self)
        name = self._get_param("filterName")
        filters = self.logs_backend.filters
        filters.metric_filters = [
            entry
            for entry in filters.metric_filters
            if (entry["filterName"], entry["logGroupName"]) != (name, group.name)
        ]
        filters.add_filter(
            name,
            self._get_param("filterPattern"),
            group.name,
            self._get_param("metricTransformations"),
        )
        return ""


def _group(response: LogsResponse) -> LogGroup:
    group = response.logs_backend.groups.get(response._get_param("logGroupName"))
    if group is None:
        raise ResourceNotFoundException
    return group
