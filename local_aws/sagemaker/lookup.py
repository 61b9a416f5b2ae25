"""Looks up who answers a request."""

from __future__ import annotations

from local_aws.sagemaker.endpoint import Endpoint
from local_aws.sagemaker.fleet import Fleet
from local_aws.sagemaker.hosting import Hosting
from local_aws.sagemaker.replies import RuntimeFault

_SERVING = {"InService", "Updating", "RollingBack", "SystemUpdating", "UpdateRollbackFailed"}


def serving(where: Hosting, endpoint_name: str) -> tuple[Endpoint, Fleet]:
    """The endpoint of this name and the fleet that a request goes to now.

    Raises:
        RuntimeFault: there is none, or it does not take requests.
    """
    endpoint = where.endpoints.get(endpoint_name)
    fleet = endpoint.traffic.choose() if endpoint is not None else None
    if endpoint is None or fleet is None or endpoint.endpoint_status not in _SERVING:
        message = f"Endpoint {endpoint_name} of account {where.account_id} not found."
        raise RuntimeFault(400, "ValidationError", message)
    return endpoint, fleet


def unsupported(endpoint_name: str) -> RuntimeFault:
    """The endpoint is of the other kind: asynchronous, or not."""
    message = f"Endpoint {endpoint_name} does not support this inference type."
    return RuntimeFault(400, "ValidationError", message)
